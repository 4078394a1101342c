"""After the day all faults end: within ten minutes everything must have come together again."""

from __future__ import annotations

import asyncio
import math
from decimal import Decimal

from tidemill.kernel.transitions import is_final
from tidemill.model.bookkeeping import verify_ledger
from tidemill.model.enums import Intent, OrderState
from tidemill.model.errors import TidemillError
from tidemill.model.units import MICROS
from tidemill.runtime.life.run import Run
from tidemill.runtime.life.terms import Phase
from tidemill.testing.simulation.exposure import protects, wants_stop
from tidemill.testing.simulation.faults import BY_HAND
from tidemill.testing.simulation.process import ACCOUNT, RUN_ID
from tidemill.testing.simulation.world import HEAL_MINUTES, World

__all__ = ["Healing"]

_STEP_S = 15.0
_UNSENT = ("PENDING", "SENDING", "UNKNOWN")
_TINY = 1e-9


class Healing:
    """Ends the faults and waits for the world to become whole.

    Args:
        world: that is to heal.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.seconds = math.nan

    async def serve(self) -> None:
        """Heal; what is not whole after ten minutes is a breach."""
        world = self._world
        self._end_faults()
        began = world.loop.now_ns
        left: list[tuple[int, str]] = []
        while world.loop.now_ns - began < HEAL_MINUTES * 60_000_000_000:
            await asyncio.sleep(_STEP_S)
            left = self.unhealed()
            if not left:
                self.seconds = (world.loop.now_ns - began) / 1e9
                break
        for promise, text in left:
            world.watch.breach(promise, f"after the heal phase: {text}")

    def _end_faults(self) -> None:
        world = self._world
        world.count_faults()
        world.broker_faults.heal()
        world.own_faults.heal()
        world.offset_ns, world.armed, world.boot_fuse = 0, None, 0
        for number in world.processes:
            world.loop.thaw(number)
            if world.current is not None and number != world.current.number:
                world.loop.kill(number)
        world.activity.happens()

    def unhealed(self) -> list[tuple[int, str]]:
        """Return what is not as it should be, with the number of its promise."""
        world = self._world
        process = world.current
        if process is None or process.ending or not process.is_ready:
            ending = world.endings[-1] if world.endings else "none"
            return [(28, f"no engine is ready; the last one ended with: {ending}")]
        run = process.run
        found = self._records(run) + self._orders(run) + self._positions(run)
        if run.phase is not Phase.RUNNING:
            found.append((28, f"the engine is {run.phase.value}: {run.message}"))
        return found

    def _records(self, run: Run) -> list[tuple[int, str]]:
        store, truth, books = self._world.store, self._world.exchange.truth, self._world.watch.books
        found = []
        fills = store.fills(RUN_ID)
        try:
            verify_ledger(fills, store.ledger(ACCOUNT, RUN_ID))
        except TidemillError as error:
            found.append((8, f"the ledger does not add up: {error}"))
        booked = {fill.exec_id for fill in fills}
        ours = {intent.client_id for intent in store.intents(RUN_ID)}
        lost = [item.exec_id for item in truth.fills if item.client_id in ours and item.exec_id not in booked]
        lost = [name for name in lost if ":" not in name or self._world.happened("B10") == 0]
        if lost:
            found.append((7, f"fills {', '.join(lost)} are not booked"))
        if books is not None and len(books.fills) != len(fills):
            found.append((7, f"{len(books.fills)} fills were committed, {len(fills)} are in the record"))
        cash = int(run.core.engine.state.tables["accounts"][0]["cash"])
        ledger = Decimal(store.balances(ACCOUNT, RUN_ID).get("USD", "0")) * MICROS
        if abs(ledger - cash) > 1:
            found.append((8, f"the core holds {cash} micros, the ledger {ledger}"))
        unsent = [row.key for row in store.outbox(RUN_ID, _UNSENT)]
        if unsent:
            found.append((2, f"requests {', '.join(unsent)} have no end"))
        return found

    def _orders(self, run: Run) -> list[tuple[int, str]]:
        exchange = self._world.exchange
        found = []
        stored = {order.client_id: order.state for order in self._world.store.orders(RUN_ID)}
        for order in run.book.open_orders():
            name = order.request.client_id
            shown = exchange.truth.of_client(name)
            if order.state is OrderState.UNKNOWN:
                found.append((2, f"{name} is still UNKNOWN"))
            elif (shown is None or not shown.is_open) and not (order.is_gone and order.is_parked):
                found.append((2, f"{name} is {order.state.name} here and not open at the broker"))
            if stored.get(name) != (OrderState.HELD if order.is_gone else order.state).name:
                found.append((2, f"{name} is {order.state.name}, the record says {stored.get(name)}"))
        for shown in exchange.working():
            known = run.book.by_client.get(shown.client_id)
            if shown.client_id and (known is None or is_final(known.state)):
                state = known.state.name if known is not None else "unheard of"
                found.append((2, f"{shown.client_id} works at the broker and is {state} here"))
        return found

    def _positions(self, run: Run) -> list[tuple[int, str]]:
        world, found = self._world, []
        held = run.present.units()
        balances = world.store.balances(ACCOUNT, RUN_ID)
        is_stopped = wants_stop(world.scenario)
        is_by_hand = any(world.happened(name) for name in BY_HAND)
        for symbol in world.scenario.symbols:
            units, theirs = held.get(symbol, 0.0), world.exchange.position(symbol)
            booked = float(balances.get(symbol, "0"))
            if abs(booked - units) > _TINY:
                found.append((8, f"the core holds {units:g} {symbol}, the ledger {booked:g}"))
            differs = abs(units - theirs) > _TINY
            if differs and not (is_by_hand and self._is_blocked(run, symbol)):
                found.append((9, f"we hold {units:g} {symbol}, the broker {theirs:g}, and entries are not stopped"))
            working = world.exchange.working(symbol)
            exits = [order for order in working if order.intent is not Intent.ENTRY]
            if abs(units) <= _TINY and exits and not differs:
                found.append((20, f"{symbol} is flat and {exits[0].client_id} still works"))
            covered = sum(order.remaining for order in exits if protects(order, units))
            # what was filled beyond our orders has no stop of a strategy: a person has to look at it
            if is_stopped and covered < abs(units) - _TINY and not differs and not is_by_hand:
                found.append((19, f"{units:g} {symbol} are held, stops cover {covered:g}"))
        return found

    @staticmethod
    def _is_blocked(run: Run, symbol: str) -> bool:
        health = run.present.health
        return symbol in health.recon_symbols or symbol in health.blocked
