"""What befalls processes and people in a simulated day, at random times and at the worst moments."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

from tidemill.model.bars import MINUTE_NS
from tidemill.ports.store import CommandRow
from tidemill.runtime.guard.halts import Rung
from tidemill.testing.simulation.market import OPEN_NS
from tidemill.testing.simulation.process import ACCOUNT, RUN_ID
from tidemill.testing.simulation.world import World

__all__ = ["Chaos"]

_SECOND_NS = 1_000_000_000
_MOMENTS = ("sent", "claimed", "booked", "decided")
_OPEN_MINUTES = 570  # from midnight to the open
_HALF = 0.5
_MOST_STEPS = 40  # between a moment and the death at it
_RECOVERY_STEPS = 160  # about what a start takes


class Chaos:
    """Plans the day's mishaps and brings them about.

    Args:
        world: whom they befall.
    """

    def __init__(self, world: World) -> None:
        self._world, self._chance = world, world.chance
        self._count = 0
        self._extra: list[int] = []
        doings: dict[str, Callable[[], Awaitable[None]]] = {
            "P1": self._kill,
            "P2": self._kill_twice,
            "P4": self._stop,
            "P11": self._second_engine,
            "T1": self._jump,
            "T3": self._sleep,
            "T4": self._slew,
            "K3": self._power_cut,
            "H1": self._halt,
            "H2": self._flatten,
        }
        faults = world.scenario.faults
        plan = [(self._chance.random(), name) for name in doings if name in faults for _ in range(self._times(name))]
        self._plan = [(at, name, doings[name]) for at, name in sorted(plan)]
        self._roll_ns = (world.scenario.roll_minutes - _OPEN_MINUTES) * MINUTE_NS if "T5" in faults else 0

    def _times(self, name: str) -> int:
        rate = self._world.scenario.faults[name]
        return int(rate) if rate >= 1.0 else 1

    async def serve(self) -> None:
        """Bring everything about in its turn."""
        world = self._world
        length = world.scenario.minutes * MINUTE_NS
        async with asyncio.TaskGroup() as group:
            if self._roll_ns > 0:
                group.create_task(self._roll())
            for at, name, doing in self._plan:
                wait = int(at * length) - world.loop.now_ns
                await asyncio.sleep(max(wait, 0) / _SECOND_NS)
                if name not in {"P1", "P2"}:
                    world.fired[name] += 1
                group.create_task(self._do(doing))

    async def _do(self, doing: Callable[[], Awaitable[None]]) -> None:
        self._world.activity.happens()
        await doing()
        self._world.activity.happens()

    # --- processes

    def _living(self) -> int:
        current = self._world.current
        return current.number if current is not None and not current.ending else 0

    async def _kill(self) -> None:
        world = self._world
        if self._chance.random() < _HALF:
            world.armed = (self._chance.choice(_MOMENTS), self._chance.randrange(1, _MOST_STEPS))
        elif number := self._living():
            world.fired["P1"] += 1
            world.loop.light_fuse(number, self._chance.randrange(1, _MOST_STEPS))

    async def _kill_twice(self) -> None:
        world = self._world
        if number := self._living():
            world.boot_fuse = self._chance.randrange(1, _RECOVERY_STEPS)
            world.loop.kill(number)

    async def _stop(self) -> None:
        """Stop a process for a while, often past the end of its lease."""
        world = self._world
        if number := self._living():
            world.loop.freeze(number)
            await asyncio.sleep(self._chance.uniform(5.0, 2.0 * world.own_faults.value("P4")))
            world.loop.thaw(number)

    async def _second_engine(self) -> None:
        """Start a second engine, often while the first is stopped; it ends some time after."""
        world, chance = self._world, self._chance
        first = self._living()
        if first and chance.random() < _HALF:
            world.loop.freeze(first)
            await asyncio.sleep(chance.uniform(5.0, 60.0))
        process = world.boot(f"other{self._count}")
        self._count += 1
        self._extra.append(process.number)
        await asyncio.sleep(chance.uniform(0.0, 30.0))
        if first:
            world.loop.thaw(first)
        await asyncio.sleep(chance.uniform(1.0, 120.0))
        world.loop.kill(process.number)

    async def _power_cut(self) -> None:
        """Kill everything; what was not waited for on the disk is lost, the end of the tape is torn."""
        world = self._world
        for number, process in world.processes.items():
            if process.ending or number in world.loop.dead:
                continue
            world.loop.kill(number)
            path, safe = process.store.durable
            if not path.name:
                continue
            for later in [item for item in path.parent.glob("events-*.tape") if item.name > path.name]:
                later.unlink()
            size = path.stat().st_size
            if size > safe:
                with path.open("r+b") as file:
                    file.truncate(self._chance.randrange(safe, size))

    # --- time

    async def _jump(self) -> None:
        world = self._world
        jump = round(self._chance.uniform(-1.0, 1.0) * world.own_faults.value("T1") * _SECOND_NS)
        world.offset_ns += jump
        await asyncio.sleep(self._chance.uniform(1.0, 600.0))
        world.offset_ns -= jump

    async def _slew(self) -> None:
        world = self._world
        slew = round(self._chance.uniform(-1.0, 1.0) * world.own_faults.value("T4") * _SECOND_NS)
        world.offset_ns += slew
        await asyncio.sleep(self._chance.uniform(60.0, 1200.0))
        world.offset_ns -= slew

    async def _sleep(self) -> None:
        """Let the whole machine sleep: no process runs, its monotonic clock stands still."""
        world = self._world
        began, length = world.loop.now_ns, self._chance.uniform(5.0, world.own_faults.value("T3"))
        stopped = [number for number in world.processes if number not in world.loop.dead]
        for number in stopped:
            world.loop.freeze(number)
        await asyncio.sleep(length)
        world.slept_ns += world.loop.now_ns - began
        for number in stopped:
            world.loop.thaw(number)

    async def _roll(self) -> None:
        """See whether anything is held when the trading day rolls over."""
        world = self._world
        await asyncio.sleep(self._roll_ns / _SECOND_NS)
        world.fired["T5"] += int(any(world.exchange.position(symbol) for symbol in world.scenario.symbols))

    # --- people

    async def _halt(self) -> None:
        world = self._world
        scope = f"account:{ACCOUNT}"
        self._count += 1
        now = OPEN_NS + world.loop.now_ns
        row = world.halts.halt(scope, Rung.PAUSE, "simulated", "anna", now)
        if row is None:
            return
        await asyncio.sleep(self._chance.uniform(1.0, world.own_faults.value("H1")))
        world.halts.clear(scope, "anna", OPEN_NS + world.loop.now_ns)

    async def _flatten(self) -> None:
        world = self._world
        self._count += 1
        body = json.dumps({"reason": "simulated"})
        key = f"flatten{self._count}"
        world.store.put_command(
            CommandRow(key, "anna", RUN_ID, "flatten", body, "hash", "NEW", "", OPEN_NS + world.loop.now_ns)
        )
        world.activity.command()
