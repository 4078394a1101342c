"""``tidemill user``: the people of this installation, for whoever has the machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidemill.cli.asking import JSON
from tidemill.cli.flags import with_flags
from tidemill.cli.places import DATA_DIR, DATABASE
from tidemill.model.errors import ConfigError, UnknownName
from tidemill.model.people import Role, Tier

if TYPE_CHECKING:
    from tidemill.services.access.access import Access
    from tidemill.services.access.persons import User

__all__ = [
    "add_user",
    "change_password",
    "change_role",
    "change_tier",
    "list_users",
    "owner_code",
    "remove_user",
]

_NAME = Annotated[str, typer.Argument(metavar="NAME", help="User name or e-mail address.")]


def _access(data_dir: str | None, database: str | None) -> Access:
    from tidemill.bootstrap.api import find_parts

    return find_parts(data_dir, database).access


def _named(access: Access, name: str) -> User:
    row = access.users.named(name)
    if row is None:
        raise UnknownName("user", name, [user.username for user in access.users.page(1_000)])
    user = access.users.find(int(row["id"]))
    if user is None:
        raise UnknownName("user", name, [])
    return user


def _role(text: str) -> Role:
    if text not in set(Role):
        raise UnknownName("role", text, Role)
    return Role(text)


def _tier(text: str) -> Tier:
    if text.upper() not in set(Tier):
        raise UnknownName("tier", text, Tier)
    return Tier(text.upper())


def _password() -> str:
    """Ask for a password twice, or read one line when nobody sits there; it never stands in the command."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first: str = typer.prompt("Password", hide_input=True)
    if first != typer.prompt("Again", hide_input=True):
        raise ConfigError("The two passwords differ; try again.")
    return first


def _plain(user: User) -> dict[str, Any]:
    return {
        "id": user.user_id,
        "username": user.username,
        "email": user.email,
        "role": str(user.role),
        "tier": str(user.tier),
        "is_active": user.is_active,
    }


def _tell(user: User, *, as_json: bool) -> None:
    from tidemill.cli.show import print_json

    if as_json:
        print_json(_plain(user))
        return
    state = "" if user.is_active else ", may not sign in"
    typer.echo(f"{user.user_id:>5}  {user.username:<24} {user.email:<32} {user.role}, {user.tier}{state}")


@with_flags()
def add_user(
    name: Annotated[str, typer.Argument(metavar="NAME", help="User name: 3 to 32 of a-z, 0-9, dot, dash, underscore.")],
    *,
    email: Annotated[str, typer.Option(help="E-mail address; it signs in too.")],
    role: Annotated[str, typer.Option(help="viewer, trader, admin or owner.")] = "trader",
    tier: Annotated[str, typer.Option(help="FREE, BASIC, PREMIUM or ENTERPRISE.")] = "FREE",
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    as_json: JSON = False,
) -> None:
    """Add somebody; the password is asked for, or read from standard input."""
    from tidemill.services.access.persons import NewUser

    new = NewUser(name, email, _password(), _role(role), _tier(tier))
    _tell(_access(data_dir, database).users.add(new, None), as_json=as_json)


@with_flags()
def list_users(*, data_dir: DATA_DIR = None, database: DATABASE = None, as_json: JSON = False) -> None:
    """List everybody."""
    from tidemill.cli.show import print_json

    users = _access(data_dir, database).users.page(1_000)
    if as_json:
        print_json([_plain(user) for user in users])
        return
    for user in users:
        _tell(user, as_json=False)


@with_flags()
def change_tier(
    name: _NAME,
    tier: Annotated[str, typer.Argument(help="FREE, BASIC, PREMIUM or ENTERPRISE.")],
    *,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    as_json: JSON = False,
) -> None:
    """Change what somebody has subscribed to."""
    from tidemill.services.access.persons import UserChange

    access = _access(data_dir, database)
    _tell(access.users.change(_named(access, name).user_id, UserChange(tier=_tier(tier)), None), as_json=as_json)


@with_flags()
def change_role(
    name: _NAME,
    role: Annotated[str, typer.Argument(help="viewer, trader, admin or owner.")],
    *,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    as_json: JSON = False,
) -> None:
    """Change what somebody may do; with less they are signed out."""
    from tidemill.services.access.persons import UserChange

    access = _access(data_dir, database)
    _tell(access.users.change(_named(access, name).user_id, UserChange(role=_role(role)), None), as_json=as_json)


@with_flags()
def change_password(
    name: _NAME, *, data_dir: DATA_DIR = None, database: DATABASE = None, as_json: JSON = False
) -> None:
    """Give somebody another password and sign them out; it is asked for, or read from standard input."""
    access = _access(data_dir, database)
    user = _named(access, name)
    access.users.set_password(user.user_id, _password(), None)
    _tell(user, as_json=as_json)


@with_flags()
def remove_user(name: _NAME, *, data_dir: DATA_DIR = None, database: DATABASE = None, as_json: JSON = False) -> None:
    """Remove somebody; the record of their runs stays."""
    from tidemill.cli.show import print_json

    access = _access(data_dir, database)
    user = _named(access, name)
    access.users.remove(user.user_id, None)
    if as_json:
        print_json({"removed": user.username})
    else:
        typer.echo(f"Removed: {user.username}")


@with_flags()
def owner_code(*, data_dir: DATA_DIR = None, database: DATABASE = None, as_json: JSON = False) -> None:
    """Make another code for the first owner; the one before is void."""
    from tidemill.cli.show import print_json

    code = _access(data_dir, database).new_owner_code(again=True)
    if code is None:
        raise ConfigError("Somebody is registered already; an owner adds others (tidemill user add).")
    if as_json:
        print_json({"code": code})
    else:
        typer.echo(code)
