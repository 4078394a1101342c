"""How much may wait before the run loop, what passed, and what the inbox itself has to say."""

from __future__ import annotations

from dataclasses import dataclass

from tidemill.model.bars import MINUTE_NS
from tidemill.runtime.lanes import Lane

__all__ = ["Degraded", "InboxCounts", "InboxRoom", "LinkWord"]


@dataclass(frozen=True, slots=True)
class InboxRoom:
    """How much may wait.

    Args:
        market: trades and bars, a power of two.
        commands: user commands; one more is refused.
        reports: from here on the run loop takes no entries until it has caught up; reports are taken all the same.
        replay: rows a replay may run ahead.
        quote_ttl_ns: age from which a waiting quote is not handed out any more.
    """

    market: int = 65_536
    commands: int = 256
    reports: int = 1000
    replay: int = 1024
    quote_ttl_ns: int = MINUTE_NS


@dataclass(frozen=True, slots=True)
class Degraded:
    """Trades or bars of an instrument were lost to overload: its bars want a backfill before it is traded again."""

    instrument: int
    at_ns: int


@dataclass(frozen=True, slots=True)
class LinkWord:
    """Word of a feed about its connection.

    Args:
        code: empty: it came or went; else what is to be told, see ``MarketSink.link``.
    """

    is_up: bool
    text: str
    at_ns: int
    code: str = ""


@dataclass(frozen=True, slots=True)
class InboxCounts:
    """What went through, what waits, what was lost.

    Args:
        trades, bars, quotes, reports, commands: taken in so far.
        replaced, expired: quotes that a newer one replaced, and that waited too long.
        overflowed: trades and bars there was no room for.
        refused: commands that met a full lane.
        quarantined: ticks, quotes and bars set aside at the border.
        waiting: items per lane now.
        utilisation: share of the market lane in use, 0 to 1; ``highest`` the largest so far.
        load: ``normal`` (below 5 %), ``busy`` or ``critical`` (above 80 %).
    """

    trades: int
    bars: int
    quotes: int
    reports: int
    commands: int
    replaced: int
    expired: int
    overflowed: int
    refused: int
    quarantined: int
    waiting: dict[Lane, int]
    utilisation: float
    highest: float
    load: str
