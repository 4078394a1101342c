"""Runs words of the Makefile as they are typed, with this interpreter and nothing installed for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

__all__ = ["MAKEFILE", "make"]

MAKEFILE = Path(__file__).resolve().parents[1] / "Makefile"
_TOOLS = Path(sys.executable).parent


def make(folder: Path, *words: str, said: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run words of the Makefile; its home and its marks of what is installed lie in a folder.

    Args:
        said: to what it asks. environment: variables besides those of this process.
    """
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    ready = folder / "ready"
    ready.mkdir(exist_ok=True)
    for name in (".run-ready", ".dev-ready"):
        (ready / name).touch()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    here = {"TIDEMILL_HOME": str(folder / "home"), "TIDEMILL_URL": "http://127.0.0.1:1"}
    return subprocess.run(
        ["make", "--no-print-directory", *words, f"VENV={ready}", f"BIN={_TOOLS}", f"PY={sys.executable}"],  # noqa: S607
        cwd=MAKEFILE.parent,
        env={**kept, **here, **environment},
        input=said,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
