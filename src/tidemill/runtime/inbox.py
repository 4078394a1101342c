"""The one door to the run loop: what comes from outside waits here in lanes, most urgent first.

Operators wait behind nothing, reports of the broker are never dropped, commands are refused when there are too many,
trades and bars are bounded, and of quotes only the latest counts. Everything runs on the loop's own thread.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from numpy.typing import NDArray

from tidemill.model.enums import EventKind
from tidemill.model.errors import ConfigError
from tidemill.model.instrument import Instrument
from tidemill.ports.seams import Clock
from tidemill.runtime.lanes import Lane, MarketLane, QuoteLane
from tidemill.runtime.market.faults import BorderSettings
from tidemill.runtime.market.quarantine import Border
from tidemill.runtime.market.staleness import Freshness
from tidemill.runtime.room import Degraded, InboxCounts, InboxRoom, LinkWord

__all__ = ["Inbox", "Taken"]

_SPLIT = int(EventKind.SPLIT)
# Load as people name it: shares of the market lane's room that are in use.
_NORMAL, _CRITICAL = 0.05, 0.80

Taken = tuple[Lane, Any]


class Inbox:
    """Takes what feeds, brokers, users and operators bring; hands it to the run loop one item at a time.

    It is the MarketSink of feeds and the ReportSink (``inbox.report``) of brokers.

    Args:
        instruments: in the order of the run.
        clock: stamps arrivals.
        border: checks market data; without one, ``Border(instruments)`` (of a replay: without price bands).
        freshness: told of everything that passed the border.
        is_replay: the stamps of the data are the clock.
        room: how much may wait.

    Raises:
        ConfigError: the room for trades is no power of two.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        clock: Clock,
        *,
        border: Border | None = None,
        freshness: Freshness | None = None,
        is_replay: bool = False,
        room: InboxRoom | None = None,
    ) -> None:
        self.room = room or InboxRoom()
        if self.room.market < 1 or self.room.market & (self.room.market - 1):
            raise ConfigError("The room for trades and bars must be a power of two; choose for example 65536.")
        rules = BorderSettings.of_replay() if is_replay else BorderSettings()
        self.border = border or Border(instruments, rules)
        self.freshness = freshness
        self.is_replay = is_replay
        self.degraded = [False] * len(instruments)
        self._clock = clock
        self._now = clock.now_ns
        self._check = self.border.trade
        self._heard = freshness.heard if freshness is not None else None
        self._market = MarketLane(self.room.market)
        self._put = self._market.trade
        self._quotes = QuoteLane(len(instruments), self.room.quote_ttl_ns)
        self._operators: deque[Any] = deque()
        self._reports: deque[Any] = deque()
        self._commands: deque[Any] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._behind: deque[asyncio.Future[None]] = deque()
        self._counts = dict.fromkeys(("trades", "bars", "quotes", "reports", "commands", "refused", "overflowed"), 0)
        self._trades = self._overflowed = self._quoted = self._newest_ns = 0

    # --- what comes in

    def operator(self, item: Any) -> None:
        """Take a halt, a cancel or another order of an operator; the very next ``take`` hands it out."""
        self._operators.append(item)
        self._wake()

    def report(self, item: Any) -> None:
        """Take a broker's report or another thing that must never be lost; there is always room."""
        self._reports.append(item)
        self._counts["reports"] += 1
        self._wake()

    def command(self, item: Any) -> bool:
        """Take a user's command; False means busy: nothing was taken, try again later."""
        if len(self._commands) >= self.room.commands:
            self._counts["refused"] += 1
            return False
        self._commands.append(item)
        self._counts["commands"] += 1
        self._wake()
        return True

    def trade(self, instrument: int, ts_ns: int, price: float, size: float, seq: int = 0) -> None:
        """Take one trade print; ``seq`` is the number by which its source knows it."""
        now_ns = ts_ns if self.is_replay else self._now()
        if self._check(instrument, ts_ns, price, size, seq, now_ns):
            return
        if not self._put(instrument, ts_ns, now_ns, price, size, seq):
            self._lose(instrument, now_ns)
            return
        self._trades += 1
        if self._heard is not None:
            self._heard(instrument, ts_ns, now_ns)
        if self._waiter is not None:
            self._wake()

    def quote(self, instrument: int, ts_ns: int, bid: float, ask: float) -> None:
        """Take a quote; a newer one of the same instrument replaces it if nobody took it."""
        now_ns = ts_ns if self.is_replay else self._now()
        if self.border.quote(instrument, ts_ns, bid, ask, now_ns):
            return
        self._quotes.put(instrument, ts_ns, now_ns, bid, ask)
        self._quoted += 1
        if self.is_replay:
            self._newest_ns = now_ns
        if self._heard is not None:
            self._heard(instrument, ts_ns, now_ns)
        if self._waiter is not None:
            self._wake()

    def bars(self, rows: NDArray[Any]) -> None:
        """Take closed bars that end at one instant; impossible ones are left out, the others stay together."""
        self._take_bars(rows, int(rows[0]["now_ns"]) if self.is_replay and len(rows) else self._now())

    def missed(self, rows: NDArray[Any]) -> None:
        """Take closed bars that are told late; they are as good as on the day, only too old to enter on."""
        if len(rows):
            self._take_bars(rows, min(int(rows[0]["now_ns"]), self._now()))

    def _take_bars(self, rows: NDArray[Any], now_ns: int) -> None:
        values = rows.tolist()
        sound = [not self.border.bar(row, now_ns) for row in values]
        kept = rows if all(sound) else rows[sound]
        if not len(kept):
            return
        if not self._market.group(kept):
            for instrument in kept["instrument"].tolist():
                self._lose(instrument, now_ns)
            return
        self._counts["bars"] += len(kept)
        if self._heard is not None:
            for row, is_sound in zip(values, sound, strict=True):
                if is_sound:
                    self._heard(row[1], row[3], now_ns)
        self._wake()

    def actions(self, rows: NDArray[Any]) -> None:
        """Take splits and dividends that apply now; they are never lost and keep their place among the bars."""
        if not len(rows):
            return
        for row in rows:
            if int(row["kind"]) == _SPLIT:
                self.border.split(int(row["instrument"]), float(row["close"]))
        self._market.group(rows, must=True)
        self._wake()

    def link(self, is_up: bool, text: str, code: str = "") -> None:
        """Take word of a connection."""
        self.report(LinkWord(is_up, text, self._now(), code))

    async def ready(self) -> None:
        """Wait while the run loop is behind: a replay never runs far ahead, and none of its quotes is replaced."""
        while self._market.depth >= self.room.replay or self._quotes.depth:
            drained = asyncio.get_running_loop().create_future()
            self._behind.append(drained)
            await drained

    # --- what goes out

    def take(self, limit: int = 256) -> Taken | None:
        """Return the most urgent item with its lane, or None.

        Operators, reports and commands come one by one, as they were put in. Of the market lane comes one group of
        bars or actions, or up to ``limit`` trades in a row; of the quote lane up to ``limit`` quotes: arrays of EVENT
        rows, valid until the next call.
        """
        self._market.release()
        if self._behind:
            self._let_go()
        if self._operators:
            return Lane.OPERATOR, self._operators.popleft()
        if self._reports:
            return Lane.REPORT, self._reports.popleft()
        if self._commands:
            return Lane.COMMAND, self._commands.popleft()
        rows = self._market.take(limit)
        if rows is not None:
            self._let_go()
            return Lane.MARKET, rows
        if self._quotes.depth:
            rows = self._quotes.take(limit, self._newest_ns if self.is_replay else self._now())
            self._let_go()
            if rows is not None:
                return Lane.QUOTE, rows
        return None

    def take_command(self) -> Any | None:
        """Return the oldest command, None when none waits or something more urgent does."""
        return self._commands.popleft() if self._commands and not self.has_urgent else None

    def take_report(self) -> Any | None:
        """Return the oldest report, None when none waits; for the start, when nothing else may be taken yet."""
        return self._reports.popleft() if self._reports else None

    def give_back(self, count: int) -> None:
        """Put the last ``count`` trades of the batch taken last back to the front: something urgent has come."""
        self._market.give_back(count)

    @property
    def has_urgent(self) -> bool:
        """Tell whether an operator or a report waits."""
        return bool(self._operators or self._reports)

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing waits."""
        return not (self._operators or self._reports or self._commands or self._quotes.depth) and self._market.is_empty

    @property
    def blocks_entries(self) -> bool:
        """Tell whether so many reports wait that no entry may be taken until they are booked."""
        return len(self._reports) > self.room.reports

    async def wait(self) -> None:
        """Wait until something is there; for one waiter, the run loop."""
        while self.is_empty:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    def threadsafe(self, put: Callable[..., Any], *values: Any, loop: asyncio.AbstractEventLoop) -> None:
        """Call one of the methods above from another thread, in the order of the calls."""
        loop.call_soon_threadsafe(put, *values)

    def repaired(self, instrument: int) -> None:
        """Note that a degraded instrument's bars were rebuilt."""
        self.degraded[instrument] = False

    def counts(self) -> InboxCounts:
        """Return what went through, what waits and what was lost."""
        waiting = {
            Lane.OPERATOR: len(self._operators),
            Lane.REPORT: len(self._reports),
            Lane.COMMAND: len(self._commands),
            Lane.MARKET: self._market.depth,
            Lane.QUOTE: self._quotes.depth,
        }
        share = self._market.depth / self.room.market
        return InboxCounts(
            trades=self._trades,
            bars=self._counts["bars"],
            quotes=self._quoted,
            reports=self._counts["reports"],
            commands=self._counts["commands"],
            replaced=self._quotes.replaced,
            expired=self._quotes.expired,
            overflowed=self._overflowed,
            refused=self._counts["refused"],
            quarantined=self.border.total,
            waiting=waiting,
            utilisation=share,
            highest=max(self._market.highest / self.room.market, share),
            load="normal" if share < _NORMAL else "busy" if share <= _CRITICAL else "critical",
        )

    def _lose(self, instrument: int, now_ns: int) -> None:
        """Count something there was no room for; the first time its instrument becomes DEGRADED, and the loop hears."""
        self._overflowed += 1
        if not self.degraded[instrument]:
            self.degraded[instrument] = True
            self.report(Degraded(instrument, now_ns))

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _let_go(self) -> None:
        """Let a replay go on once the loop has caught up."""
        while self._behind and self._market.depth < self.room.replay and not self._quotes.depth:
            drained = self._behind.popleft()
            if not drained.done():
                drained.set_result(None)
