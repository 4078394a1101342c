"""What the core is told besides market, orders and people: the line, time; and what its own counters say to people.

Each word is a row on the tape, written when it changes anything, right before the event it matters to: a replay hears
the same words at the same places.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.enums import EventKind, Link, Operator, Timer
from tidemill.model.records import EVENT, HEADER
from tidemill.runtime.life.wiring import Wired
from tidemill.runtime.words.words import OperatorWord

__all__ = ["Telling", "account_row"]


def _word(name: str) -> int:
    return int(HEADER.fields[name][1]) // 8  # type: ignore[index]


_UNPROTECTED, _UNKNOWN = _word("unprotected"), _word("unknown_verdicts")


class Telling:
    """Watches what the core does not see by itself.

    Args:
        run: wired; ``begin`` is called once its tape has been lived again.
    """

    def __init__(self, run: Wired) -> None:
        self._run = run
        state = run.core.engine.state
        self._words = state.header.view(np.int64).reshape(-1)
        self._pendings = state.tables["pendings"]
        self._has_gates = bool(len(self._pendings))
        self._is_down = False
        self._unprotected = self._unknown = 0

    def begin(self) -> None:
        """Start from what the tape has told the core already."""
        header = self._run.core.engine.state.header[0]
        self._is_down = bool(header["link_down"])
        self._unprotected, self._unknown = int(header["unprotected"]), int(header["unknown_verdicts"])

    @property
    def is_due(self) -> bool:
        """Tell whether there is something to say; asked before every event, so it costs next to nothing."""
        health, words = self._run.present.health, self._words
        if (health.order_stream_ready and health.market_data_ready) is self._is_down:
            return True
        if words[_UNPROTECTED] != self._unprotected or words[_UNKNOWN] != self._unknown:
            return True
        return self._has_gates and self.is_late

    @property
    def is_late(self) -> bool:
        """Tell whether a gate has let the time for its answer pass."""
        waiting = self._pendings[self._pendings["id"] > 0]
        if not len(waiting):
            return False
        tables = self._run.core.engine.state.tables
        owners = tables["slots"]["strategy"][waiting["ticket"]["slot"]]
        until = waiting["asked_ns"] + tables["strategies"]["gate_ttl_ns"][owners]
        return bool((self._run.now()[0] > until).any())

    async def tell(self) -> None:
        """Say what is due, each word in a turn of its own."""
        run = self._run
        health, now = run.present.health, run.now()[0]
        is_down = not (health.order_stream_ready and health.market_data_ready)
        if is_down is not self._is_down:
            self._is_down = is_down
            code = Link.DOWN if is_down else Link.UP
            await run.turns.take_row(_row(EventKind.LINK, code, now), source="engine", kind=f"LINK_{code.name}")
        if self._has_gates and self.is_late:
            row = _row(EventKind.TIMER, Timer.LAPSE, now)
            await run.turns.take_row(row, source="engine", kind="LAPSE")
        self._read_counters()

    def _read_counters(self) -> None:
        """Tell people what the core has counted; a position that is left without its stop stops new risk."""
        run, words = self._run, self._words
        unprotected, unknown = int(words[_UNPROTECTED]), int(words[_UNKNOWN])
        if unprotected > self._unprotected:
            self._tell_unprotected()
        if unknown > self._unknown:
            text = f"{unknown - self._unknown} answer(s) came for proposals that no longer wait; nothing was sent."
            run.alert(3, "UNKNOWN_VERDICT", text)
        self._unprotected, self._unknown = unprotected, unknown

    def _tell_unprotected(self) -> None:
        """Say which positions the core has given up protecting; where none is open any more, that it was hard."""
        run = self._run
        slots = run.core.engine.state.tables["slots"]
        wants = (slots["stop_price"] > 0.0) | (slots["trail_amount"] > 0.0) | (slots["trail_pct"] > 0.0)
        is_left = (slots["quantity"] != 0.0) & (slots["closing"] == 0) & (slots["stop_order"] < 0)
        symbols = [run.terms.instruments[row].symbol for row in slots["instrument"][wants & is_left].tolist()]
        if not symbols:
            run.alert(2, "PROTECTION_LOST", "Protection was lost more than once; what is left of it works.")
            return
        text = (
            f"{', '.join(symbols)}: left without a stop, which was lost twice or found no room. New risk is stopped; "
            "look at the position. Lifting the halt places its protection anew."
        )
        run.alert(1, "LEFT_UNPROTECTED", text)
        run.parts.inbox.operator(OperatorWord(Operator.HALT, "engine", text))


def _row(kind: EventKind, code: int, now_ns: int) -> NDArray[Any]:
    row = np.zeros(1, EVENT)
    row["kind"], row["code"], row["instrument"], row["row"] = int(kind), int(code), -1, -1
    row["ts_ns"] = row["now_ns"] = now_ns
    return row


def account_row(buying_power_micros: int, now_ns: int) -> NDArray[Any]:
    """Return the ACCOUNT_SNAPSHOT event of the buying power a broker grants; negative: it does not tell."""
    row = _row(EventKind.ACCOUNT_SNAPSHOT, 0, now_ns)
    row["money"] = buying_power_micros
    return row
