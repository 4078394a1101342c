"""Parts of an agent: its strategies, its feed, when it looks, what its paper account is strict about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tidemill.model.errors import ConfigError, UnknownName
from tidemill.model.parsing import check_interval
from tidemill.model.settings import StrategySettings

__all__ = [
    "FEEDS",
    "FILLS_ON",
    "LISTENING",
    "FeedSpec",
    "PaperSpec",
    "Schedule",
    "StrategyUse",
    "check_name",
    "parse_instant",
]

_SHORTEST, _LONGEST = 1024, 4_194_304  # of a feed's queue, items
FEEDS = ("replay", "synthetic", "sample", "push", "stream")
LISTENING = ("push", "stream")  # feeds of the present: what is traded has to be named
FILLS_ON = ("bars", "trades")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check_name(name: str, what: str) -> str:
    """Return a name that can be a folder's name on every system.

    Raises:
        ConfigError: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{what} cannot be {name!r}; use up to 64 letters, digits, dashes and underscores.")
    return name


def parse_instant(text: str, what: str) -> int:
    """Read an ISO time as UTC nanoseconds; without a zone it is UTC.

    Raises:
        ConfigError: it is none.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{what} cannot be {text!r}; write for example 2026-03-31T20:00:00Z.") from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


@dataclass(frozen=True, slots=True)
class StrategyUse:
    """One strategy of an agent.

    Args:
        strategy: a shipped one's name, or the absolute path of its file with ``:Class``.
        params: every parameter by name, defaults included.
        settings: of its own; None: the agent's.
        symbols: what it trades; empty: all of the agent's.
        interval: the bars it decides on, ``5min``; empty: all bars.
        code_sha256: of its file; empty for shipped ones.
    """

    strategy: str
    params: Mapping[str, float] = field(default_factory=dict)
    settings: StrategySettings | None = None
    symbols: tuple[str, ...] = ()
    interval: str = ""
    code_sha256: str = ""


@dataclass(frozen=True, slots=True)
class FeedSpec:
    """Where an agent's market data come from.

    Args:
        kind: ``replay`` (files), ``synthetic`` (a simulated market), ``sample`` (daily prices that come with
            Tidemill's dependencies), ``push`` (bars and ticks that others hand in), ``stream`` (a server's).
        files: absolute paths, of a replay.
        mapping, zone, start, end, sort, resolution, market: how files are read, as for a backtest.
        actions: file of splits and dividends.
        seed, sessions: of a synthetic market; 0 sessions: without end.
        url: of a stream.
        queue: trades and bars that may wait for the run loop, a power of two; what there is no room for is lost,
            counted, and its instrument's bar thrown away.

    Raises:
        ConfigError: the parts do not go together.
    """

    kind: str = "replay"
    files: tuple[str, ...] = ()
    mapping: Mapping[str, str] = field(default_factory=dict)
    zone: str = ""
    start: str = ""
    end: str = ""
    sort: bool = False
    resolution: str = ""
    market: str = ""
    actions: str = ""
    seed: int = 7
    sessions: int = 40
    url: str = ""
    queue: int = 65_536

    def __post_init__(self) -> None:
        if self.kind not in FEEDS:
            raise UnknownName("feed", str(self.kind), FEEDS)
        if self.kind == "replay" and not self.files:
            raise ConfigError(
                "A replay needs data: write files in [data], or --feed replay:FILE; --feed sample needs none."
            )
        if bool(self.url) != (self.kind == "stream"):
            raise ConfigError("A stream, and nothing else, has an address; write --feed stream:ws://host:port/path.")
        if self.url and not self.url.startswith(("ws://", "wss://")):
            raise ConfigError(f"A stream's address begins with ws:// or wss://, {self.url!r} does not.")
        if not (0 <= self.sessions <= 2_500):
            raise ConfigError(f"sessions must lie between 0 (without end) and 2500, not {self.sessions}.")
        if not (_SHORTEST <= self.queue <= _LONGEST) or self.queue & (self.queue - 1):
            raise ConfigError(
                f"queue in [feed] must be a power of two between {_SHORTEST} and {_LONGEST}, not {self.queue}; "
                "65536 is usual."
            )


@dataclass(frozen=True, slots=True)
class Schedule:
    """When an agent looks at the market, and when it ends.

    Args:
        check_interval_s: 0: on every bar close; else it looks every so many seconds, 60 to 3600; goes into the settings
            of every strategy.
        end: ISO time at which the run is completed; empty: when the feed ends or somebody stops it.

    Raises:
        ConfigError: out of bounds.
    """

    check_interval_s: int = 0
    end: str = ""

    def __post_init__(self) -> None:
        check_interval(self.check_interval_s)
        if self.end:
            parse_instant(self.end, "end in [schedule]")

    @property
    def end_ns(self) -> int:
        """Return the end as UTC nanoseconds, 0 for none."""
        return parse_instant(self.end, "end in [schedule]") if self.end else 0


@dataclass(frozen=True, slots=True)
class PaperSpec:
    """What the simulated account of an agent is strict about.

    Args:
        fill_on: ``trades``: orders meet each trade as it comes, and bars only of instruments without trades; ``bars``:
            they meet bars, as in a backtest; empty: trades where the feed may bring them, else bars.
        check_buying_power: entries are refused that the account cannot pay for when they come.
        regular_hours_only: entries are refused outside the regular session.
        rests_unpriced: an entry with a price of its own may rest before the first price of its symbol has come; the
            guard then measures it by that price. Off: it is refused, as anything without a known price is.

    Raises:
        UnknownName: there is no such ``fill_on``.
    """

    fill_on: str = ""
    check_buying_power: bool = False
    regular_hours_only: bool = False
    rests_unpriced: bool = False

    def __post_init__(self) -> None:
        if self.fill_on and self.fill_on not in FILLS_ON:
            raise UnknownName("fill_on in [paper]", str(self.fill_on), FILLS_ON)
