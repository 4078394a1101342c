"""A made-up session: a price path that the exchange trades along, and the bars a feed makes of it, sound or spoilt."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.enums import EventKind
from tidemill.model.records import EVENT
from tidemill.ports.feed import MarketSink
from tidemill.testing.exchange.faults import Faults
from tidemill.testing.simulation.loop import WorldLoop
from tidemill.testing.simulation.scenario import Scenario

__all__ = ["OPEN_NS", "PARTS", "Path", "Wire"]

OPEN_NS = 1_704_205_800 * 1_000_000_000  # 2024-01-02 14:30 UTC, the open in New York
PARTS = 4  # prices of a bar: open, two extremes, close
_SECOND_NS = 1_000_000_000
_COLUMNS = ("open", "high", "low", "close")


class Path:
    """Prices of a day.

    Args:
        scenario: whose universe and seed.
        extra: bars after the session, for healing.
    """

    def __init__(self, scenario: Scenario, extra: int) -> None:
        rows = scenario.bars + extra
        chance = np.random.default_rng([scenario.seed & 0xFFFFFFFF, 11])
        self.ticks = np.zeros((rows, len(scenario.symbols), PARTS))
        for at, symbol in enumerate(scenario.symbols):
            steps = (
                chance.standard_normal(rows * PARTS) * scenario.drifts[symbol] * math.sqrt(scenario.bar_minutes / PARTS)
            )
            path = scenario.prices[symbol] * np.exp(np.cumsum(steps))
            self.ticks[:, at, :] = np.maximum(np.round(path, 2), 0.01).reshape(rows, PARTS)
        self.bars = np.zeros((rows, len(scenario.symbols)), EVENT)
        starts = OPEN_NS + np.arange(rows, dtype=np.int64)[:, None] * scenario.bar_ns
        self.bars["kind"], self.bars["interval_ns"] = int(EventKind.BAR), scenario.bar_ns
        self.bars["instrument"] = np.arange(len(scenario.symbols))[None, :]
        self.bars["row"] = np.arange(rows)[:, None]
        self.bars["ts_ns"], self.bars["now_ns"] = starts, starts + scenario.bar_ns
        self.bars["open"], self.bars["close"] = self.ticks[:, :, 0], self.ticks[:, :, -1]
        self.bars["high"], self.bars["low"] = self.ticks.max(axis=2), self.ticks.min(axis=2)
        self.bars["volume"] = 1000.0


class Wire:
    """Carries bars to the engines that listen, and spoils them on the way.

    Args:
        loop: of the world.
        faults: D1 to D18.
        scenario: of the day.
        activity: told when something goes wrong.
    """

    name = "simulated"
    delay_ns = 0
    is_replay = False

    def __init__(self, loop: WorldLoop, faults: Faults, scenario: Scenario, activity: Callable[[], None]) -> None:
        self._loop, self._faults, self._delay_s = loop, faults, scenario.data_s
        count = self._count = len(scenario.symbols)
        self._stretch = scenario.bar_minutes * _SECOND_NS  # silences are told in seconds of a day of minute bars
        self._activity = activity
        self._sinks: dict[int, MarketSink] = {}
        self._dead_until = [0] * count
        self._all_until = self._held_until = self._link_until = 0
        self._held: list[NDArray[Any]] = []
        self._last: NDArray[Any] | None = None
        self.sound_ns = [0] * count  # end of the newest sound bar that was handed out

    def listen(self, process: int, sink: MarketSink) -> None:
        """Hand what comes to a process."""
        self._sinks[process] = sink

    def leave(self, process: int) -> None:
        """Hand nothing more to a process."""
        self._sinks.pop(process, None)

    def bar(self, rows: NDArray[Any]) -> None:
        """Take the bars that have just ended, one of each symbol."""
        faults, now = self._faults, self._loop.now_ns
        if faults.active:
            rows = self._silence(rows, now)
            if faults.fires("D10"):
                self._held_until = now + round(faults.value("D10") * self._stretch)
            if self._held_until > now:
                self._held.append(rows)
                return
        for late in self._held:
            self._send(late)
        self._held.clear()
        if not len(rows):
            return
        if faults.active:
            self._add_spoilt(rows)
        self._send(rows)
        if self._last is not None and faults.fires("D6"):
            self._send(self._last)
        if faults.fires("D7"):
            self._send(rows)
        self._last = rows

    def _silence(self, rows: NDArray[Any], now: int) -> NDArray[Any]:
        """Leave out what does not come."""
        faults = self._faults
        if faults.fires("D1"):
            self._dead_until[int(faults.draw("D1") * self._count)] = now + round(faults.value("D1") * self._stretch)
        if faults.fires("D2"):
            self._all_until = now + round(faults.value("D2") * self._stretch)
        if faults.fires("D8"):
            self._all_until = now + round(faults.value("D8") * 60.0 * self._stretch)
        if faults.fires("D18"):
            self._link_until = now + round(faults.value("D18") * _SECOND_NS)
            self._tell_link(is_up=False)
            self._loop.call_at(self._link_until / _SECOND_NS, lambda: self._tell_link(is_up=True))
        if max(self._all_until, self._link_until) > now:
            return rows[:0]
        alive = [self._dead_until[at] <= now for at in rows["instrument"].tolist()]
        return rows if all(alive) else rows[np.array(alive)]

    def _tell_link(self, *, is_up: bool) -> None:
        self._activity()
        for sink in list(self._sinks.values()):
            sink.link(is_up, "the line of the market data " + ("is back" if is_up else "dropped"))

    def _add_spoilt(self, rows: NDArray[Any]) -> None:
        """Send what cannot be true, ahead of the truth."""
        faults = self._faults
        for name, spoil in _SPOILERS.items():
            if faults.fires(name):
                bad = rows.copy()
                spoil(bad, faults.draw(name), faults.value(name))
                self._send(bad, is_sound=False)

    def _send(self, rows: NDArray[Any], *, is_sound: bool = True) -> None:
        rows = rows.copy()
        self._loop.call_at(self._loop.time() + self._delay_s, self._arrive, rows, is_sound)

    def _arrive(self, rows: NDArray[Any], is_sound: bool) -> None:
        if is_sound:
            for at, end in zip(rows["instrument"].tolist(), rows["now_ns"].tolist(), strict=True):
                self.sound_ns[at] = max(self.sound_ns[at], end)
        for sink in list(self._sinks.values()):
            sink.bars(rows)


def _spike(rows: NDArray[Any], draw: float, value: float) -> None:
    factor = (value, 1.0 / value, 0.0, -1.0)[int(draw * 4)]
    for name in _COLUMNS:
        rows[name] *= factor


def _blank(rows: NDArray[Any], draw: float, _value: float) -> None:
    name = (*_COLUMNS, "volume")[int(draw * 5)]
    rows[name] = math.nan if draw * 10 % 1.0 < 0.5 else math.inf


def _cross(rows: NDArray[Any], _draw: float, _value: float) -> None:
    rows["high"], rows["low"] = rows["low"] * 0.999, rows["high"].copy()


def _strange(rows: NDArray[Any], draw: float, _value: float) -> None:
    rows["instrument"] = -1 if draw < 0.5 else 99


def _ahead(rows: NDArray[Any], _draw: float, value: float) -> None:
    rows["ts_ns"] += round(value * _SECOND_NS)
    rows["now_ns"] += round(value * _SECOND_NS)


_SPOILERS: dict[str, Callable[[NDArray[Any], float, float], None]] = {
    "D3": _spike,
    "D4": _blank,
    "D5": _cross,
    "D11": _strange,
    "D17": _ahead,
}
