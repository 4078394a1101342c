"""The engine as the run loop uses it: one event in, this turn's commands out, new result rows counted."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.engine.engine import Engine
from tidemill.kernel.replay import write_mark
from tidemill.model.records import COMMAND, EVENT, HEADER, TAPE

__all__ = ["Command", "Core", "Mistake", "Written"]

_EVENT_BYTES = EVENT.itemsize
_RESULTS = ("fills", "orders", "refusals", "trips", "days")
_COUNTERS = ("fill_count", "order_count", "refusal_count", "trip_count", "day_count")
_FIRST_STEP = 2  # of the engine's table of code: turn and guard stand before it
_NAMES = {name: at for at, name in enumerate(COMMAND.names or ())}


# Stands in for the step of a strategy that is not called any more.
_NO_STEP = ctypes.CFUNCTYPE(ctypes.c_int64, *(ctypes.c_int64,) * 4)(lambda *_: 0)
_NO_STEP_ADDRESS = int(ctypes.cast(_NO_STEP, ctypes.c_void_p).value or 0)


def _word(layout: np.dtype[Any], name: str) -> int:
    return int(layout.fields[name][1]) // 8  # type: ignore[index]


_WRITES, _EQUITY, _EQUITY_ROOM = _word(TAPE, "writes"), _word(TAPE, "equity_count"), _word(TAPE, "n_equity")
_FILL_ROOM = [_word(TAPE, f"n_{name}") for name in _RESULTS]
_COUNTS = [_word(TAPE, name) for name in _COUNTERS]


@dataclass(frozen=True, slots=True)
class Written:
    """Result rows the core has written since they were asked for last."""

    fills: NDArray[Any]
    orders: NDArray[Any]
    refusals: NDArray[Any]
    trips: NDArray[Any]
    days: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A strategy raised on a bar, and the bar was none for it.

    Args:
        strategy: its row. text: what it raised and where. in_row: so often since it last came through.
    """

    strategy: int
    text: str
    in_row: int


class Command:
    """One command of the core, its fields by name."""

    __slots__ = ("_values",)

    def __init__(self, values: tuple[Any, ...]) -> None:
        self._values = values

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[_NAMES[name]]
        except KeyError:
            raise AttributeError(name) from None


class Core:
    """Feeds an engine by address and keeps room on its result tables."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._event = engine.state.address + int(HEADER.fields["event"][1])  # type: ignore[index]
        self._room = 16 + 4 * len(engine.state.tables["orders"])
        self._tape = engine.tape.header.view(np.int64)
        self._writes = int(self._tape[_WRITES])
        self._seen = [int(self._tape[at]) for at in _COUNTS]
        engine.tape.grow(self._room)
        self.has_written = False  # result rows wait to be collected
        self._python_steps = [(row, step) for row, step in enumerate(engine.steps) if step.form != "compiled"]
        self.mistakes: list[Mistake] = []  # of the turns since they were taken last
        self.disabled: list[int] = []  # rows of the strategies that are not called any more
        self._commands = engine.state.tables["commands"]

    def take(self, event: int) -> list[Command]:
        """Take the EVENT row at an address; return what the core wants done."""
        ctypes.memmove(self._event, event, _EVENT_BYTES)
        return self._wanted(self.engine.feed())

    def take_rows(self, address: int, stride: int, count: int) -> tuple[int, list[Command]]:
        """Take EVENT rows that lie so many bytes apart, up to the first whose turn is not quiet.

        Returns:
            How many were taken, and what the core wants done.
        """
        engine = self.engine
        count = 1 if self._python_steps else count  # what such a strategy raises belongs to its row
        taken = engine.feed_rows(address, stride, count)
        if not taken:
            engine.tape.grow(self._room)
            taken = engine.feed_rows(address, stride, count)
        return taken, self._wanted(len(engine.commands))

    def _wanted(self, count: int) -> list[Command]:
        """Return the commands of a turn, once there is room on the tape for the next."""
        engine = self.engine
        if self._tape[_WRITES] != self._writes:
            self._writes = int(self._tape[_WRITES])
            self.has_written = True
            engine.tape.grow(self._room)
        for row, step in self._python_steps:
            if step.failure is not None:
                self.mistakes.append(Mistake(row, step.take_failure(), step.in_row))
        if not count:
            return []
        return [Command(values) for values in self._commands[:count].tolist()]

    def disable(self, strategy: int) -> None:
        """Never call a strategy's step again; its positions keep their protection and exits."""
        self.engine.code[_FIRST_STEP + strategy] = _NO_STEP_ADDRESS
        self.disabled.append(strategy)

    def in_row(self) -> list[tuple[int, int]]:
        """Return, by row, how often each Python strategy has raised since it last came through."""
        return [(row, step.in_row) for row, step in self._python_steps]

    def mark(self, now_ns: int) -> None:
        """Mark the account's equity once all bars of an instant are done."""
        if self._tape[_EQUITY] + 2 >= self._tape[_EQUITY_ROOM]:
            self.engine.tape.grow(self._room)
        write_mark(self.engine.state.address, self.engine.tape.address, now_ns)

    def collect(self) -> Written:
        """Return the result rows written since the last call."""
        rows = []
        self.has_written = False
        for name, at, number in zip(_RESULTS, _COUNTS, range(len(_COUNTS)), strict=True):
            stop = int(self._tape[at])
            rows.append(self.engine.tape.tables[name][self._seen[number] : stop].copy())
            self._seen[number] = stop
        return Written(*rows)

    @property
    def now_ns(self) -> int:
        """Return the core's clock."""
        return int(self.engine.state.header["now_ns"][0])

    @property
    def is_halted(self) -> bool:
        """Tell whether the core refuses entries."""
        return bool(self.engine.state.header["halted"][0])
