"""Promise 19 while a day goes on: a position that its engine knows of is never bare for longer than it may take to act.

Time counts only while the engine is able to do something about it: it is up and in touch with its broker, holds what
the broker holds, and waits for no answer about any order of the instrument. After half a minute of such time a stop
must work for the whole position, or an exit of it, or a person must have been called.
"""

from __future__ import annotations

import asyncio
import math
from typing import Protocol

from tidemill.model.enums import Intent, OrderType
from tidemill.runtime.life.terms import Phase
from tidemill.testing.exchange.truth import SimOrder
from tidemill.testing.simulation.faults import BY_HAND
from tidemill.testing.simulation.invariants import Watch
from tidemill.testing.simulation.loop import WorldLoop
from tidemill.testing.simulation.process import UNDER_WAY, Process
from tidemill.testing.simulation.scenario import Scenario
from tidemill.testing.simulation.venue import WatchedExchange

__all__ = ["Exposure", "protects", "wants_stop"]

_LOOK_S = 15.0
_GRACE_NS = 30_000_000_000  # 1.5 s to ask, 1.5 s to close, three attempts five seconds apart, and time to travel
_TINY = 1e-9


class Place(Protocol):
    """What is looked at.

    Args:
        scenario, loop, exchange, watch, current: of the world.
    """

    scenario: Scenario
    loop: WorldLoop
    exchange: WatchedExchange
    watch: Watch
    current: Process | None

    def happened(self, name: str) -> int:
        """Return how often a fault has happened."""


class Exposure:
    """Looks four times a minute at what is held at the broker.

    Args:
        world: that is looked at.
    """

    def __init__(self, world: Place) -> None:
        self._world = world
        self._since: dict[str, tuple[int, int]] = {}  # symbol to process, and when it was able and bare first
        self._told: set[str] = set()

    async def serve(self) -> None:
        """Look until cancelled; a day whose strategy asks for no stops shows nothing."""
        while wants_stop(self._world.scenario):
            self.look()
            await asyncio.sleep(_LOOK_S)

    def look(self) -> None:
        """Look at every position once."""
        world = self._world
        now, able = world.loop.now_ns, None
        held = [world.exchange.position(symbol) for symbol in world.scenario.symbols]
        if any(held):
            able = self._able()
        for row, symbol in enumerate(world.scenario.symbols):
            units = held[row]
            if (
                able is None
                or not units
                or self._is_covered(symbol, units)
                or self._is_excused(able, row, symbol, units)
            ):
                self._since.pop(symbol, None)
                self._told.discard(symbol)
                continue
            process, since = self._since.get(symbol, (able.number, now))
            if process != able.number:
                since = now
            self._since[symbol] = (able.number, since)
            if now - since > _GRACE_NS and symbol not in self._told:
                self._told.add(symbol)
                world.watch.breach(19, f"{units:g} {symbol} are bare since {since / 1e9:.1f} s, and nothing is done.")
            world.watch.checks += 1

    def _able(self) -> Process | None:
        """Return the process that can act, if there is one."""
        process, loop = self._world.current, self._world.loop
        if process is None or process.ending or not process.is_ready or loop.is_frozen(process.number):
            return None
        run = process.run
        is_able = run.phase is Phase.RUNNING and run.present.health.order_stream_ready
        return process if is_able and process.number not in loop.dead else None

    def _is_excused(self, process: Process, row: int, symbol: str, units: float) -> bool:
        """Tell whether the engine cannot know better, waits for an answer, or has called a person."""
        run = process.run
        if abs(run.present.units().get(symbol, 0.0) - units) > _TINY:
            return True
        if any(item.instrument == row and (item.state in UNDER_WAY or item.doubt) for item in run.book.live.values()):
            return True
        if any(self._world.happened(name) for name in BY_HAND):
            return True
        return run.outside is not None and run.outside.protector.is_given_up(row)

    def _is_covered(self, symbol: str, units: float) -> bool:
        working = [order for order in self._world.exchange.working(symbol) if order.intent is not Intent.ENTRY]
        return sum(order.remaining for order in working if protects(order, units)) >= abs(units) - _TINY


def wants_stop(scenario: Scenario) -> bool:
    """Tell whether the day's strategy asks for stops."""
    return scenario.settings.stop_loss_pct > 0.0 or scenario.settings.trailing_stop_pct > 0.0


def protects(order: SimOrder, units: float) -> bool:
    """Tell whether an order closes a position, at once or when the price goes the wrong way."""
    is_stop = not math.isnan(order.stop_price) or order.trail_amount > 0.0 or order.trail_pct > 0.0
    return (is_stop or order.type is OrderType.MARKET) and int(order.side) * units < 0.0
