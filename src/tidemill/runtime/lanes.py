"""The lanes of the inbox that hold market data: a ring of trades and bars in order, and the latest quote per symbol.

Rows are written where the run loop will read them; nothing is allocated per tick.
"""

from __future__ import annotations

import struct
from collections import deque
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.enums import EventKind
from tidemill.model.records import EVENT

__all__ = ["Lane", "MarketLane", "QuoteLane"]

_BYTES = EVENT.itemsize


class Lane(IntEnum):
    """Lanes of the inbox, most urgent first."""

    OPERATOR = 0
    REPORT = 1
    COMMAND = 2
    MARKET = 3
    QUOTE = 4


def _place(name: str) -> int:
    return int(EVENT.fields[name][1])  # type: ignore[index]


# instrument, ts_ns, now_ns | close, volume | extra; what lies between is zeroed by the pad bytes
_TRADE = struct.Struct(
    f"=qqq{_place('close') - _place('interval_ns')}xdd{_place('extra') - _place('bid')}xq",
)
_TRADE_AT = _place("instrument")
_QUOTE = struct.Struct(f"=qqq{_place('bid') - _place('interval_ns')}xdd")
_QUOTE_AT = _place("instrument")
_write_trade = _TRADE.pack_into
_write_quote = _QUOTE.pack_into


def _table(rows: int, kind: EventKind) -> tuple[bytearray, NDArray[Any]]:
    memory = bytearray(rows * _BYTES)
    table = np.frombuffer(memory, EVENT)
    table["kind"] = int(kind)
    table["row"] = -1
    return memory, table


class MarketLane:
    """Trades, bars and corporate actions in the order they came; bounded.

    Args:
        room: rows it holds at most, a power of two.
    """

    def __init__(self, room: int) -> None:
        self.room = room
        self.depth = 0
        self.highest = 0
        self._memory, self._rows = _table(room, EventKind.TRADE)
        self._head = 0
        self._items: deque[list[int] | NDArray[Any]] = deque()
        self._run: list[int] | None = None
        self._given = 0
        self._given_at = 0

    def trade(self, instrument: int, ts_ns: int, now_ns: int, price: float, size: float, seq: int) -> bool:
        """Write one trade; False when there is no room."""
        if self.depth >= self.room:
            return False
        head = self._head
        _write_trade(self._memory, head * _BYTES + _TRADE_AT, instrument, ts_ns, now_ns, price, size, seq)
        run = self._run
        if run is None:
            self._run = run = [0, head]
            self._items.append(run)
        run[0] += 1
        head += 1
        if head == self.room:
            head = 0
            self._run = None
        self._head = head
        self.depth += 1
        return True

    def group(self, rows: NDArray[Any], *, must: bool = False) -> bool:
        """Take rows that belong together (bars that end at one instant); False when they do not all fit.

        Args:
            must: take them in any case.
        """
        if not must and self.depth + len(rows) > self.room:
            return False
        self._items.append(rows.copy())
        self._run = None
        self.depth += len(rows)
        return True

    def take(self, limit: int) -> NDArray[Any] | None:
        """Return the next group, or up to ``limit`` trades in a row; valid until the next call."""
        self.release()
        if not self._items:
            return None
        self.highest = max(self.highest, self.depth)
        item = self._items[0]
        if isinstance(item, np.ndarray):
            self._items.popleft()
            self.depth -= len(item)
            self._given_at = -1
            return item
        count, at = item
        if count > limit:
            count = limit
            item[0] -= limit
            item[1] += limit
        else:
            self._items.popleft()
            if item is self._run:
                self._run = None
        self._given, self._given_at = count, at
        return self._rows[at : at + count]

    def release(self) -> None:
        """Give the room of the trades handed out last back to the ring."""
        self.depth -= self._given
        self._given = 0

    def give_back(self, count: int) -> None:
        """Put the last ``count`` of the trades handed out last to the front again."""
        count = min(count, self._given)
        if count:
            self._given -= count
            self._items.appendleft([count, self._given_at + self._given])

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing waits."""
        return not self._items


class QuoteLane:
    """The latest quote of each instrument; an older one that nobody took is replaced and counted.

    Args:
        instruments: how many.
        ttl_ns: a quote that waited longer than this is not handed out.
    """

    def __init__(self, instruments: int, ttl_ns: int) -> None:
        self._memory, self._rows = _table(max(instruments, 1), EventKind.QUOTE)
        _, self._out = _table(max(instruments, 1), EventKind.QUOTE)
        self._waits = [False] * instruments
        self._order: list[int] = []
        self._ttl_ns = ttl_ns
        self.replaced = 0
        self.expired = 0

    def put(self, instrument: int, ts_ns: int, now_ns: int, bid: float, ask: float) -> None:
        """Write one quote over the one before."""
        _write_quote(self._memory, instrument * _BYTES + _QUOTE_AT, instrument, ts_ns, now_ns, bid, ask)
        if self._waits[instrument]:
            self.replaced += 1
        else:
            self._waits[instrument] = True
            self._order.append(instrument)

    def take(self, limit: int, now_ns: int) -> NDArray[Any] | None:
        """Return up to ``limit`` waiting quotes in the order their instruments came; valid until the next call."""
        while self._order:
            chosen = self._order[:limit]
            del self._order[:limit]
            for instrument in chosen:
                self._waits[instrument] = False
            rows = self._out[: len(chosen)]
            np.take(self._rows, chosen, out=rows, mode="clip")
            is_old = now_ns - rows["now_ns"] > self._ttl_ns
            if not is_old.any():
                return rows
            self.expired += int(is_old.sum())
            rows = rows[~is_old]
            if len(rows):
                return rows
        return None

    @property
    def depth(self) -> int:
        """How many quotes wait."""
        return len(self._order)
