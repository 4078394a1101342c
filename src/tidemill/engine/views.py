"""What an ordinary Python step gets for arguments: live views of the state's memory, fast to read from Python."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from tidemill.authoring.strategy import StrategySpec
from tidemill.model.bars import BarTable
from tidemill.model.records import CLOCK, EVENT, HEADER, PROPOSAL, SLOT

__all__ = ["EVENT_FIELDS", "argument_views", "memory_view", "object_view", "slot_view"]


def _fields(layout: np.dtype[Any]) -> Any:
    """Return a ctypes structure with the fields of a flat record: much faster to read from Python than numpy's."""
    kinds = {np.dtype(np.int64): ctypes.c_int64, np.dtype(np.float64): ctypes.c_double}
    members = []
    for name in layout.names or ():
        kind = layout[name]
        members.append((name, kinds[kind] if kind in kinds else ctypes.c_char * kind.itemsize))
    return type("Fields", (ctypes.Structure,), {"_fields_": members})


EVENT_FIELDS = _fields(EVENT)
_TICKET_FIELDS = _fields(PROPOSAL)
_CLOCK_FIELDS = _fields(CLOCK)


def argument_views(spec: StrategySpec, state: int, slot: int, me: Any) -> tuple[Any, ...]:
    """Return the step's arguments as live views of the state's memory."""
    offsets = {name: HEADER.fields[name][1] for name in ("event", "clock")}  # type: ignore[index]
    tickets = tickets_of(state, slot)
    known = {
        "me": me,
        "bar": EVENT_FIELDS.from_address(state + offsets["event"]),
        "clock": _CLOCK_FIELDS.from_address(state + offsets["clock"]),
        "order": tickets[0],
        "second": tickets[1],
        "third": tickets[2],
    }
    return tuple(known[name] for name in spec.arguments)


def tickets_of(state: int, slot: int) -> list[Any]:
    """Return the tickets a step may fill in on one instrument, as live records."""
    header = np.frombuffer(memoryview((ctypes.c_char * HEADER.itemsize).from_address(state)), HEADER)[0]
    return [
        _TICKET_FIELDS.from_address(state + int(header["proposals"]) + (3 * slot + number) * PROPOSAL.itemsize)
        for number in range(3)
    ]


def slot_view(state: int, slot: int) -> Any:
    """Return one strategy's place on one instrument as a live record."""
    header = np.frombuffer(memoryview((ctypes.c_char * HEADER.itemsize).from_address(state)), HEADER)[0]
    where = state + int(header["slots"]) + slot * SLOT.itemsize
    return np.frombuffer(memoryview((ctypes.c_char * SLOT.itemsize).from_address(where)), SLOT)[0]


def memory_view(spec: StrategySpec, state: int, slot: int) -> Any:
    """Return the memory of a strategy on one instrument as a live record."""
    raw = (ctypes.c_char * spec.layout.itemsize).from_address(state + int(slot_view(state, slot)["memory"]))
    return np.frombuffer(memoryview(raw), spec.layout).view(np.recarray)[0]


def object_view(spec: StrategySpec, record: Any, bars: BarTable | None) -> Any:
    """Return an ordinary instance of the strategy with parameters as numbers and indicators as live records.

    Its ``start()`` is called once; its ``prepare(bars)`` once with the history the run was given, so that slow features
    can be computed as columns. What it makes of later rows is what the look-ahead check looks for.
    """
    me = spec.strategy()
    for name, param in spec.params.items():
        setattr(me, name, record[name].item() if param.is_number else getattr(record, name))
    for name, memory in spec.memory.items():
        setattr(me, name, memory.initial)
    for name in spec.indicators:
        setattr(me, name, getattr(record, name))
    start = getattr(me, "start", None)
    if start is not None:
        start()
    prepare = getattr(me, "prepare", None)
    if prepare is not None and bars is not None:
        prepare(bars)
    return me
