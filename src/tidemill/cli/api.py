"""``tidemill api``: the door for programs and browsers, as ``tidemill up`` starts it."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from tidemill.cli.asking import JSON
from tidemill.cli.flags import with_flags
from tidemill.cli.places import DATA_DIR, DATABASE

__all__ = ["WELCOME", "api"]

WELCOME = """\
Nobody is registered here yet. Become the owner with this code, which is good once:

    {code}

POST /v1/auth/register-owner with code, username, email and password; `tidemill user code` makes another code.
"""


@with_flags()
def api(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on (default 127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one (default 9001).")] = None,
    behind_proxy: Annotated[
        list[str] | None,
        typer.Option(help="Address of the proxy in front, which ends TLS; needed to listen for others. Repeatable."),
    ] = None,
    parent: Annotated[int, typer.Option(help="Process id of the starter; it ends with it.", hidden=True)] = 0,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    as_json: JSON = False,
) -> None:
    """Serve the API of this installation; on the first start it prints the code that makes its bearer the owner."""
    from tidemill.bootstrap.api import Behind, find_parts, serve

    given = {"api_host": host, "api_port": port}
    parts = find_parts(data_dir, database, {name: value for name, value in given.items() if value is not None})
    code = parts.access.new_owner_code()
    if code is not None:
        event = json.dumps({"event": "owner_code", "code": code}) + "\n"
        sys.stdout.write(event if as_json else WELCOME.format(code=code))
        sys.stdout.flush()
    settings = parts.loaded.settings
    serve(parts, Behind(tuple(behind_proxy or ())), host=settings.api_host, port=settings.api_port, parent=parent)
