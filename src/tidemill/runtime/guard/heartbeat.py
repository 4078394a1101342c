"""A heartbeat in a file next to the database: it says that a process lives even when the database cannot."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

__all__ = ["Beat", "beat_file", "read_beat", "write_beat"]


@dataclass(frozen=True, slots=True)
class Beat:
    """One heartbeat.

    Args:
        count, now_ns: change with every beat.
        state: RUNNING, or STOPPED after a clean stop: nobody is expected then.
        pid: of the process.
        heeded: mark of every halt it has carried out to the end, in order.
        build: of the program, where its processes compare them.
    """

    count: int
    now_ns: int
    state: str = "RUNNING"
    pid: int = 0
    heeded: tuple[str, ...] = ()
    build: str = ""


_FIELDS = frozenset(field.name for field in fields(Beat))


def beat_file(halts: Path, run_id: str) -> Path:
    """Return the heartbeat file of a run: beside the folder of halt files."""
    return halts.with_name(halts.name.removesuffix(".halts") + ".beats") / f"{run_id}.beat"


def write_beat(path: Path, beat: Beat) -> None:
    """Replace the heartbeat as a whole.

    Raises:
        OSError: the disk does not take it; the watchdog will think the process is gone.
    """
    draft = path.with_name(path.name + ".new")
    draft.write_text(json.dumps(asdict(beat)), encoding="utf-8")
    draft.replace(path)


def read_beat(path: Path) -> Beat | None:
    """Return the newest heartbeat, without what this build does not know; None when it cannot be read."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY), encoding="utf-8") as file:
            values = {name: value for name, value in json.loads(file.read()).items() if name in _FIELDS}
            return Beat(**{**values, "heeded": tuple(values.get("heeded", ()))})
    except (OSError, ValueError, TypeError, AttributeError):
        return None
