"""``tidemill token``: an access token for scripts on this machine, made with the installation's key."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from tidemill.cli.asking import JSON
from tidemill.cli.flags import with_flags
from tidemill.cli.places import DATA_DIR, DATABASE
from tidemill.model.errors import ConfigError, OutputError, UnknownName
from tidemill.model.people import Role

__all__ = ["token"]

_LONGEST_MIN = 7 * 24 * 60


@with_flags()
def token(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="User name or e-mail address.")] = None,
    *,
    user_id: Annotated[int | None, typer.Option(help="Number of the user, instead of the name.")] = None,
    roles: Annotated[str | None, typer.Option(help="At most these of the user's roles: viewer,trader.")] = None,
    expires: Annotated[int, typer.Option(help="Minutes for which it is good.", metavar="MINUTES")] = 30,
    output: Annotated[Path | None, typer.Option(help="File to write it to, for this user's eyes only.")] = None,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    as_json: JSON = False,
) -> None:
    """Make an access token for somebody; not in the profile prod, where everybody signs in."""
    from tidemill.bootstrap.api import find_parts
    from tidemill.cli.show import print_json
    from tidemill.services.settings.profiles import Profile

    parts = find_parts(data_dir, database)
    if parts.loaded.settings.profile is Profile.PROD:
        raise ConfigError("In the profile prod no token is made by hand; sign in (POST /v1/auth/login).")
    if not 0 < expires <= _LONGEST_MIN:
        raise ConfigError(f"--expires is 1 to {_LONGEST_MIN} minutes, not {expires}.")
    users = parts.access.users
    row = users.named(name) if name else None
    user = users.find(int(row["id"]) if row else user_id or 0)
    if user is None or (user_id is not None and user.user_id != user_id):
        raise UnknownName("user", name or str(user_id), [item.username for item in users.page(1_000)])
    text, ends = parts.access.mint(user, expires * 60, _most(roles, user.role))
    if output is not None:
        _write(output, text)
    if as_json:
        where = {"token": text} if output is None else {"file": str(output)}
        print_json({"id": user.user_id, "username": user.username, "expires_at_s": ends, **where})
    elif output is None:
        typer.echo(text)


def _most(roles: str | None, own: Role) -> Role | None:
    """Return the highest of the roles that were asked for, which must be the user's own."""
    if roles is None:
        return None
    names = [item.strip() for item in roles.split(",") if item.strip()]
    unknown = next((item for item in names if item not in set(Role)), None)
    if unknown is not None or not names:
        raise UnknownName("role", unknown or roles, Role)
    most = max((Role(item) for item in names), key=lambda role: role.rank)
    if most.rank > own.rank:
        raise ConfigError(f"That user is {own}; a token cannot have the role {most}.")
    return most


def _write(path: Path, text: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text + "\n")
        path.chmod(0o600)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}); check --output.") from None
