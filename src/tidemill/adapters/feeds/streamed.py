"""A feed over the network: connects, subscribes, notices silence, comes back, and asks for what it missed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from tidemill.adapters.feeds.barrows import bar_groups
from tidemill.model.bars import SECOND_NS
from tidemill.model.errors import ConfigError, DataError, LinkDown, NotAuthorised
from tidemill.model.heard import Denied, Heard, HeardBar, HeardQuote, HeardTrade
from tidemill.ports.feed import Dialect, MarketSink
from tidemill.ports.seams import Clock, Net, Rng, Wire
from tidemill.wire.reconnect import LinkState, LinkStatus, Reconnect

__all__ = ["Gap", "StreamCounts", "StreamTerms", "StreamedFeed"]

_UNKNOWN = -1  # row of a symbol the run does not trade; the border counts it
_GAPS_KEPT = 100


@dataclass(frozen=True, slots=True)
class StreamTerms:
    """When a connection is given up.

    Args:
        connect_s: longest wait for a connection.
        silence_s: without any message for so long it is dead; servers send heartbeats.
        garbage: messages in a row that nobody can read, after which it is closed.
        bar_ns: size of the run's shortest bars; the one in the making at a reconnect is asked for once it is over.
        settle_s: how long after its end a bar may be asked for.
        delay_ns: how far behind the market the feed is by contract.
    """

    connect_s: float = 10.0
    silence_s: float = 15.0
    garbage: int = 100
    bar_ns: int = 0
    settle_s: float = 2.0
    delay_ns: int = 0


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which nothing was heard: from the last message to the first one after it, clock of the machine."""

    since_ns: int
    until_ns: int
    why: str


@dataclass(slots=True)
class StreamCounts:
    """What a stream said: messages, those nobody could read, bars told late, and when the last message came."""

    messages: int = 0
    unreadable: int = 0
    missed_bars: int = 0
    last_ns: int = 0


