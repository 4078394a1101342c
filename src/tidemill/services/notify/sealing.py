"""Secrets at rest: sealed with a key that lies outside the database, bound to the row they belong to."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tidemill.model.errors import ConfigError, StoreError
from tidemill.services.home import Home

__all__ = ["Seal", "seal_file"]

_BYTES = 32  # AES-256
_NONCE = 12  # bytes, NIST SP 800-38D 5.2.1.1
_MODE = 0o400


def seal_file(home: Home) -> Path:
    """Return where the key lies."""
    return home.folder / "seal.key"


class Seal:
    """Seals and opens texts with AES-256-GCM.

    Args:
        home: whose key it is; the file is made, readable by its owner only, when the first secret is sealed.
    """

    def __init__(self, home: Home) -> None:
        self._path = seal_file(home)

    def close_up(self, text: str, owner: str) -> str:
        """Return a text sealed for one owner: a row and what it belongs to."""
        nonce = secrets.token_bytes(_NONCE)
        sealed = AESGCM(self._key()).encrypt(nonce, text.encode(), owner.encode())
        return base64.b64encode(nonce + sealed).decode("ascii")

    def open_up(self, sealed: str, owner: str) -> str:
        """Return what was sealed for an owner.

        Raises:
            StoreError: it was sealed with another key or for another owner, or changed since.
        """
        try:
            content = base64.b64decode(sealed, validate=True)
            return AESGCM(self._key()).decrypt(content[:_NONCE], content[_NONCE:], owner.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise StoreError(
                f"A sealed secret cannot be opened with {self._path}; restore that file, or give a new secret."
            ) from error

    def _key(self) -> bytes:
        try:
            if not self._path.exists():
                self._make()
            if os.name == "posix" and self._path.stat().st_mode & 0o077:
                raise ConfigError(f"Others may read {self._path}; take that away (chmod 400).")
            key = bytes.fromhex(self._path.read_text(encoding="ascii").strip())
        except (OSError, ValueError) as error:
            raise StoreError(f"The key {self._path} cannot be used ({error}); restore it.") from error
        if len(key) != _BYTES:
            raise ConfigError(f"The key in {self._path} is cut short; restore it.")
        return key

    def _make(self) -> None:
        """Make a key; of two processes that do so at once, both end up with the same one."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        own = self._path.with_name(f"{self._path.name}.{secrets.token_hex(4)}")
        handle = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(own, self._path)
        except FileExistsError:
            pass  # the other process was first
        finally:
            own.unlink()
