"""What a live run is made of: from an agent and a folder to the parts the runtime asks for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tidemill.adapters.calendars import get_calendar
from tidemill.adapters.feeds import PushedFeed
from tidemill.adapters.paper import PaperBroker
from tidemill.adapters.paper.account import PaperAccount
from tidemill.adapters.sql.store import SqlStore
from tidemill.authoring.rulebook import load_rules
from tidemill.engine.engine import Engine
from tidemill.model.agent import AgentSpec
from tidemill.model.enums import Intent, Session
from tidemill.model.errors import ConfigError
from tidemill.model.units import to_micros
from tidemill.ports.feed import Feed, MarketSink
from tidemill.ports.seams import Clock
from tidemill.research.planning import plan_run
from tidemill.runtime.account.owner import process_name
from tidemill.runtime.clock import SystemClock, SystemIds
from tidemill.runtime.core import Core
from tidemill.runtime.guard.account_rules import check_strategies
from tidemill.runtime.guard.baseline import DayClock
from tidemill.runtime.guard.closes import DailyCloses
from tidemill.runtime.guard.facts import Arming, Facts, SymbolFacts
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.guard.send_guard import SendGuard
from tidemill.runtime.inbox import Inbox
from tidemill.runtime.life.terms import RunParts, RunTerms
from tidemill.runtime.orders.book import OrderBook
from tidemill.runtime.orders.outgoing import Outgoing
from tidemill.runtime.orders.present import Present
from tidemill.runtime.record.writer import Writer
from tidemill.runtime.room import InboxRoom
from tidemill.services.agents import account_rules, paper_terms, spec_hash, spec_text, tolerances_of
from tidemill.services.builds import build_name
from tidemill.services.home import Home
from tidemill.services.live_market import LiveMarket
from tidemill.services.live_view import LiveView
from tidemill.services.session_table import SessionTable

__all__ = ["Ending", "RunRequest", "engine_of", "parts_of", "terms_of"]


@dataclass(slots=True)
class RunRequest:
    """What a user asks for: an agent, and where and how it is to run.

    Args:
        spec: the agent. home: where data lie.
        run_id: of the run to begin or to go on with; empty: a new one.
        speed: of a replay or simulated market, times the market's pace.
        arming: the keys turned, for real money.
        clock: of the machine, unless it is simulated.
        watch, every_s: told how the run fares, every so many seconds.
    """

    spec: AgentSpec
    home: Home
    run_id: str = ""
    speed: float = math.inf
    arming: Arming | None = None
    clock: Clock = field(default_factory=SystemClock)
    watch: Callable[[LiveView], None] | None = None
    every_s: float = 1.0


class Ending:
    """A feed that remembers whether it came to its end.

    Args:
        feed: what it passes on.
    """

    def __init__(self, feed: Feed) -> None:
        self.name, self.delay_ns, self.is_replay = feed.name, feed.delay_ns, feed.is_replay
        self.has_ended = False
        self._feed = feed

    async def stream(self, symbols: Sequence[str], sink: MarketSink) -> None:
        """Pass on."""
        await self._feed.stream(symbols, sink)
        self.has_ended = True


class _PaperPresent(Present):
    """Facts of a run whose account is simulated: its money is looked up at every question."""

    funds: PaperAccount
    rests_unpriced = False
    _asked: Outgoing | None = None

    @property
    def equity_micros(self) -> int:
        """Return the sub-ledger's equity; of a desk without bars, at the newest trades."""
        marked = super().equity_micros
        if not self.rests_unpriced:
            return marked
        held = self._slots[self._slots["quantity"] != 0.0]
        return marked + sum(self._since_mark(slot) for slot in held)

    def _since_mark(self, slot: Any) -> int:
        """Return by how much a position's value has changed since its last mark, micros."""
        row = int(slot["instrument"])
        item, last = self._instruments[row], float(self._rows[row]["last"])
        if item.currency != "USD" or not (last > 0.0):
            return 0
        return to_micros(float(slot["quantity"]) * last * item.multiplier) - int(slot["notional"])

    def _symbol(
        self, row: int, now_ns: int, mono_ns: int, held: dict[str, float], own: dict[str, float]
    ) -> SymbolFacts:
        found = super()._symbol(row, now_ns, mono_ns, held, own)
        price = self._own_price(row) if self.rests_unpriced and not (found.last > 0.0) else 0.0
        return replace(found, last=price, stamp_ns=now_ns, arrived_mono_ns=mono_ns) if price > 0.0 else found

    def _own_price(self, row: int) -> float:
        """Return at what an entry for an instrument without a price asks to trade, 0 when none says so."""
        orders = [*([self._asked.order] if self._asked else []), *self._book.live.values()]
        entries = [item.request for item in orders if item.instrument == row and item.request.intent is Intent.ENTRY]
        prices = [price for request in entries for price in (request.stop_price, request.limit_price)]
        return next((price for price in prices if price > 0.0), 0.0)

    def facts(self, item: Outgoing, now_ns: int, mono_ns: int) -> Facts:
        """Return everything a rule may look at before a request leaves."""
        self._asked = item
        if self.broker is not None:
            funds = self.funds
            self.broker = replace(
                self.broker,
                cash_micros=funds.cash,
                equity_micros=funds.equity,
                buying_power_micros=funds.buying_power,
                server_ns=now_ns,
            )
        return super().facts(item, now_ns, mono_ns)