class StreamedFeed:
    """Takes a vendor's stream, for as long as the run lives; a broken connection is its own business.

    Args:
        url: where the stream is.
        dialect: how it is spoken to.
        net, clock, rng: seams.
        name: what reports call the feed.
        terms: when a connection is given up.
    """

    is_replay = False

    def __init__(
        self, url: str, dialect: Dialect, net: Net, clock: Clock, rng: Rng, *, name: str, terms: StreamTerms
    ) -> None:
        self.name, self.delay_ns = name, terms.delay_ns
        self.counts = StreamCounts()
        self.gaps: deque[Gap] = deque(maxlen=_GAPS_KEPT)
        self._url, self._dialect, self._net, self._clock, self._terms = url, dialect, net, clock, terms
        self._link = Reconnect(rng.uniform)
        self._place: dict[str, int] = {}
        self._why = ""  # the connection was lost
        self._garbage = 0  # unreadable messages in a row
        self._ask_at_ns = self._since_ns = 0  # the bar in the making at the reconnect is asked for then

    def status(self) -> LinkStatus:
        """Return where the connection stands."""
        return self._link.status()

    async def stream(self, symbols: Sequence[str], sink: MarketSink) -> None:
        """Take the stream until the task is cancelled.

        Raises:
            ConfigError: a symbol is not offered, or the address is none. NotAuthorised: the key does not allow it.
                Both only before the first word of the stream.
        """
        self._place = {symbol: row for row, symbol in enumerate(symbols)}
        for symbol in symbols:
            self._link.subscribe(symbol)
        while True:
            try:
                await self._live_once(sink)
            except LinkDown as error:
                why = str(error)
            except (ConfigError, NotAuthorised) as error:
                if not self.counts.last_ns:
                    raise
                why = str(error)  # it worked before: a run that holds positions does not end because of it
            await self._clock.sleep(self._lost(sink, why))

    async def _live_once(self, sink: MarketSink) -> None:
        """Connect, and listen until the connection breaks, which is always a LinkDown."""
        try:
            async with asyncio.timeout(self._terms.connect_s):
                wire = await self._net.connect(self._url)
        except TimeoutError:
            raise LinkDown(f"{self._url} did not answer within {self._terms.connect_s:g} s.") from None
        try:
            for text in self._dialect.hello(self._link.status().symbols):
                await wire.send(text)
            while True:
                await self._take(await self._hear(wire), wire, sink)
        finally:
            await wire.close()

    async def _hear(self, wire: Wire) -> str:
        try:
            async with asyncio.timeout(self._terms.silence_s):
                return await wire.receive()
        except TimeoutError:
            raise LinkDown(f"{self._url} said nothing for {self._terms.silence_s:g} s.") from None

    async def _take(self, text: str, wire: Wire, sink: MarketSink) -> None:
        """Take one message; what nobody can read is counted and disturbs nothing else."""
        self.counts.messages += 1
        try:
            said = self._dialect.read(text)
        except DataError as error:
            self._complain(error, sink)
            return
        self._garbage = 0
        for one in said:
            if isinstance(one, Denied):
                raise (NotAuthorised if one.is_key else ConfigError)(f"{self._url} refuses: {one.text}.")
        before_ns, now_ns = self.counts.last_ns, self._clock.now_ns()
        self.counts.last_ns = now_ns
        if self._link.state is not LinkState.UP:
            await self._up(before_ns, now_ns, wire, sink)
        self._hand_bars([one for one in said if isinstance(one, HeardBar)], sink)
        for one in said:
            self._hand_tick(one, sink)
        if self._ask_at_ns and now_ns >= self._ask_at_ns:
            self._ask_at_ns = 0
            await self._ask(self._since_ns, now_ns, wire)

    def _complain(self, error: DataError, sink: MarketSink) -> None:
        self.counts.unreadable += 1
        self._garbage += 1
        if self._garbage == 1 and self._link.state is LinkState.UP:
            sink.link(True, f"{self.name}: {error}", "FEED_GARBAGE")
        if self._garbage >= self._terms.garbage:
            raise LinkDown(f"{self._url} said {self._garbage} things in a row that nobody can read ({error})")

    async def _up(self, before_ns: int, now_ns: int, wire: Wire, sink: MarketSink) -> None:
        """Note the first word after connecting; if there was a gap, ask for the bars in it."""
        symbols = self._link.connected()
        if not before_ns:
            sink.link(True, f"{self.name}: {len(symbols)} symbols subscribed at {self._url}")
            return
        self.gaps.append(Gap(before_ns, now_ns, self._why))
        seconds = (now_ns - before_ns) / SECOND_NS
        sink.link(True, f"{self.name}: back after {seconds:.1f} s, {len(symbols)} symbols subscribed again")
        await self._ask(before_ns, now_ns, wire)
        if self._terms.bar_ns:
            end_ns = (now_ns // self._terms.bar_ns + 1) * self._terms.bar_ns
            self._since_ns, self._ask_at_ns = before_ns, end_ns + round(self._terms.settle_s * SECOND_NS)

    async def _ask(self, since_ns: int, until_ns: int, wire: Wire) -> None:
        for text in self._dialect.ask(tuple(self._place), since_ns - self.delay_ns, until_ns - self.delay_ns):
            await wire.send(text)

    def _lost(self, sink: MarketSink, why: str) -> float:
        """Note that there is no connection; return the seconds until the next attempt. There always is one."""
        was, self._garbage, self._ask_at_ns = self._link.state, 0, 0
        if was is LinkState.UP:
            self._why = why
            wait_s = self._link.lost()
            sink.link(False, f"{self.name}: {why}")
            return wait_s
        wait_s = self._link.failed()
        if was is LinkState.IDLE:
            sink.link(False, f"{self.name}: {why}")
        if self._link.state is LinkState.SAFE_MODE and was is not LinkState.SAFE_MODE:
            text = (
                f"{self.name}: {self._link.attempts} attempts failed; no entries, and one attempt every {wait_s:.0f} s"
            )
            sink.link(False, text, "SAFE_MODE")
        return wait_s

    def _hand_bars(self, bars: Sequence[HeardBar], sink: MarketSink) -> None:
        """Hand on the bars of a message, those that end at one instant together; they come before its ticks."""
        placed = [(self._place.get(bar.symbol, _UNKNOWN), bar) for bar in bars]
        late = [item for item in placed if item[1].is_missed]
        self.counts.missed_bars += len(late)
        for group in bar_groups(late):
            sink.missed(group)
        for group in bar_groups([item for item in placed if not item[1].is_missed]):
            sink.bars(group)

    def _hand_tick(self, one: Heard, sink: MarketSink) -> None:
        if isinstance(one, HeardTrade):
            sink.trade(self._place.get(one.symbol, _UNKNOWN), one.ts_ns, one.price, one.size, one.seq)
        elif isinstance(one, HeardQuote):
            sink.quote(self._place.get(one.symbol, _UNKNOWN), one.ts_ns, one.bid, one.ask)
