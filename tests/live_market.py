"""What live-market tests share: a hand-set clock, plain hours, a sink that writes down what it hears, trade rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tidemill.model.bars import DAY_NS, HOUR_NS, MINUTE_NS
from tidemill.model.enums import EventKind
from tidemill.model.instrument import AssetClass, Instrument
from tidemill.model.records import EVENT
from tidemill.ports.calendar import Schedule

DAY = 20_000  # 2024-10-04, a Friday
OPEN = DAY * DAY_NS + 13 * HOUR_NS + 30 * MINUTE_NS
CLOSE = DAY * DAY_NS + 20 * HOUR_NS
STOCK = Instrument("AAA")
OTHER = Instrument("BBB")
FUTURE = Instrument("FUT", AssetClass.FUTURE, 0.25, 1.0, 20.0, 1000.0, "USD", "XNYS")


class ManualClock:
    """Time that passes only when somebody sleeps or moves it."""

    def __init__(self, now_ns: int = OPEN) -> None:
        self.time_ns = now_ns
        self.slept: list[float] = []

    def now_ns(self) -> int:
        return self.time_ns

    def monotonic_ns(self) -> int:
        return self.time_ns

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time_ns += round(seconds * 1e9)


@dataclass(frozen=True, slots=True)
class PlainHours:
    """13:30 to 20:00 UTC on every day; pre-market from 08:00, after-hours to 24:00."""

    name: str = "XNYS"
    zone: str = "UTC"

    def sessions(self, start_day: int, end_day: int) -> Schedule:
        day = np.arange(start_day, end_day, dtype=np.int64)
        opens = day * DAY_NS + 13 * HOUR_NS + 30 * MINUTE_NS
        closes = day * DAY_NS + 20 * HOUR_NS
        return Schedule(day, opens, closes, closes, closes, day * DAY_NS + 8 * HOUR_NS, (day + 1) * DAY_NS)


@dataclass(slots=True)
class Heard:
    """A sink that keeps everything, one line per call."""

    lines: list[tuple[Any, ...]] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)
    waits: int = 0

    def bars(self, rows: Any) -> None:
        self.rows.append(rows.copy())
        self.lines.append(("bars", int(rows[0]["now_ns"]), tuple(rows["instrument"].tolist())))

    def trade(self, instrument: int, ts_ns: int, price: float, size: float, seq: int = 0) -> None:
        self.lines.append(("trade", ts_ns, instrument, price, size, seq))

    def quote(self, instrument: int, ts_ns: int, bid: float, ask: float) -> None:
        self.lines.append(("quote", ts_ns, instrument, bid, ask))

    def actions(self, rows: Any) -> None:
        self.lines.append(("actions", int(rows[0]["now_ns"]), tuple(rows["instrument"].tolist())))

    async def ready(self) -> None:
        self.waits += 1

    def missed(self, rows: Any) -> None:
        self.rows.append(rows.copy())
        self.lines.append(("missed", int(rows[0]["now_ns"]), tuple(rows["instrument"].tolist())))

    def link(self, is_up: bool, text: str, code: str = "") -> None:
        self.lines.append(("link", is_up, code or text))


def trades(*rows: Sequence[float], instrument: int = 0) -> Any:
    """Return TRADE rows from (stamp, price, size[, seq])."""
    out = np.zeros(len(rows), EVENT)
    out["kind"], out["instrument"] = EventKind.TRADE, instrument
    for row, values in zip(out, rows, strict=True):
        row["ts_ns"] = row["now_ns"] = values[0]
        row["close"], row["volume"] = values[1:3]
        row["extra"] = values[3] if len(values) > 3 else 0
    return out


def bars(*rows: Sequence[float], interval_ns: int = MINUTE_NS) -> Any:
    """Return BAR rows from (instrument, start, open, high, low, close, volume)."""
    out = np.zeros(len(rows), EVENT)
    out["kind"], out["interval_ns"], out["row"] = EventKind.BAR, interval_ns, -1
    for row, values in zip(out, rows, strict=True):
        row["instrument"], row["ts_ns"], row["now_ns"] = values[0], values[1], values[1] + interval_ns
        row["open"], row["high"], row["low"], row["close"], row["volume"] = values[2:]
    return out
