"""Where simulated disks lie: in memory where there is a place for it, and gone with the process."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from tidemill.adapters.sql.opening import open_store

__all__ = ["room", "template"]

_MEMORY = Path("/dev/shm")  # noqa: S108 - a private folder is made in it


@cache
def room() -> str:
    """Return this process's folder for simulated disks."""
    base = _MEMORY if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) else None
    folder = tempfile.mkdtemp(prefix="tidemill-sim-", dir=base)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def template() -> Path:
    """Return an empty database that is up to date; made once."""
    path = Path(room(), "template.db")
    open_store(f"sqlite:///{path}", migrate=True, verify=False).close()
    return path