def terms_of(request: RunRequest, run_id: str, market: LiveMarket) -> RunTerms:
    """Return what a run is, from what was asked for."""
    spec = request.spec
    return RunTerms(
        run_id=run_id,
        agent=spec.name,
        account=spec.account or f"paper:{run_id}",
        mode=spec.mode,
        broker=spec.broker,
        build=build_name(),
        spec=spec_text(spec),
        spec_hash=spec_hash(spec),
        currency=spec.run.currency,
        cash_micros=to_micros(spec.run.cash),
        instruments=list(market.instruments),
        strategies=[entrant.spec.name for entrant in market.entrants],
    )


def engine_of(spec: AgentSpec, market: LiveMarket) -> Engine:
    """Return a fresh core for an agent, as every run of it begins.

    Raises:
        ConfigError, DataError: the plan cannot be made. StrategyError: a strategy does not compile.
    """
    plan = plan_run(market.entrants, market.bars, market.instruments, spec.run, get_calendar)
    history = market.bars if market.is_known else ()
    return Engine(plan, load_rules(), form=spec.form, equity_rows=max(market.rows, 4096), history=history)


def parts_of(
    request: RunRequest,
    terms: RunTerms,
    market: LiveMarket,
    store: SqlStore,
    writer: Writer,
    guard: SendGuard,
    limits: Sequence[Limits],
) -> RunParts:
    """Return what a run is made of: paper exchange, feed, inbox and the facts the guard asks for."""
    spec, clock = request.spec, request.clock
    engine = engine_of(spec, market)
    plan, rules = engine.plan, account_rules(spec)
    check_strategies(rules, list(terms.strategies))
    broker = PaperBroker(plan, paper_terms(spec, terms.account))
    feed = Ending(market.feed)
    sessions = SessionTable(market.instruments)
    asks_session = any(not item.extended_hours for item in limits)
    first = market.instruments[0]

    def present(core: Core, book: OrderBook) -> Present:
        made = _PaperPresent(
            core,
            book,
            instruments=list(market.instruments),
            strategies=list(terms.strategies),
            run_id=terms.run_id,
            account=terms.account,
            mode=terms.mode,
            scopes=[item.scope for item in limits],
            tolerances=tolerances_of(spec),
            day_clock=DayClock(first.zone, first.day_roll_minutes),
            # only where a limit looks at it: calendars are heavy
            session_of=sessions if asks_session else lambda _row, _now: Session.REGULAR,
            interval_ns=max(plan.intervals_ns),
            delay_ns=feed.delay_ns,
        )
        if any(item.max_correlation is not None for item in limits):
            symbols = [item.symbol for item in market.instruments]
            made.closes = DailyCloses(symbols, DayClock(first.zone, first.day_roll_minutes))
        made.funds, made.rests_unpriced = broker.funds, spec.paper.rests_unpriced
        made.health.is_reconciled = True  # the paper account is the record itself
        return made

    return RunParts(
        engine=engine,
        broker=broker,
        exchange=broker,
        feed=feed,
        inbox=Inbox(
            list(market.instruments), clock, is_replay=feed.is_replay, room=InboxRoom(market=request.spec.feed.queue)
        ),
        store=store,
        writer=writer,
        folder=request.home.runs,
        clock=clock,
        guard=guard,
        present=present,
        push=_pusher(market.feed),
        candles=market.candles,
        warmup=market.warmup,
        owner=process_name(SystemIds()),
        rules=rules,
    )


def _pusher(feed: Feed) -> Callable[[str, float, float, int], None]:
    """Return what takes a tick from outside."""

    def push(symbol: str, price: float, size: float, ts_ns: int) -> None:
        if not isinstance(feed, PushedFeed):
            raise ConfigError(f"This run listens to a {feed.name} feed; only one with --feed push takes ticks.")
        feed.push_trade(symbol, price, size, ts_ns=ts_ns)

    return push
