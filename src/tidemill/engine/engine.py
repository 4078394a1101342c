"""The engine: owns the state, feeds events one at a time, or replays whole streams through the compiled loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.authoring.rules import RuleSpec
from tidemill.engine.bind import BoundStep, bind_step
from tidemill.engine.blocks import Block
from tidemill.engine.generated import bind_guard
from tidemill.engine.plan import EnginePlan
from tidemill.engine.state import build_state
from tidemill.engine.streams import Streams
from tidemill.engine.tape import Tape
from tidemill.engine.venue import build_venue
from tidemill.engine.views import EVENT_FIELDS
from tidemill.kernel.compile import JIT
from tidemill.kernel.memory import register
from tidemill.kernel.warm import ensure_compiled
from tidemill.model.bars import BarTable
from tidemill.model.enums import EventKind
from tidemill.model.records import HEADER

ensure_compiled()  # on first use both halves of the core are compiled side by side, before either is imported
from tidemill.kernel.advance import advance  # noqa: E402 - see above
from tidemill.kernel.replay import DONE, TAPE_FULL, feed, feed_rows, replay  # noqa: E402 - see above

__all__ = ["Engine"]


class Engine:
    """One core with its strategies bound.

    Args:
        plan: what is traded.
        rules: risk rules, asked in order (see ``tidemill.risk``); they become one compiled guard.
        form: how strategies run: ``auto``, ``compiled``, ``interpreted``, ``callback``.
        steps: already bound steps, to share them between engines (sweeps).
        equity_rows: how many instants the run will mark, if known.
        history: bars handed to ordinary Python strategies that ask for them.
    """

    def __init__(
        self,
        plan: EnginePlan,
        rules: Sequence[RuleSpec] = (),
        *,
        form: str = "auto",
        steps: Sequence[BoundStep] | None = None,
        equity_rows: int = 4096,
        history: Sequence[BarTable] = (),
    ) -> None:
        self.plan = plan
        tables = [next((b for b in history if b.symbol == item.symbol), None) for item in plan.instruments]
        self.steps = (
            list(steps) if steps is not None else [bind_step(item.spec, form, tables) for item in plan.strategies]
        )
        for step in self.steps:
            step.forget()
        self.state: Block = build_state(plan)
        self.venue: Block = build_venue(plan, len(self.state.tables["orders"]))
        self.tape = Tape(equity_rows)
        turn = int(advance.address) if JIT else register(advance)
        self.guard = bind_guard(rules)
        self.code = np.array([turn, self.guard.address, *(step.address for step in self.steps)], np.int64)
        self._state, self._tape, self._code = self.state.address, self.tape.address, int(self.code.ctypes.data)
        self.event = self.state.header["event"]
        self.bar = EVENT_FIELDS.from_address(self.state.address + HEADER.fields["event"][1])  # type: ignore[index]

    def feed(self) -> int:
        """Take the event that stands in ``self.event`` (or was written field by field through ``self.bar``).

        Returns:
            The number of commands it led to; they stand in ``self.commands`` until the next turn.
        """
        return feed(self._state, self._tape, self._code)  # type: ignore[no-any-return]

    def feed_rows(self, address: int, stride: int, count: int) -> int:
        """Take EVENT rows that lie ``stride`` bytes apart from ``address`` on, up to the first that is not quiet.

        A turn is quiet that leaves no commands, writes no result row and neither halts nor resumes the core.

        Returns:
            The number of rows taken; none: the tape needs room first (``tape.grow``).
        """
        return feed_rows(self._state, self._tape, self._code, address, stride, count)  # type: ignore[no-any-return]

    def set_params(self, params: Mapping[str, float], strategy: int = 0) -> Mapping[str, float]:
        """Give one strategy other parameters, in all its slots; to be called before the first event."""
        item = self.plan.strategies[strategy]
        chosen = item.spec.read_params(params)
        fresh = item.spec.fresh_memory(chosen).view(np.uint8)
        for slot in self.state.tables["slots"]:
            if int(slot["strategy"]) == strategy:
                at = int(slot["memory"])
                self.state.bytes[at : at + len(fresh)] = fresh
        return chosen

    @property
    def commands(self) -> NDArray[Any]:
        """Return this turn's commands (a view, valid until the next turn)."""
        return self.state.tables["commands"][: int(self.state.header["command_count"][0])]

    def replay(self, streams: Streams, *, budget: int = 2**62, progress: Callable[[int], None] | None = None) -> None:
        """Run streams to their end through the compiled loop.

        Args:
            streams: from ``build_streams``.
            budget: groups between two calls of ``progress``.
            progress: called with the rows consumed so far.

        Raises:
            StrategyError: a Python step raised.
        """
        rows = streams.rows
        can_sleep = self._let_run_ahead(rows)
        self.tape.follow(streams.timeline if can_sleep else streams.timeline[:0], streams.bar_ns, len(rows))
        while True:
            status = replay(
                self._state,
                self.venue.address,
                self._tape,
                self._code,
                int(rows.ctypes.data),
                len(rows),
                budget,
            )
            for step in self.steps:
                step.raise_failure()
            if status == TAPE_FULL:
                self.tape.grow(16 + 4 * len(self.state.tables["orders"]))
            elif progress is not None:
                progress(int(rows["at"].sum()))
            if status == DONE:
                return

    def fingerprint(self) -> bytes:
        """Return everything that lasts beyond a turn, as bytes: equal runs have equal fingerprints and tapes.

        The event, the clock, the tickets and the commands of the last turn are scratch paper and are left out.
        """
        block = self.state
        kept = block.bytes.copy()
        for name in ("proposals", "commands"):
            table = block.tables[name]
            start = int(table.ctypes.data) - block.address
            kept[start : start + table.nbytes] = 0
        for name in ("event", "clock"):
            offset = HEADER.fields[name][1]  # type: ignore[index]
            kept[offset : offset + HEADER[name].itemsize] = 0
        return kept.tobytes()

    def _let_run_ahead(self, streams: NDArray[Any]) -> bool:
        """Mark the streams whose only slot may be stepped ahead: compiled, one interval, no clock, no account read.

        Returns:
            Whether that holds for every stream of bars, so that idle ones may sleep.
        """
        instruments, slots = self.state.tables["instruments"], self.state.tables["slots"]
        for index in np.flatnonzero(streams["kind"] == int(EventKind.BAR)):
            instrument = int(streams[index]["instrument"])
            alone = int((streams["instrument"][streams["kind"] == int(EventKind.BAR)] == instrument).sum()) == 1
            owner = instruments[instrument]
            converts = bool((instruments["rate_instrument"] == instrument).any())
            if not alone or owner["slot_count"] != 1 or converts:
                continue
            slot = int(owner["first_slot"])
            number = int(slots[slot]["strategy"])
            spec = self.plan.strategies[number].spec
            wanted = self.plan.strategies[number].interval_ns
            is_plain = "clock" not in spec.arguments and not spec.uses_book
            if self.steps[number].form == "compiled" and is_plain and wanted in (0, int(streams[index]["interval_ns"])):
                streams[index]["slot"] = slot
        return bool((streams["slot"][streams["kind"] == int(EventKind.BAR)] >= 0).all())
