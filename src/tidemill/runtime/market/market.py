"""The market side of a run: trades become bars, bars become groups, a replay that begins again skips what is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tidemill.model.enums import EventKind
from tidemill.model.records import EVENT
from tidemill.ports.seams import Clock
from tidemill.runtime.groups import Groups
from tidemill.runtime.market.candles import Candles
from tidemill.runtime.market.quarantine import Border
from tidemill.runtime.room import Degraded, LinkWord

__all__ = ["LOOK_S", "MARKET_KINDS", "TICKS", "Door", "Market"]

TICKS = (int(EventKind.TRADE), int(EventKind.QUOTE))
_TRADE = int(EventKind.TRADE)
_ACTIONS = (int(EventKind.SPLIT), int(EventKind.DIVIDEND))
MARKET_KINDS = (int(EventKind.BAR), *TICKS, int(EventKind.SPLIT), int(EventKind.DIVIDEND))
LOOK_S = 0.25  # how often quiet bars are looked for


class Door(Protocol):
    """What the market side needs of the inbox."""

    @property
    def border(self) -> Border:
        """Return what checks market data."""

    def repaired(self, instrument: int) -> None:
        """Note that an instrument's bars are whole again."""


class Market:
    """Takes what the inbox's market lanes hand out.

    Args:
        groups: carries events to exchange and core.
        inbox: where degraded instruments are named.
        clock: of the machine.
        candles: builds bars from trades; None: the feed brings bars.
        is_replay: the feed's stamps are the clock. delay_ns: how late it is by contract.
        tell: told what the core has taken.
    """

    def __init__(
        self,
        groups: Groups,
        inbox: Door,
        clock: Clock,
        candles: Candles | None,
        *,
        is_replay: bool,
        delay_ns: int,
        tell: Callable[[NDArray[Any]], None],
    ) -> None:
        self._tell = tell
        self._groups, self._inbox, self._clock, self._candles = groups, inbox, clock, candles
        self._is_replay, self._delay_ns = is_replay, delay_ns
        self._waiting = np.zeros(0, EVENT)
        self._last_ns = 0  # newest instant the recorded tape knows
        self._at_last: set[bytes] = set()
        self.spoiled: set[int] = set()  # instruments whose present bar lacks trades

    async def _pass(self, rows: NDArray[Any]) -> None:
        await self._groups.take(rows)
        self._tell(rows)

    async def _pass_ticks(self, rows: NDArray[Any]) -> None:
        await self._groups.take_ticks(rows)
        self._tell(rows)

    def remember(self, rows: NDArray[Any]) -> None:
        """Take note of the recorded tape (TAPE_EVENT rows): a replay that begins again tells it once more."""
        if not self._is_replay:
            return
        market = rows[np.isin(rows["event"]["kind"], MARKET_KINDS)]
        if len(market):
            self._last_ns = int(market["event"]["now_ns"].max())
            last = market[market["event"]["now_ns"] == self._last_ns]
            self._at_last = {row["event"].tobytes() for row in last}

    def relive(self, group: NDArray[Any]) -> None:
        """Let the bars grow on recorded trades; what they make is on the tape already."""
        if int(group["kind"][-1]) == EventKind.BAR and not self._is_replay:
            self._remember_made(group)
        if self._candles is not None and int(group["kind"][0]) == _TRADE:
            self._candles.take(group)

    def begin(self) -> None:
        """Start listening: of a live feed the bar in progress lacks its first trades."""
        if self._candles is not None and not self._is_replay:
            self._candles.begin(self._clock.now_ns() - self._delay_ns)

    def end(self) -> None:
        """Stop listening: bars in progress are thrown away, never closed early."""
        if self._candles is not None:
            self._candles.discard()

    async def take(self, rows: NDArray[Any]) -> None:
        """Take a group of bars, corporate actions, or trades in a row.

        Actions wait for what comes next: at the instant at which bars end they belong to the group of these bars, so
        that the exchange matches before it restates, as in the compiled loop.
        """
        if len(rows) == 1 and not self._last_ns and not len(self._waiting) and rows["kind"].item() == _TRADE:
            await self._take_trade(rows)
            return
        rows = self._unseen(rows)
        if not len(rows):
            return
        if int(rows["kind"][0]) in _ACTIONS:
            await self.take_waiting()
            self._waiting = rows.copy()
            return
        is_tick = int(rows["kind"][0]) in TICKS
        if len(self._waiting) and not is_tick and int(rows["now_ns"][0]) == int(self._waiting["now_ns"][0]):
            rows, self._waiting = np.concatenate([self._waiting, rows]), self._waiting[:0]
        await self.take_waiting()
        if not is_tick:
            if self._candles is not None:
                self._link_bars(rows, self._candles)
            await self._pass(np.ascontiguousarray(rows))
        elif self._candles is None:
            await self._pass_ticks(rows)
        else:
            await self._take_trades(rows.copy(), self._candles)

    async def take_waiting(self) -> None:
        """Take corporate actions that no bar of their instant has come for."""
        if len(self._waiting):
            waiting, self._waiting = self._waiting, self._waiting[:0]
            await self._pass(waiting)

    async def take_quotes(self, rows: NDArray[Any]) -> None:
        """Take the latest quotes of some instruments."""
        rows = self._unseen(rows)
        if len(rows):
            await self._pass_ticks(rows.copy())

    async def _take_trade(self, rows: NDArray[Any]) -> None:
        """Take one trade alone, as most come: as ``_take_trades`` does, by its address and without a copy."""
        address = int(rows.ctypes.data)
        if self._candles is not None:
            bars = self._candles.take_one(address, rows["ts_ns"].item())
            if len(bars):
                await self._pass_between(rows, bars)
                return
        await self._groups.take_tick(rows, address)
        self._tell(rows)

    async def _take_trades(self, rows: NDArray[Any], candles: Candles) -> None:
        """Take trades and, each before the trade that ended it, the bars they make."""
        await self._pass_between(rows, candles.take(rows))

    async def _pass_between(self, rows: NDArray[Any], bars: NDArray[Any]) -> None:
        """Pass trades on, and each bar before the trade that ended it."""
        at = 0
        if len(bars):
            reached = np.maximum.accumulate(rows["ts_ns"])
            bars = bars.copy()
            for group in np.split(bars, np.flatnonzero(np.diff(bars["now_ns"])) + 1):
                stop = int(np.searchsorted(reached, int(group["now_ns"][0]), side="left"))
                if stop > at:
                    await self._pass_ticks(rows[at:stop])
                    at = stop
                await self._take_bars(group)
        if at < len(rows):
            await self._pass_ticks(rows[at:])

    async def _take_bars(self, group: NDArray[Any]) -> None:
        group = self._unseen(group)
        if len(group):
            self._remember_made(group)
            await self._pass(np.ascontiguousarray(group))

    def _remember_made(self, bars: NDArray[Any]) -> None:
        for bar in bars:
            self._inbox.border.made(int(bar["instrument"]), int(bar["interval_ns"]), int(bar["ts_ns"]))

    def _link_bars(self, rows: NDArray[Any], candles: Candles) -> None:
        """Let bars from outside take the place of those in the making."""
        for row in rows[rows["kind"] == EventKind.BAR]:
            candles.link(int(row["instrument"]), int(row["interval_ns"]), int(row["now_ns"]), float(row["close"]))

    async def close_quiet_bars(self) -> None:
        """Close bars whose time is over although no trade came to end them; a replay has its own clock."""
        if self._candles is None or self._is_replay:
            return
        bars = self._candles.tick(self._clock.now_ns()).copy()
        if len(bars):
            for group in np.split(bars, np.flatnonzero(np.diff(bars["now_ns"])) + 1):
                await self._take_bars(group)

    def take_word(self, word: Degraded | LinkWord) -> None:
        """Take word of lost trades or of a connection that came or went."""
        if isinstance(word, Degraded):
            self.spoiled.add(word.instrument)
            if self._candles is not None:
                self._candles.spoil(word.instrument, word.at_ns - self._delay_ns)
            self._inbox.repaired(word.instrument)
        elif not word.code and self._candles is not None:
            # bars in the making lack trades from the loss on, and those that begin before the return lack them too
            self._candles.begin(word.at_ns - self._delay_ns)

    def _unseen(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Leave out what the recorded tape has told already (a replay begins again at its first row)."""
        if not self._last_ns:
            return rows
        now = rows["now_ns"]
        if int(now[0]) > self._last_ns:
            self._last_ns = 0
            return rows
        keep = np.array([int(row["now_ns"]) > self._last_ns or self._is_new(row) for row in rows])
        kept: NDArray[Any] = rows[keep]
        return kept

    def _is_new(self, row: Any) -> bool:
        return int(row["now_ns"]) == self._last_ns and row.tobytes() not in self._at_last
