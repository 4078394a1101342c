"""The key that signs tokens: made at the first start, readable by its owner only, never a word from an example."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from tidemill.model.errors import ConfigError, StoreError
from tidemill.services.access.placeholders import is_placeholder
from tidemill.services.home import Home

__all__ = ["key_file", "signing_key"]

_BYTES = 32  # of chance; RFC 7518 3.2: at least as long as the hash of HS256
_MODE = 0o400


def key_file(home: Home) -> Path:
    """Return where an installation's key lies."""
    return home.folder / "jwt.key"


def signing_key(home: Home, given: str = "", *, make: bool = True) -> bytes:
    """Return the key that signs tokens.

    Args:
        home: where it is kept.
        given: a key from the settings, which comes first.
        make: whether to make one when there is none.

    Raises:
        ConfigError: the given key is a placeholder or too short, or others may read the file.
        StoreError: the file cannot be read or written.
    """
    if given:
        if is_placeholder(given) or len(given.encode()) < _BYTES:
            raise ConfigError(
                f"JWT_SECRET is a placeholder or shorter than {_BYTES} bytes; give it random ones "
                "(openssl rand -hex 32), or leave it out: Tidemill makes a key of its own."
            )
        return given.encode()
    path = key_file(home)
    try:
        if make and not path.exists():
            _write(path)
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise ConfigError(f"Others may read {path}; take that away (chmod 400) or delete it: a new one is made.")
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise StoreError(f"The key {path} cannot be used ({error}); restore it, or delete it to make one.") from error
    if len(key) < _BYTES:
        raise ConfigError(f"The key in {path} is cut short; delete it: a new one is made, and everybody signs in anew.")
    return key


def _write(path: Path) -> None:
    """Make a key; of two processes that do so at once, both end up with the same one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    own = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    handle = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(own, path)
    except FileExistsError:
        pass  # the other process was first
    finally:
        own.unlink()
