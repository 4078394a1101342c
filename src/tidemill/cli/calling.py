"""How verbs call a running API: its address, a token, one request and its answer."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from typing import Any

from tidemill.model.errors import ConfigError

__all__ = ["call"]

_TOKEN_MIN = 10


def _address(data_dir: str | None) -> str:
    from tidemill.services.home import find_home
    from tidemill.services.hosting.bells import address_file

    file = address_file(find_home(data_dir))
    written = file.read_text(encoding="ascii").strip() if file.exists() else "http://127.0.0.1:9001"
    return os.environ.get("TIDEMILL_URL") or written


def _token(data_dir: str | None, database: str | None) -> str:
    """Return a token: the one of the environment, else one of the owner's, made with the installation's key."""
    if given := os.environ.get("TIDEMILL_TOKEN"):
        return given
    from tidemill.bootstrap.api import find_parts
    from tidemill.services.settings.profiles import Profile

    parts = find_parts(data_dir, database)
    owner = parts.access.owner()
    if parts.loaded.settings.profile is Profile.PROD or owner is None:
        raise ConfigError("Sign in (POST /v1/auth/login) and put the access token into TIDEMILL_TOKEN.")
    user = parts.access.users.find(owner.user_id)
    return parts.access.mint(user, _TOKEN_MIN * 60)[0] if user is not None else ""


def call(
    method: str,
    path: str,
    body: Any = None,
    *,
    agent: str,
    key: str = "",
    data_dir: str | None = None,
    database: str | None = None,
) -> tuple[int, str]:
    """Return status and text of an answer, errors too.

    Args:
        agent: what the client calls itself. key: idempotency key.

    Raises:
        ConfigError: nobody answers, or there is no token to come in with.
    """
    address = _address(data_dir)
    headers = {
        "Authorization": f"Bearer {_token(data_dir, database)}",
        "Content-Type": "application/json",
        "User-Agent": agent,
    }
    if key:
        headers["Idempotency-Key"] = key
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(address + path, data, headers, method=method)  # noqa: S310 - the operator's own
    try:
        with urllib.request.urlopen(request, timeout=60) as found:  # noqa: S310 - as above
            return int(found.status), str(found.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError as error:
        raise ConfigError(f"Nobody answers at {address} ({error}); `tidemill up` starts the service.") from None
