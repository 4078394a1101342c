"""What tests of orders at a broker outside share: a scripted exchange, a market on a clock, runs that can be killed."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tidemill.adapters.feeds.replay import ReplayData, ReplayFeed
from tidemill.adapters.paper import PaperBroker, PaperTerms
from tidemill.adapters.sql.opening import open_store
from tidemill.authoring.rulebook import load_rules
from tidemill.authoring.strategy import Strategy, spec_of
from tidemill.engine.engine import Engine
from tidemill.engine.plan import CalendarPlan, EnginePlan, StrategyPlan, ZoneTable
from tidemill.model.bars import MINUTE_NS, BarTable
from tidemill.model.bookkeeping import verify_ledger
from tidemill.model.enums import EventKind, Intent, Session, Sizing
from tidemill.model.instrument import Instrument
from tidemill.model.records import EVENT
from tidemill.model.settings import RunSettings, StrategySettings
from tidemill.ports.feed import MarketSink
from tidemill.runtime.core import Core
from tidemill.runtime.guard.baseline import DayClock
from tidemill.runtime.guard.chain import RULES
from tidemill.runtime.guard.facts import Scope
from tidemill.runtime.guard.halts import Halts
from tidemill.runtime.guard.limits import no_limits
from tidemill.runtime.guard.send_guard import SendGuard
from tidemill.runtime.guard.tolerances import Tolerances
from tidemill.runtime.inbox import Inbox
from tidemill.runtime.life.run import Run
from tidemill.runtime.life.terms import Phase, RunParts, RunTerms
from tidemill.runtime.orders.book import OrderBook
from tidemill.runtime.orders.present import Present
from tidemill.runtime.record.writer import InlineWriter, Writer
from tidemill.runtime.room import InboxRoom
from tidemill.testing.exchange import SCRIPTED_RULES, Faults, ScriptedBroker, ScriptedExchange
from tidemill.testing.simloop import SimLoop

__all__ = ["SYMBOL", "PaperWorld", "Script", "World", "WorldClock", "flat_prices"]

SYMBOL = "AAA"
_START_NS = 1_704_205_800 * 1_000_000_000  # 2024-01-02 14:30 UTC, the open in New York
Script = Mapping[int, tuple[Any, ...]]  # bar number to (word, values by name)

_words: list[Script] = [{}]


def _act(order: Any, word: str, values: Mapping[str, float]) -> None:
    order.side = {"buy": 1, "sell": -1, "close": -1 if order.held > 0 else 1}[word]
    order.intent = int(Intent.EXIT if word == "close" else Intent.ENTRY)
    order.type, order.tif, order.reason, order.add = -1, -1, 1, 1
    for name in ("quantity", "limit_price", "stop_price", "stop_loss", "take_profit", "trail_amount", "trail_pct"):
        setattr(order, name, 0.0)
    order.group = order.parent = 0
    for name, value in values.items():
        setattr(order, name, value)


class Puppet(Strategy):
    """Do on each bar what the script says."""

    compiled = False

    def step(me, bar, order):
        """Look the bar's number up."""
        del me
        deed = _words[0].get(1 + (int(bar.ts_ns) - _START_NS) // int(bar.interval_ns))
        if deed is not None:
            _act(order, deed[0], deed[1] if len(deed) > 1 else {})


class WorldClock:
    """Time that goes on when a process and its loop are gone."""

    def __init__(self, start_ns: int = _START_NS, mono_ns: int = 1_000_000_000) -> None:
        self._wall, self._mono = start_ns, mono_ns
        self.loop = SimLoop()

    def fresh_loop(self) -> SimLoop:
        self._wall += self.loop.now_ns
        self._mono += self.loop.now_ns
        self.loop = SimLoop()
        return self.loop

    def now_ns(self) -> int:
        return self._wall + self.loop.now_ns

    def monotonic_ns(self) -> int:
        return self._mono + self.loop.now_ns

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def jump(self, seconds: float) -> None:
        self._wall += round(seconds * 1e9)

    def pause(self, seconds: float) -> None:
        """Stop every process for a while: time passes, nobody does anything."""
        self._wall += round(seconds * 1e9)
        self._mono += round(seconds * 1e9)


def flat_prices(count: int, price: float = 100.0) -> list[float]:
    return [price] * count


def _rows(close: float, start_ns: int, size_ns: int, row: int) -> Any:
    rows = np.zeros(1, EVENT)
    rows["kind"], rows["interval_ns"], rows["row"] = EventKind.BAR, size_ns, row
    rows["ts_ns"], rows["now_ns"] = start_ns, start_ns + size_ns
    for name in ("open", "high", "low", "close"):
        rows[name] = close
    rows["volume"] = 1000.0
    return rows


@dataclass(slots=True)
class BarFeed:
    """A market whose price moves during each bar, then closes it; who comes late has missed it.

    Args:
        world: with its prices, one item per bar; an item may be a list of trades (price or (price, size)).
        tail_s: how long it goes on in silence after the last bar.
    """

    world: World
    tail_s: float = 30.0
    name: str = "bars"
    delay_ns: int = 0
    is_replay: bool = False

    async def stream(self, symbols: Sequence[str], sink: MarketSink) -> None:
        world, clock, size = self.world, self.world.clock, self.world.bar_ns
        del symbols
        for number, item in enumerate(world.prices):
            end = _START_NS + (number + 1) * size
            if number < world.told:
                continue
            trades = item if isinstance(item, list) else [item]
            for part, trade in enumerate(trades):
                at = end - size + (part + 1) * size // (len(trades) + 1)
                await clock.sleep(max(at - clock.now_ns(), 0) / 1e9)
                price, depth = trade if isinstance(trade, tuple) else (trade, math.inf)
                if world.traded < (number, part):
                    world.traded = (number, part)
                    world.exchange.trade(SYMBOL, price, depth)
            await clock.sleep(max(end - clock.now_ns(), 0) / 1e9)
            world.told = number + 1
            sink.bars(_rows(float(price), end - size, size, number))
        await clock.sleep(self.tail_s)


@dataclass(slots=True)
class World:
    """Everything that outlives a process: exchange, clock, durable record, market.

    Args:
        folder: for tapes and halt files.
        script: what the strategy does at which bar.
        prices: of the market, one per bar.
        settings: of the strategy.
    """

    folder: Path
    script: Script
    prices: list[Any]
    settings: StrategySettings = field(
        default_factory=lambda: StrategySettings(sizing=Sizing.FIXED, size_value=10.0, stop_loss_pct=5.0)
    )
    rules: Any = SCRIPTED_RULES
    lag_s: float = 0.0
    settle_s: float = 2.0
    latency_s: float = 0.05
    stream_s: float = 0.02
    faults: Faults = field(default_factory=Faults)
    run_id: str = "R1"
    account: str = "SIM1"
    shared_store: Any = None
    clock: WorldClock = field(default_factory=WorldClock)
    exchange: ScriptedExchange = field(init=False)
    store: Any = field(init=False)
    bar_ns: int = MINUTE_NS
    traded: tuple[int, int] = (-1, -1)
    told: int = 0
    tail_s: float = 30.0
    runs: list[Run] = field(default_factory=list)
    plan: EnginePlan = field(init=False)
    steps: Any = None
    wrap_store: Callable[[Any], Any] = lambda store: store
    wrap_broker: Callable[[Any], Any] = lambda broker: broker
    writer: Callable[[], Writer] = InlineWriter
    is_durable: bool = False
    has_rules: bool = True  # of the core; the guard always has its own
    others: tuple[type[Strategy], ...] = ()  # strategies beside the puppet, with its settings

    @property
    def names(self) -> list[str]:
        """Return the names of the strategies, in the core's order."""
        return ["puppet", *(other.__name__.lower() for other in self.others)]

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.rules = replace(self.rules, settle_ns=round(self.settle_s * 1e9))
        path = self.folder / "exchange.json" if self.is_durable else None
        options = {"faults": self.faults, "rules": self.rules, "lag_s": self.lag_s, "fee_per_unit": 0.01}
        if path is not None and path.exists():
            self.exchange = ScriptedExchange.load(path, self.clock, **options)
        else:
            self.exchange = ScriptedExchange(self.clock, path=path, **options)
        self.exchange.truth.account_id = self.account
        url = f"sqlite:///{self.folder / 't.db'}" if self.is_durable else "sqlite://"
        self.store = self.shared_store or open_store(url, migrate=True, verify=False)
        zone = ZoneTable(np.array([-(2**62)], np.int64), np.zeros(1, np.int64))
        instrument = Instrument(SYMBOL, tick_size=0.01)
        kinds = (Puppet, *self.others)
        entrants = [StrategyPlan(spec_of(kind), {}, self.settings, window_zone=zone) for kind in kinds]
        calendar = CalendarPlan("ALWAYS", zone, 0)
        run = RunSettings(settings=self.settings)
        self.plan = EnginePlan([instrument], [self.bar_ns], [calendar], [0], entrants, run)

    def wire(self) -> Run:
        """Put together what a new process puts together."""
        _words[0] = self.script
        engine = Engine(self.plan, load_rules() if self.has_rules else (), form="callback")
        tolerances = Tolerances(
            max_strategy_orders_per_window=1000, max_orders_per_window=1000, max_messages_per_window=10_000
        )
        guard = SendGuard(
            RULES,
            {Scope.ACCOUNT: no_limits(Scope.ACCOUNT)},
            Halts(self.folder / "halts"),
            tolerances=tolerances,
        )
        instruments = list(self.plan.instruments)

        def present(core: Core, book: OrderBook) -> Present:
            return Present(
                core,
                book,
                instruments=instruments,
                strategies=self.names,
                run_id=self.run_id,
                account=self.account,
                mode="paper",
                scopes=[Scope.ACCOUNT],
                tolerances=tolerances,
                day_clock=DayClock("America/New_York"),
                session_of=lambda _row, _now: Session.REGULAR,
                interval_ns=self.bar_ns,
            )

        terms = RunTerms(
            self.run_id, "demo", self.account, "paper", "scripted", "b1", "{}", hashlib.sha256(b"{}").hexdigest(),
            "USD", 100_000_000_000, instruments, self.names,
        )  # fmt: skip
        broker, exchange, feed = self.ends()
        parts = RunParts(
            engine=engine,
            broker=self.wrap_broker(broker),
            exchange=exchange,
            feed=feed,
            inbox=Inbox(instruments, self.clock, room=InboxRoom(market=256), is_replay=feed.is_replay),
            store=self.wrap_store(self.store),
            writer=self.writer(),
            folder=self.folder / "runs",
            clock=self.clock,
            guard=guard,
            present=present,
            push=lambda *_: None,
        )
        run = Run(terms, parts)
        self.runs.append(run)
        return run

    def ends(self) -> tuple[Any, Any, Any]:
        """Return where orders go, the same again if it is stepped, and where market data come from."""
        broker = ScriptedBroker(self.exchange, latency_s=self.latency_s, stream_s=self.stream_s)
        return broker, None, BarFeed(self, self.tail_s)

    async def live(self, run: Run) -> None:
        await run.start()
        await run.serve()
        await run.finish(Phase.STOPPED)

    def play(self) -> Run:
        """Run one process to the end of the market."""
        loop = self.clock.fresh_loop()
        run = self.wire()
        loop.run_until_complete(self.live(run))
        run.close()
        return run

    async def meanwhile(self, run: Run, *deeds: tuple[float, Callable[[], Any]]) -> None:
        """Run to the end of the market; do things at seconds after the doors have opened."""
        await run.start()
        begun = self.clock.monotonic_ns()

        async def do() -> None:
            for second, deed in sorted(deeds, key=lambda item: item[0]):
                await self.clock.sleep(max(begun + second * 1e9 - self.clock.monotonic_ns(), 0) / 1e9)
                deed()

        async with asyncio.TaskGroup() as group:
            task = group.create_task(do())
            await run.serve()
            task.cancel()
        await run.finish(Phase.STOPPED)

    def play_with(self, *deeds: tuple[float, Callable[[], Any]]) -> Run:
        """Run one process to the end of the market while things happen."""
        loop = self.clock.fresh_loop()
        run = self.wire()
        loop.run_until_complete(self.meanwhile(run, *deeds))
        run.close()
        return run

    def kinds(self, run: Run) -> list[str]:
        """Return what a run has told people, by kind."""
        return [alert.kind for alert in run.alerts]

    def sent(self, intent: Intent) -> list[Any]:
        """Return the orders of an intent that the broker has accepted."""
        return [order for order in self.exchange.truth.orders if order.intent is intent]

    # --- what must hold

    def broken(self, run: Run) -> list[str]:
        """Return every promise that is broken now."""
        exchange, store = self.exchange, self.store
        wrong = [f"{name} became {count} orders" for name, count in exchange.accepted.items() if count > 1]
        working: dict[str, int] = {}
        for order in exchange.working():
            working[order.client_id] = working.get(order.client_id, 0) + 1
        wrong += [f"{name} works {count} times" for name, count in working.items() if count > 1]
        fills = store.fills(self.run_id)
        booked = {fill.exec_id for fill in fills}
        wrong += [f"fill {fill.exec_id} is lost" for fill in exchange.truth.fills if fill.exec_id not in booked]
        verify_ledger(fills, store.ledger(self.account, self.run_id))
        held = run.present.units().get(SYMBOL, 0.0)
        if held != exchange.position(SYMBOL):
            wrong.append(f"we hold {held}, the broker {exchange.position(SYMBOL)}")
        units = float(store.balances(self.account).get(SYMBOL, "0"))
        if units != held:
            wrong.append(f"the ledger holds {units}, the core {held}")
        known = {order.client_id: order.state for order in store.orders(self.run_id)}
        for order in run.book.open_orders():
            shown = exchange.truth.of_client(order.request.client_id)
            if shown is None or not shown.is_open:
                wrong.append(f"{order.request.client_id} is {order.state.name} here and not open there")
            if known.get(order.request.client_id) != order.state.name:
                wrong.append(f"{order.request.client_id} is {order.state.name}, stored as otherwise")
        return wrong


class PaperWorld(World):
    """A run on the simulated exchange, over bars that are known.

    Args:
        folder: for tapes and halt files.
    """

    def __init__(self, folder: Path, **options: Any) -> None:
        script = {2: ("buy",), 5: ("close",), 7: ("buy",), 9: ("buy", {"limit_price": 99.0, "type": 1}), 13: ("close",)}
        prices = [100, 101, 102, 101, 102, 103, 102, 99, 97, 95, 96, 97, 97, 98, 99, 100]
        super().__init__(folder, script, [float(price) for price in prices], **options)

    def ends(self) -> tuple[Any, Any, Any]:
        """Return the paper broker, and the bars."""
        close = np.array(self.prices)
        open_ = np.concatenate([close[:1], close[:-1]])
        ts = _START_NS + self.bar_ns * np.arange(len(close))
        high, low, volume = np.maximum(open_, close) + 0.5, np.minimum(open_, close) - 0.5, np.full(len(close), 1e4)
        bars = BarTable(SYMBOL, self.bar_ns, self.bar_ns, ts, open_, high, low, close, volume, {"simulated": True})
        broker = PaperBroker(self.plan, PaperTerms(account_id=self.account))
        return broker, broker, ReplayFeed(ReplayData(bars=[bars]), self.clock)
