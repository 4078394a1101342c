"""What a stream of market data says, one value per message, whatever the vendor's own words were."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Beat", "Denied", "Heard", "HeardBar", "HeardQuote", "HeardTrade"]


@dataclass(frozen=True, slots=True)
class HeardTrade:
    """One trade print.

    Args:
        ts_ns: its stamp, UTC. seq: the number by which its source knows it; 0: it has none.
    """

    symbol: str
    ts_ns: int
    price: float
    size: float = 0.0
    seq: int = 0


@dataclass(frozen=True, slots=True)
class HeardQuote:
    """Best bid and ask."""

    symbol: str
    ts_ns: int
    bid: float
    ask: float


@dataclass(frozen=True, slots=True)
class HeardBar:
    """One closed bar.

    Args:
        start_ns: UTC start of the bar. interval_ns: its size.
        end_ns: when it was over; 0: start plus size.
        is_missed: it closed while nobody listened, and is told now.
    """

    symbol: str
    start_ns: int
    interval_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float = 0.0
    end_ns: int = 0
    is_missed: bool = False


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life: the server is ready, or has nothing else to say."""


@dataclass(frozen=True, slots=True)
class Denied:
    """The server will not serve us, now or later.

    Args:
        is_key: the credentials are the reason; else what was asked for.
    """

    text: str
    is_key: bool = False


Heard = HeardTrade | HeardQuote | HeardBar | Beat | Denied
