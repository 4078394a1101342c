"""Whether two runs of one engine agree: every row of the tape and every byte that the state remembers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.engine.engine import Engine
from tidemill.model.bars import SECOND_NS
from tidemill.model.records import HEADER

__all__ = ["Parity", "compare_engines"]

# Fills first: the first thing that went another way is easiest to understand there.
_TABLES = ("fills", "orders", "refusals", "trips", "days", "equity")
_STAMPS = ("ts_ns", "created_ns", "exit_ts_ns")
_WHOLE = 100.0
# What an engine is just being told, not what it remembers: the loop steps over bars on which nothing can happen without
# writing them there first.
_IN_HAND = ("event", "clock")


@dataclass(frozen=True, slots=True)
class Parity:
    """The outcome of a comparison.

    Args:
        percent: share of tape rows that are equal byte for byte, 0-100; 100 only if the states are equal as well.
        first_difference: the earliest row that differs, in words; None when nothing does.
        events: tape rows compared.
        state_bytes: bytes of the final state compared: all but the event in hand.
    """

    percent: float
    first_difference: str | None
    events: int
    state_bytes: int

    @property
    def is_whole(self) -> bool:
        """Whether the two runs are the same."""
        return self.first_difference is None


def _packed(rows: NDArray[Any]) -> NDArray[np.void]:
    """Return rows as opaque bytes, so that NaN equals NaN and -0.0 differs from 0.0."""
    return np.ascontiguousarray(rows).view(f"V{rows.dtype.itemsize}")


def _stamp(row: Any) -> int:
    return int(next(row[name] for name in _STAMPS if name in row.dtype.names))


def _text(row: Any) -> str:
    return ", ".join(f"{name}={row[name]}" for name in row.dtype.names if name not in _STAMPS)


def _describe(table: str, at: int, first: NDArray[Any], second: NDArray[Any]) -> tuple[int, str]:
    """Return when and how row ``at`` of a table differs."""
    rows = [side[at] if at < len(side) else None for side in (first, second)]
    known = next(row for row in rows if row is not None)
    when = _stamp(known)
    clock = datetime.fromtimestamp(when // SECOND_NS, UTC)
    if rows[0] is None or rows[1] is None:
        which = "second" if rows[0] is None else "first"
        return (
            when,
            f"{table} row {at + 1} at {clock:%Y-%m-%d %H:%M:%S} UTC exists in the {which} run only: {_text(known)}.",
        )
    names = [name for name in known.dtype.names if rows[0][name].tobytes() != rows[1][name].tobytes()]
    values = "; ".join(f"{name} {rows[0][name]} against {rows[1][name]}" for name in names)
    return when, f"{table} row {at + 1} at {clock:%Y-%m-%d %H:%M:%S} UTC: {values}."


def compare_engines(first: Engine, second: Engine) -> Parity:
    """Compare what two finished engines wrote on their tapes and what they hold in memory.

    Args:
        first, second: engines that ran the same events, for example through the loop and one by one.
    """
    total = equal = 0
    differences: list[tuple[int, int, str]] = []
    for rank, table in enumerate(_TABLES):
        one, two = first.tape.rows(table), second.tape.rows(table)
        shared = min(len(one), len(two))
        same = _packed(one[:shared]) == _packed(two[:shared])
        total += max(len(one), len(two))
        equal += int(np.count_nonzero(same))
        if shared < max(len(one), len(two)) or not same.all():
            at = int(np.argmin(same)) if not same.all() else shared
            when, text = _describe(table, at, one, two)
            differences.append((when, rank, text))
    one_state, two_state = _remembered(first), _remembered(second)
    size = len(one_state) - sum(HEADER[name].itemsize for name in _IN_HAND)
    if not differences and one_state != two_state:
        return Parity(_WHOLE * total / (total + 1), _state_difference(one_state, two_state), total, size)
    percent = _WHOLE if total == 0 else _WHOLE * equal / total
    return Parity(percent, min(differences)[2] if differences else None, total, size)


def _remembered(engine: Engine) -> bytes:
    """Return the state without the event in hand."""
    state = np.frombuffer(bytearray(engine.state.snapshot()), np.uint8)
    for name in _IN_HAND:
        layout, offset = HEADER.fields[name][:2]  # type: ignore[index]
        state[offset : offset + layout.itemsize] = 0
    return state.tobytes()


def _state_difference(first: bytes, second: bytes) -> str:
    if len(first) != len(second):
        return f"The tapes are equal, but the final states have {len(first):,} and {len(second):,} bytes."
    at = int(np.flatnonzero(np.frombuffer(first, np.uint8) != np.frombuffer(second, np.uint8))[0])
    return f"The tapes are equal, but the final states differ from byte {at:,} on."
