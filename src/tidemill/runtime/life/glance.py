"""What a run looks like right now: newest prices, bars in the making, marks of positions, equity. Never written.

Looked at from outside the turns of the core, ten times a second while somebody watches: nothing of it costs a tick
anything. The durable rows say the same once a second; whoever needs to be sure reads those.
"""

from __future__ import annotations

import json
from typing import Any, Protocol

import numpy as np

from tidemill.runtime.core import Core
from tidemill.runtime.life.terms import RunParts, RunTerms
from tidemill.runtime.loudspeaker import LONGEST
from tidemill.runtime.orders.outgoing import decimal_text

__all__ = ["Glance", "Looked"]

_SECOND_NS = 1_000_000_000
_ROWS = 200  # of one message: below its longest with room to spare


class Looked(Protocol):
    """What is looked at: a run."""

    terms: RunTerms
    parts: RunParts
    core: Core


def _text(value: float) -> str:
    return decimal_text(float(value)) if value > 0.0 else ""


class Glance:
    """Looks at a run again and again, and tells what changed in between.

    Args:
        run: looked at and never changed.
    """

    def __init__(self, run: Looked) -> None:
        self._run_id = run.terms.run_id
        self._symbols = [item.symbol for item in run.terms.instruments]
        self._strategies = list(run.terms.strategies)
        self._candles = run.parts.candles
        self._known = run.core.engine.state.tables
        self._prices = np.zeros((len(self._symbols), 4))
        self._equity = ""
        self._marks: dict[tuple[str, str], list[Any]] = {}
        self._bars: dict[tuple[str, int], list[Any]] = {}

    def forget(self) -> None:
        """Tell everything at the next look: somebody new listens."""
        self._prices[:] = 0.0
        self._equity = ""
        self._marks.clear()
        self._bars.clear()

    def words(self) -> list[bytes]:
        """Return messages with what changed since the last look."""
        rows = [
            *(("q", row) for row in self._changed_prices()),
            *(("b", row) for row in self._changed_bars()),
            *(("p", row) for row in self._changed_marks()),
            *(("e", row) for row in self._changed_equity()),
        ]
        found = []
        for first in range(0, len(rows), _ROWS):
            body: dict[str, Any] = {"run": self._run_id}
            for kind, row in rows[first : first + _ROWS]:
                body.setdefault(kind, []).append(row)
            message = json.dumps(body, separators=(",", ":")).encode()
            if len(message) <= LONGEST - 2:  # with room for the brackets of a list
                found.append(message)
        return found

    def _changed_prices(self) -> list[list[Any]]:
        table = self._known["instruments"]
        now = np.column_stack((table["last"], table["bid"], table["ask"], table["last_ns"]))
        changed = np.flatnonzero((now != self._prices).any(axis=1))
        self._prices = now
        return [
            [self._symbols[at], _text(now[at, 0]), _text(now[at, 1]), _text(now[at, 2]), int(table["last_ns"][at])]
            for at in changed
            if now[at, 0] > 0.0
        ]

    def _changed_bars(self) -> list[list[Any]]:
        rows = self._candles.forming() if self._candles is not None else ()
        found = []
        for row in rows:
            symbol = self._symbols[int(row["instrument"])]
            start, size = int(row["start_ns"]) // _SECOND_NS, int(row["interval_ns"]) // _SECOND_NS
            prices = [decimal_text(float(row[name])) for name in ("open", "high", "low", "close", "volume")]
            bar = [symbol, size, start, *prices]
            if self._bars.get((symbol, size)) != bar:
                self._bars[symbol, size] = bar
                found.append(bar)
        return found

    def _changed_marks(self) -> list[list[Any]]:
        instruments, slots, found = self._known["instruments"], self._known["slots"], []
        for slot in slots[slots["quantity"] != 0.0]:
            at = int(slot["instrument"])
            paid = 0 if int(instruments[at]["margined"]) == 1 else int(slot["cost"])
            strategy, symbol = self._strategies[int(slot["strategy"])], self._symbols[at]
            mark = [strategy, symbol, _text(instruments[at]["last"]), int(slot["notional"]), int(slot["market"]) - paid]
            if self._marks.get((strategy, symbol)) != mark:
                self._marks[strategy, symbol] = mark
                found.append(mark)
        return found

    def _changed_equity(self) -> list[list[int]]:
        account = self._known["accounts"][0]
        equity = int(account["cash"]) + int(account["market"])
        row = [equity, int(account["cash"]), equity - int(account["day_start_equity"]), int(account["gross"])]
        text = repr(row)
        if text == self._equity:
            return []
        self._equity = text
        return [row]
