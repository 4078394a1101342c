"""One simulated day: market, broker, engine processes that come and go, and everything that befalls them."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

from tidemill.model.enums import Intent, OrderState
from tidemill.model.units import MICROS
from tidemill.runtime.guard.halts import Halts
from tidemill.testing.exchange import Faults
from tidemill.testing.seams import SimClock
from tidemill.testing.simulation.clock import Activity, ProcessClock
from tidemill.testing.simulation.faults import OWN_FAULTS, is_of_broker
from tidemill.testing.simulation.invariants import Books, Senses, Watch
from tidemill.testing.simulation.loop import WorldLoop
from tidemill.testing.simulation.market import OPEN_NS, PARTS, Wire
from tidemill.testing.simulation.market import Path as PricePath
from tidemill.testing.simulation.places import copy_of_template
from tidemill.testing.simulation.process import ACCOUNT, CASH, RUN_ID, Process, SeatedFeed, plan_of, wire
from tidemill.testing.simulation.record import FencedStore, LeaseShadow, SimWriter
from tidemill.testing.simulation.scenario import Scenario
from tidemill.testing.simulation.venue import WatchedBroker, WatchedExchange

__all__ = ["HEAL_MINUTES", "World"]

HEAL_MINUTES = 10
_SECOND_NS = 1_000_000_000
_HELD_S = 5.0  # nobody asks more often for a lease that another engine holds
_PATIENCE_S = 120.0  # at most, between two starts of an engine that has not become ready many times in a row


class World:
    """Everything that outlives a process.

    Args:
        scenario: of the day.
        folder: for database, tape and halt files.
    """

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario, self.folder = scenario, folder
        self.loop = WorldLoop()  # type: ignore[abstract]  # no sockets in it
        self.loop.died = self._bury
        self.activity = Activity(self.loop)
        self.chance = random.Random(f"{scenario.seed}|world")  # noqa: S311 - seeded, for simulations
        self.broker_faults = Faults(scenario.seed)
        self.own_faults = Faults(scenario.seed, OWN_FAULTS)
        self.fired: Counter[str] = Counter()
        self.offset_ns = 0  # what the machine's wall clock is wrong by
        self.slept_ns = 0
        self._clock = SimClock(self.loop, OPEN_NS)
        self.exchange = WatchedExchange(
            self._clock, faults=self.broker_faults, rules=scenario.rules, cash=float(CASH), fee_per_unit=0.01
        )
        self.store = copy_of_template()
        self.shadow = LeaseShadow()
        self.halts = Halts(folder / "halts")
        self.prices = PricePath(scenario, HEAL_MINUTES // scenario.bar_minutes + 2)
        self.wire = Wire(self.loop, self.own_faults, scenario, self.activity.happens)
        senses = Senses(
            now_ns=lambda: self.loop.now_ns,
            true_ns=self._clock.now_ns,
            fired=self.happened,
            epoch_of=lambda process: self.processes[process].epoch,
            halted=self.halted,
            held=self._held,
            sound_ns=lambda symbol: self.wire.sound_ns[scenario.symbols.index(symbol)],
            changed=self.activity.happens,
            price=lambda symbol: self.exchange.truth.prices.get(symbol, 0.0),
            engine=self._engine,
            moment=self.moment,
        )
        self.watch = Watch(scenario, senses)
        self.watch.books = Books(CASH * MICROS)
        self.exchange.watcher = self.watch
        self.plan = plan_of(scenario)
        self.processes: dict[int, Process] = {}
        self.current: Process | None = None
        self.endings: list[str] = []
        self.is_over = False
        self.armed: tuple[str, int] | None = None  # at what a process is to die, and how many steps later
        self.boot_fuse = 0  # steps after which the next process dies
        self._checked = (-1, -1)
        self._switch_on()

    def _switch_on(self) -> None:
        for name, rate in self.scenario.faults.items():
            (self.broker_faults if is_of_broker(name) else self.own_faults).on(name, min(rate, 1.0))

    def happened(self, name: str) -> int:
        """Return how often a fault has happened so far."""
        faults = self.broker_faults if is_of_broker(name) else self.own_faults
        return max(self.fired[name], faults.fired.get(name, 0))

    def count_faults(self) -> None:
        """Bring the counts of what has happened up to now."""
        for faults in (self.broker_faults, self.own_faults):
            for name, count in faults.fired.items():
                self.fired[name] = max(self.fired[name], count)

    # --- what watchers ask

    def halted(self) -> str:
        """Return why entries may not leave, empty if they may."""
        halt = self.halts.find(["system", f"account:{ACCOUNT}", f"run:{RUN_ID}"])
        return halt.sentence if halt is not None else ""

    def _held(self, symbol: str, side: int) -> tuple[float, float]:
        working = sum(
            order.remaining
            for order in self.exchange.working(symbol)
            if order.intent is Intent.ENTRY and int(order.side) == side
        )
        return self.exchange.position(symbol), working

    def _engine(self) -> int:
        process = self.current
        is_able = process is not None and process.is_ready and not process.ending
        return process.number if process is not None and is_able and not self.loop.is_frozen(process.number) else 0

    # --- processes

    def is_alive(self, number: int) -> bool:
        """Tell whether a process may still do something."""
        return number not in self.loop.dead

    def boot(self, owner: str = "engine") -> Process:
        """Start a process on the record that is there."""
        number, scenario = len(self.processes) + 1, self.scenario
        clock = ProcessClock(
            self.loop,
            self.activity,
            OPEN_NS,
            self.own_faults,
            offset=lambda: self.offset_ns,
            slept=lambda: self.slept_ns,
            is_restless=lambda: self.processes[number].is_restless,
        )
        folder = self.folder / "runs"
        store = FencedStore(
            number,
            self.store,
            self.own_faults,
            self.watch,
            folder / RUN_ID,
            self.is_alive,
            lambda: self.loop.now_ns,
            self.shadow,
        )
        broker = WatchedBroker(
            self.exchange, number, self.is_alive, latency_s=scenario.latency_s, stream_s=scenario.stream_s
        )
        process = wire(
            number,
            scenario,
            self.plan,
            owner=owner,
            broker=broker,
            store=store,
            writer=SimWriter(store, self.own_faults, scenario.disk_s),
            clock=clock,
            feed=SeatedFeed(self.wire, number),
            halts=Halts(self.folder / "halts"),
            folder=folder,
            ended=self.loop.create_future(),
            observe=lambda: self.observe(number),
        )
        self.processes[number] = process
        self.activity.happens()
        self.loop.spawn(number, process.live())
        if self.boot_fuse:
            self.loop.light_fuse(number, self.boot_fuse)
            self.boot_fuse = 0
            self.fired["P2"] += 1
        return process

    def _bury(self, number: int) -> None:
        """Do what the machine does when a process is gone."""
        process = self.processes[number]
        process.ending = process.ending or "killed"
        process.run.close()
        process.broker.hang_up()
        self.wire.leave(number)
        self.activity.happens()
        if not process.ended.done():
            process.ended.set_result(None)

    def moment(self, kind: str, process: int) -> None:
        """Kill a process some steps after the moment that was chosen for it."""
        if self.armed is not None and self.armed[0] == kind:
            self.loop.light_fuse(process, self.armed[1])
            self.armed = None
            self.fired["P1"] += 1

    async def supervise(self) -> None:
        """Start an engine again and again until the day is over."""
        failed = 0
        while not self.is_over:
            process = self.current = self.boot()
            await process.ended
            self.endings.append(process.ending)
            self.wire.leave(process.number)
            if process.crash is not None:
                self.watch.breach(28, f"the engine crashed: {process.ending}")
                self.is_over = True
            if not self.is_over:
                is_held = process.ending.startswith("LeaseLost")
                failed = 0 if process.is_ready else failed + 1
                pause = max(self.scenario.pause_s, _HELD_S if is_held else 0.0)
                await asyncio.sleep(max(pause, min(pause * 2.0 ** (failed - 2), _PATIENCE_S)))

    # --- the market

    async def trade(self, bars: range) -> None:
        """Let the market trade, and hand out the bars."""
        scenario = self.scenario
        part_ns = scenario.bar_ns // (PARTS + 1)
        for bar in bars:
            begin = bar * scenario.bar_ns
            for part in range(PARTS):
                await self._until(begin + (part + 1) * part_ns)
                for at, symbol in enumerate(scenario.symbols):
                    self.exchange.trade(symbol, float(self.prices.ticks[bar, at, part]))
            await self._until(begin + scenario.bar_ns)
            self.wire.bar(self.prices.bars[bar])

    async def _until(self, at_ns: int) -> None:
        if at_ns > self.loop.now_ns:
            await asyncio.sleep((at_ns - self.loop.now_ns) / _SECOND_NS)

    # --- after every event

    def observe(self, number: int) -> None:
        """Check what can be checked after every event of a process."""
        process = self.processes[number]
        mark = (self.exchange.version, process.run.turns.events)
        if mark == self._checked or number in self.loop.dead:
            return
        self._checked = mark
        if not process.is_ready:
            return
        working = self.exchange.working()
        if working:
            book = process.run.book
            states: dict[str, OrderState] = {
                order.client_id: known.state
                for order in working
                if (known := book.by_client.get(order.client_id)) is not None
            }
            self.watch.check_states(states, working)

    def close(self) -> None:
        """End everything that is left."""
        self.is_over = True
        for number in self.processes:
            self.loop.kill(number)
        self.loop.reap()
        self.store.close()
