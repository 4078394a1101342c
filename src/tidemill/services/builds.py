"""Which code this program is: its version, and what was installed under it."""

from __future__ import annotations

import hashlib
import importlib.metadata
from functools import cache

from tidemill import __version__

__all__ = ["build_name"]

_DIGITS = 8


@cache
def build_name() -> str:
    """Return the build of this program: its version, and a hash over the files as they were installed.

    A checkout of the sources is called ``source``: its files change under a process that runs.

    Source: the file ``RECORD`` of an installed package lists every file with its hash (PEP 376, PEP 627).
    """
    try:
        record = importlib.metadata.distribution("tidemill").read_text("RECORD") or ""
    except importlib.metadata.PackageNotFoundError:
        record = ""
    files = sorted(line for line in record.splitlines() if line.startswith("tidemill/") and ".pyc," not in line)
    if not files:
        return f"{__version__}+source"
    digest = hashlib.sha256("\n".join(files).encode()).hexdigest()
    return f"{__version__}+{digest[:_DIGITS]}"
