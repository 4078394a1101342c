"""``tidemill up``: engines and watchdog as processes that are kept alive; the hidden verbs they are started with."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidemill.cli.api import WELCOME
from tidemill.cli.asking import JSON
from tidemill.cli.flags import with_flags
from tidemill.cli.places import DATA_DIR, DATABASE

if TYPE_CHECKING:
    from tidemill.services.home import Home

__all__ = ["engine", "up", "watchdog"]

_START = "import sys; from tidemill.cli.main import main; sys.exit(main())"
_SPEED = Annotated[str, typer.Option(help="Of a replay: max, or 1 to 1000 times the market's pace.", metavar="max|N")]
_HANG = Annotated[float, typer.Option(help="Seconds of silence after which an engine is killed.", hidden=True)]
_CANCEL = Annotated[float, typer.Option(help="Seconds of silence after which entries are cancelled.", hidden=True)]
_PARENT = Annotated[int, typer.Option(help="Process id of the starter.")]


def _speed(text: str) -> float:
    from tidemill.cli.options import parse_number

    return math.inf if text == "max" else parse_number(text, "--speed", "--speed 60, or max")


@with_flags()
def up(  # noqa: PLR0913 - one option each
    agents: Annotated[list[Path] | None, typer.Argument(help="TOML files of agents; without any, the service.")] = None,
    *,
    service: Annotated[
        bool | None, typer.Option("--service/--no-service", help="Host the runs of the API's users, and serve the API.")
    ] = None,
    api: Annotated[bool, typer.Option("--api/--no-api", help="Whether the service is reachable over HTTP.")] = True,
    host: Annotated[str | None, typer.Option(help="Address the API listens on (default 127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the API (default 9001).")] = None,
    behind_proxy: Annotated[
        list[str] | None,
        typer.Option(help="Address of the proxy in front, which ends TLS; needed to listen for others. Repeatable."),
    ] = None,
    speed: _SPEED = "max",
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    flatten_after: Annotated[
        float, typer.Option(help="Let the watchdog close positions after so many seconds of silence; 0: never.")
    ] = 0.0,
    hang_after: _HANG = 35.0,
    cancel_after: _CANCEL = 30.0,
    as_json: JSON = False,
) -> None:
    """Keep the service running: the engine host, the API and the watchdog; or agents of files, or both.

    Whatever dies is started again. Prints READY when all are at work, where the API listens, and on the first start the
    code that makes its bearer the owner. With --json each of these is a line of JSON.
    """
    import signal

    from tidemill.cli.agent_file import read_agent
    from tidemill.model.errors import ConfigError
    from tidemill.services.children import KeeperSettings
    from tidemill.services.desks import find_desk
    from tidemill.services.engine_jobs import plan_engines
    from tidemill.services.home import find_home
    from tidemill.services.hosting.bells import address_file
    from tidemill.services.logs import LEVEL_VARIABLE
    from tidemill.services.settings.loading import load_settings
    from tidemill.services.supervision import Keeper

    _speed(speed)
    specs = [read_agent(path) for path in agents or ()]
    serves = not specs if service is None else service
    if not specs and not serves:
        raise ConfigError("Name the files of agents, or let the service run; --no-service alone leaves nothing to do.")
    given = {name: value for name, value in {"api_host": host, "api_port": port}.items() if value is not None}
    settings = load_settings(overrides=given).settings
    home, code = _open_door(data_dir, database, given, behind_proxy or ()) if serves and api else (None, None)
    home = home or find_home(data_dir, database or settings.database)
    jobs = plan_engines(home, specs)
    herald = _Herald(address_file(home) if serves and api else None, as_json=as_json)
    if code:
        herald.tell_code(code)
    # By environment: the address of a database may hold a password, which a list of processes would show.
    os.environ["TIDEMILL_DATABASE_URL"] = home.url
    os.environ[LEVEL_VARIABLE] = settings.log_level
    places = ["--data-dir", str(home.folder), "--parent", str(os.getpid())]
    begin = [sys.executable, "-c", _START]
    watched = [word for job in jobs for word in ("--run", f"{job.run_id}={job.account}")]
    dog = [
        *begin,
        "watchdog",
        *watched,
        *places,
        "--cancel-after",
        str(cancel_after),
        *(["--hosted"] if serves else []),
    ]
    door = [word for name, value in given.items() for word in ("--" + name.removeprefix("api_"), str(value))]
    door += [word for proxy in behind_proxy or () for word in ("--behind-proxy", proxy)]
    services = {"host": [*begin, "host", "--watched", *places]}
    if api:
        services["api"] = [*begin, "api", *door, *places]
    keeper = Keeper(
        home,
        jobs,
        engine=lambda job: [*begin, "engine", job.run_id, "--speed", speed, *places],
        watchdog=[*dog, "--flatten-after", str(flatten_after)],
        names=lambda run_id: find_desk(home, run_id).strategies,
        say=herald,
        settings=KeeperSettings(hang_s=hang_after),
        services=services if serves else {},
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: keeper.stop())
    if keeper.run():
        raise typer.Exit(1)


def _open_door(
    data_dir: str | None, database: str | None, given: Mapping[str, str | int], behind_proxy: Sequence[str]
) -> tuple[Home, str | None]:
    """Refuse here what the API's process would refuse, before anything is started; return home and owner's code."""
    from tidemill.bootstrap.api import Behind, check_door, find_parts

    parts = find_parts(data_dir, database, given)
    check_door(parts.loaded.settings.api_host, Behind(tuple(behind_proxy)))
    code = parts.access.new_owner_code()
    parts.close()
    return parts.home, code


class _Herald:
    """Tells the terminal what the keeper says, and with the first READY where the API is.

    Args:
        address: file with the API's address, None when there is no API.
        as_json: a line of JSON each: ``event`` is ``owner_code``, ``ready``, ``listening`` or ``told``.
    """

    def __init__(self, address: Path | None, *, as_json: bool) -> None:
        self._address, self._as_json = address, as_json

    def __call__(self, line: str) -> None:
        self._say(line, {"event": "ready"} if line == "READY" else {"event": "told", "text": line})
        if line == "READY" and self._address is not None and self._address.exists():
            url = self._address.read_text(encoding="ascii")
            self._say(f"Tidemill listens on {url}", {"event": "listening", "address": url})
            self._address = None

    def tell_code(self, code: str) -> None:
        """Tell the code that makes its bearer the owner."""
        self._say(WELCOME.format(code=code), {"event": "owner_code", "code": code})

    def _say(self, line: str, document: Mapping[str, str]) -> None:
        sys.stdout.write((json.dumps(document) if self._as_json else line) + "\n")
        sys.stdout.flush()


@with_flags()
def engine(
    run: Annotated[str, typer.Argument(help="Id of the run.")],
    *,
    speed: _SPEED = "max",
    parent: _PARENT = 0,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
) -> None:
    """Serve one run, as `tidemill up` starts it."""
    from tidemill.services.home import find_home
    from tidemill.services.serving import serve_engine

    serve_engine(find_home(data_dir, database), run, _speed(speed), parent or os.getppid())


@with_flags()
def watchdog(
    *,
    run: Annotated[list[str] | None, typer.Option(help="A run and its account.", metavar="RUN=ACCOUNT")] = None,
    hosted: Annotated[bool, typer.Option("--hosted", help="Watch over the runs of the service too.")] = False,
    parent: _PARENT = 0,
    cancel_after: _CANCEL = 30.0,
    flatten_after: Annotated[float, typer.Option(help="0: never.")] = 0.0,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
) -> None:
    """Watch over runs, as `tidemill up` starts it."""
    import asyncio
    import signal

    from tidemill.cli.options import parse_pairs
    from tidemill.runtime.guard.silence import WatchSettings
    from tidemill.services.home import find_home
    from tidemill.services.watching import Watched, watch

    usual = WatchSettings()
    settings = WatchSettings(
        alert_s=min(usual.alert_s, cancel_after),
        cancel_s=cancel_after,
        flatten_s=flatten_after or usual.flatten_s,
        flattens=flatten_after > 0.0,
    )
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C at the terminal is for the one who started it
    runs = [Watched(name, account) for name, account in parse_pairs(run or (), "run", "demo-1=paper:demo-1").items()]
    asyncio.run(watch(find_home(data_dir, database), runs, settings, parent, hosted=hosted))
