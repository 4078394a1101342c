"""Simulated days by number: run one, run many, make a failing one small."""

from __future__ import annotations

import asyncio
import gc
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tidemill.testing.simulation.chaos import Chaos
from tidemill.testing.simulation.exposure import Exposure
from tidemill.testing.simulation.healing import Healing
from tidemill.testing.simulation.invariants import Breach
from tidemill.testing.simulation.places import room
from tidemill.testing.simulation.scenario import BAR_MINUTES, Scenario, draw
from tidemill.testing.simulation.world import HEAL_MINUTES, World

__all__ = ["Outcome", "shrink", "simulate", "simulate_many"]

_RUNAWAY = 10  # orders by which one can tell that a strategy orders on every bar
_RESTARTS = 4  # every fourth day ends with one more restart; on the others the day's own deaths have to do


@dataclass(slots=True)
class Outcome:
    """What a simulated day showed.

    Args:
        seed: of the day. faults: that were on. bar_minutes: length of its bars.
        breaches: promises that did not hold, in order.
        fired: how often each fault happened.
        orders, fills, processes: how much went on.
        checks: how many facts were checked.
        excused: exits that turned a position by what could not be known in time (see ``turning.py``).
        heal_s: how long healing took, seconds; NaN when it never came.
    """

    seed: int
    faults: tuple[str, ...]
    bar_minutes: int = BAR_MINUTES
    breaches: list[Breach] = field(default_factory=list)
    fired: Counter[str] = field(default_factory=Counter)
    orders: int = 0
    fills: int = 0
    processes: int = 0
    checks: int = 0
    excused: int = 0
    heal_s: float = 0.0
    endings: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Tell whether every promise held."""
        return not self.breaches

    def __str__(self) -> str:
        told = "; ".join(str(item) for item in self.breaches[:3]) or "sound"
        again = f"python -m tidemill.testing.simulation {self.seed}"
        if self.bar_minutes != BAR_MINUTES:
            again += f" --bar {self.bar_minutes}"
        if self.faults:
            again += f" --only {','.join(self.faults)}"
        return f"seed {self.seed}: {told}\n  again: {again}"


def simulate(seed: int, scenario: Scenario | None = None) -> Outcome:
    """Live through the day of a seed and return what it showed.

    Args:
        seed: any integer.
        scenario: another day than the seed's own, as when a failing one is made small.
    """
    day = scenario or draw(seed)
    folder = Path(tempfile.mkdtemp(prefix=f"day{seed}-", dir=room()))
    world = World(day, folder)
    healing = Healing(world)
    gc.disable()  # a day lives shortly, and looking for circles in it takes an eighth of its time
    try:
        world.loop.run_until_complete(_live(world, healing))
    finally:
        world.close()
        gc.enable()
        shutil.rmtree(folder, ignore_errors=True)
    world.count_faults()
    world.fired["P7"] += int("P7" in day.faults and len(world.exchange.truth.orders) >= _RUNAWAY)
    complaints = [str(item.get("exception") or item.get("message")) for item in world.loop.complaints]
    for text in complaints[:3]:
        world.watch.breach(28, f"an error nobody took: {text}")
    return Outcome(
        seed=seed,
        faults=tuple(day.faults),
        bar_minutes=day.bar_minutes,
        breaches=world.watch.breaches,
        fired=world.fired,
        orders=len(world.exchange.truth.orders),
        fills=len(world.exchange.truth.fills),
        processes=len(world.processes),
        checks=world.watch.checks,
        excused=world.watch.turning.excused,
        heal_s=healing.seconds,
        endings=world.endings,
    )


async def _live(world: World, healing: Healing) -> None:
    """Live through a day: session, healing, a last restart."""
    bars, rest = world.scenario.bars, HEAL_MINUTES // world.scenario.bar_minutes + 1
    supervisor = asyncio.get_running_loop().create_task(world.supervise())
    chaos = asyncio.get_running_loop().create_task(Chaos(world).serve())
    exposure = asyncio.get_running_loop().create_task(Exposure(world).serve())
    await world.trade(range(bars))
    world.exchange.end_day()
    chaos.cancel()
    after = asyncio.get_running_loop().create_task(world.trade(range(bars, bars + rest)))
    if not world.is_over:
        await healing.serve()
    after.cancel()
    exposure.cancel()
    world.is_over = True
    await _last_start(world)
    supervisor.cancel()
    await asyncio.gather(supervisor, chaos, exposure, after, return_exceptions=True)


async def _last_start(world: World) -> None:
    """Kill the engine and start it once more: the tape must make the same decisions again."""
    last = world.current
    if world.scenario.seed % _RESTARTS or last is None or not last.is_ready or last.ending:
        return
    units = last.run.present.units()
    world.loop.kill(last.number)
    process = world.boot()
    for _ in range(100):
        if process.is_ready or process.ending:
            break
        await asyncio.sleep(0.5)
    world.watch.demand(29, process.is_ready, f"the tape cannot be lived again: {process.ending or 'never ready'}")
    if process.is_ready:
        again = process.run.present.units()
        world.watch.demand(29, units == again, f"the tape makes {again} where {units} was held")


def simulate_many(seeds: Iterable[int]) -> list[Outcome]:
    """Live through many days, one after the other."""
    return [simulate(seed) for seed in seeds]


def shrink(seed: int, bar_minutes: int = BAR_MINUTES) -> tuple[Scenario, Outcome]:
    """Take out of a failing day every fault that it fails without.

    Returns:
        The smallest day found, and what it shows.
    """
    day = draw(seed, bar_minutes=bar_minutes)
    outcome = simulate(seed, day)
    promises = {item.promise for item in outcome.breaches}
    names = list(day.faults)
    for size in (max(len(names) // 2, 1), max(len(names) // 4, 1), 1):
        for at in range(0, len(names), size):
            smaller = day.without(names[at : at + size])
            shown = simulate(seed, smaller)
            if promises & {item.promise for item in shown.breaches}:
                day, outcome = smaller, shown
    return day, outcome
