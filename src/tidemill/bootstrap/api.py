"""The process behind the door: settings, database and services become parts, parts become an app, uvicorn serves it."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import uvicorn
from uvicorn.importer import import_from_string

from tidemill.adapters.sql.database import Database
from tidemill.adapters.sql.opening import open_store
from tidemill.bootstrap.beating import BeatingServer
from tidemill.bootstrap.fleet import build_fleet
from tidemill.bootstrap.manual import build_manual
from tidemill.bootstrap.operations import build_operations
from tidemill.bootstrap.parts import Parts
from tidemill.bootstrap.protocol import PatientProtocol
from tidemill.bootstrap.research import build_research
from tidemill.bootstrap.server_log import ServerLog
from tidemill.bootstrap.telling import build_telling
from tidemill.model.errors import ConfigError
from tidemill.runtime.clock import SystemClock, SystemIds
from tidemill.services.access.access import Access, AccessSettings
from tidemill.services.access.keys import signing_key
from tidemill.services.access.tokens import TokenSettings
from tidemill.services.home import Home, find_home
from tidemill.services.hosting.bells import address_file
from tidemill.services.logs import Log
from tidemill.services.settings.loading import Loaded, load_settings
from tidemill.services.settings.profiles import Profile

__all__ = ["Behind", "build_parts", "check_door", "find_parts", "serve", "server_config"]

_APP = "tidemill.web.app:create_app"  # by name: the door stands on the floor above
_KEEP_ALIVE_S = 15
_CONNECTIONS = 512
_STOP_S = 10
_PARENT_S = 1.0


@dataclass(frozen=True, slots=True)
class Behind:
    """A proxy in front of this process, which ends TLS.

    Args:
        trusted: addresses whose word about the caller's address is taken; empty: there is no proxy.
    """

    trusted: tuple[str, ...] = ()


def find_parts(
    data_dir: str | None = None, database: str | None = None, overrides: Mapping[str, Any] | None = None
) -> Parts:
    """Return the parts of the installation that folder, flags and environment name; its tables are made if need be.

    Raises:
        ConfigError: a setting is wrong. StoreError, StoreMismatch: the database cannot be used.
    """
    loaded = load_settings(overrides=overrides)
    return build_parts(find_home(data_dir, database or loaded.settings.database), loaded)


def build_parts(home: Home, loaded: Loaded) -> Parts:
    """Return the parts of an installation. Raises as `find_parts`."""
    settings = loaded.settings
    if settings.loopback_without_token and settings.profile is not Profile.DEV:
        raise ConfigError("Requests without a token are for the profile dev only; take loopback_without_token away.")
    secret = settings.jwt_secret.get_secret_value() if settings.jwt_secret else ""
    key = signing_key(home, secret)
    with open_store(home.url, migrate=True, verify=False):
        database = Database(home.url)
    clock = SystemClock()
    tokens = TokenSettings(settings.jwt_issuer, settings.jwt_audience, settings.access_token_minutes * 60)
    access = Access(database, clock, key, AccessSettings(tokens, settings.refresh_token_days * 86_400))
    ids = SystemIds()
    operations = build_operations(home, database, clock, str(settings.profile))
    fleet = build_fleet(home, database, clock, ids)
    manual = build_manual(home, database, clock, ids, loaded, fleet)
    telling = build_telling(home, database, clock, ids, settings)
    log = Log(level=settings.log_level, process="api")
    research = build_research(home, database, clock, ids, log, fleet)
    return Parts(home, database, clock, ids, loaded, access, log, operations, fleet, manual, telling, research)


def serve(parts: Parts, behind: Behind, *, host: str, port: int, parent: int = 0) -> None:
    """Serve until the process is told to stop.

    Args:
        host: address to listen on; anything but this machine's own needs a proxy in front. port: 0 takes a free one.
        parent: process whose end ends this one too; 0: none.

    Raises:
        ConfigError: others could reach it without TLS, or the port is taken.
    """
    check_door(host, behind)
    config = server_config(import_from_string(_APP)(parts), behind)
    with _listen(host, port) as sock:
        _announce(parts, host, sock.getsockname()[1])
        ServerLog(parts.log).install()
        server = BeatingServer(config, parts.home)
        if parent:
            threading.Thread(target=_follow, args=(server, parent), name="parent", daemon=True).start()
        parts.research.backtests.start()
        with parts.telling.background:
            server.run(sockets=[sock])


def check_door(host: str, behind: Behind) -> None:
    """Refuse an address that others can reach when nobody in front ends TLS.

    Raises:
        ConfigError: that is so.
    """
    if not _is_loopback(host) and not behind.trusted:
        raise ConfigError(
            f"{host} can be reached by others, and tokens would travel in the clear; put a proxy with TLS in front "
            "and say --behind-proxy with its address, or listen on 127.0.0.1."
        )


def server_config(app: Any, behind: Behind, http: type[PatientProtocol] = PatientProtocol) -> uvicorn.Config:
    """Return how an app is served: limits on heads, connections and messages, and nothing told about the server.

    Args:
        app: of ``create_app``. http: the protocol, with its own patience.
    """
    return uvicorn.Config(
        app,
        http=http,
        access_log=False,
        server_header=False,
        log_config=None,
        proxy_headers=bool(behind.trusted),
        forwarded_allow_ips=list(behind.trusted),
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_STOP_S,
        limit_concurrency=_CONNECTIONS,
        ws_max_size=64 * 1024,
        ws_per_message_deflate=False,  # each connection would compress the same frame anew
    )


def _follow(server: uvicorn.Server, parent: int) -> None:
    """Stop when nobody would start this process again."""
    while os.getppid() == parent:
        time.sleep(_PARENT_S)
    server.should_exit = True


def _announce(parts: Parts, host: str, port: int) -> None:
    near = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared, not listened on
    url = f"http://[{near}]:{port}" if ":" in near else f"http://{near}:{port}"
    file = address_file(parts.home)
    draft = file.with_suffix(".draft")
    draft.write_text(url, encoding="ascii")
    draft.replace(file)  # whoever looks meanwhile reads a whole address, or none
    parts.log("listening", address=f"{host}:{port}", profile=str(parts.loaded.settings.profile))
    if parts.loaded.settings.loopback_without_token:
        parts.log.warning(
            "open", warning="Requests from this machine need no token: whoever sits here acts as the owner."
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    try:
        listening = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=512
        )
    except OSError as error:
        raise ConfigError(f"{host}:{port} cannot be listened on ({error.strerror}); choose another --port.") from None
    # Inherited by every connection. asyncio sets it only where the protocol is named; without it head and body of an
    # answer, which are two writes, wait for the caller's delayed acknowledgement: 40 ms.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening
