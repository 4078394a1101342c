"""Simulated death: a process that stops for good before, between or after whatever it leaves on disk or at a broker."""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from live_scene import World
from tidemill.model.errors import AmbiguousOutcome
from tidemill.runtime.life.run import Run
from tidemill.runtime.record.tape import TapeFile
from tidemill.testing.exchange import ScriptedExchange

__all__ = [
    "Died",
    "Fate",
    "Lossy",
    "bury",
    "close_run",
    "die_at",
    "haunt",
    "haunt_record",
    "live_and_die",
    "lossy_world",
]

_WRITES = ("commit", "claim", "take_lease", "release_lease")
_CALLS = ("submit", "cancel", "replace")


class Died(KeyboardInterrupt):
    """The process is gone; nothing may catch this, and an event loop hands it on at once."""


@dataclass(slots=True)
class Fate:
    """Counts what would last beyond the process, and ends it at one of these points.

    Args:
        at: number of the point to die at, from 1 on; 0: live.
        name, nth: or the nth point of a name.
    """

    at: int = 0
    name: str = ""
    nth: int = 0
    passed: int = 0
    is_dead: bool = False
    names: list[str] = field(default_factory=list)

    def point(self, name: str) -> None:
        """Pass a point, or die at it; the dead do nothing any more."""
        if self.is_dead:
            raise Died
        self.passed += 1
        self.names.append(name)
        self.nth -= name == self.name
        if self.passed == self.at or (name == self.name and self.nth == 0):
            self.is_dead = True
            raise Died


class _Mortal:
    """A store or broker whose calls of lasting effect are points of death."""

    def __init__(self, inner: Any, fate: Fate, names: tuple[str, ...]) -> None:
        self._inner, self._fate, self._names = inner, fate, names

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found) or isinstance(found, type):
            return found
        fate, is_point = self._fate, name in self._names

        def call(*args: Any, **options: Any) -> Any:
            if fate.is_dead:
                raise Died
            if not is_point:
                return found(*args, **options)
            fate.point(f"before {name}")
            result = found(*args, **options)
            if not asyncio.iscoroutine(result):
                fate.point(f"after {name}")
                return result
            return _finish(result, fate, name)

        return call


async def _finish(work: Any, fate: Fate, name: str) -> Any:
    result = await work
    fate.point(f"answered {name}")
    return result


def haunt_record(world: World, fate: Fate, monkeypatch: Any) -> None:
    """Let the next process of a world meet its fate at what it writes down."""
    world.wrap_store = lambda store: _Mortal(store, fate, _WRITES)
    monkeypatch.setattr(TapeFile, "write", _torn(fate))


def haunt(world: World, fate: Fate, monkeypatch: Any) -> None:
    """Let the next process of a world meet its fate, there and at the broker."""
    haunt_record(world, fate, monkeypatch)
    world.wrap_broker = lambda broker: _Mortal(broker, fate, _CALLS)
    for name in _CALLS:
        monkeypatch.setattr(world.exchange, name, _arriving(world.exchange, name, fate))


def _arriving(exchange: ScriptedExchange, name: str, fate: Fate) -> Callable[..., Any]:
    original = getattr(ScriptedExchange, name)

    def arrive(*args: Any, **options: Any) -> Any:
        result = original(exchange, *args, **options)
        if not fate.is_dead:  # what was on its way arrives, dead or not
            fate.point(f"arrived {name}")
        return result

    return arrive


_write = TapeFile.write


def _torn(fate: Fate) -> Callable[..., None]:
    def write(file: TapeFile, blocks: list[bytes], *, durable: bool) -> None:
        if fate.is_dead:
            raise Died
        fate.point("before tape")
        if fate.passed + 1 == fate.at and blocks:
            os.write(
                file._fd,  # noqa: SLF001 - half a block, as a torn write leaves it
                blocks[0][: len(blocks[0]) // 2],
            )
        fate.point("torn tape")
        _write(file, blocks, durable=durable)
        fate.point("after tape")

    return write


def die_at(world: World, *deeds: tuple[float, Callable[[], Any]]) -> Run | None:
    """Run a process until it dies, or to its end, while things happen; None when it died before there was a run."""
    loop, run = world.clock.fresh_loop(), None
    try:
        run = world.wire()
        loop.run_until_complete(loop.create_task(world.meanwhile(run, *deeds) if deeds else world.live(run)))
    except Died:
        bury(loop)
    finally:
        close_run(run)
    return run


def close_run(run: Run | None) -> None:
    """Close what a process held open, as the machine does when it is gone."""
    if run is not None:
        run.close()


def bury(loop: Any) -> None:
    """Take down what is left of a dead process, in silence; its hands are tied."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # what was about to begin never will
        for task in asyncio.all_tasks(loop):
            task._log_destroy_pending = False  # noqa: SLF001 - it dies in silence
            _close(task.get_coro())
        loop.close()


def _close(coroutine: Any) -> None:
    for _ in range(9):
        try:
            coroutine.close()
        except BaseException:  # noqa: BLE001, S112 - whatever a dying process still says
            continue
        return


@dataclass
class Lossy:
    """A broker whose answers to some calls get lost on the way back, or whose calls are held up.

    Args:
        inner: the broker.
        lost: how many answers of a call are still to be lost. held_s: how long a call is held up before it leaves.
        sink: keeps the stream's reports back while ``is_mute``.
    """

    inner: Any
    lost: dict[str, int] = field(default_factory=dict)
    held_s: dict[str, float] = field(default_factory=dict)
    is_mute: bool = False
    calls: list[tuple[str, str]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def open(self, sink: Callable[[Any], None]) -> Any:
        return await self.inner.open(lambda report: None if self.is_mute else sink(report))

    async def _call(self, name: str, client_id: str, work: Any) -> Any:
        self.calls.append((name, client_id))
        await self.inner.exchange.clock.sleep(self.held_s.get(name, 0.0))
        answer = await work()
        if self.lost.get(name, 0) > 0:
            self.lost[name] -= 1
            raise AmbiguousOutcome("The answer was lost.")
        return answer

    async def submit(self, order: Any) -> Any:
        return await self._call("submit", order.client_id, lambda: self.inner.submit(order))

    async def cancel(self, client_id: str, broker_id: str) -> Any:
        return await self._call("cancel", client_id, lambda: self.inner.cancel(client_id, broker_id))

    async def replace(self, client_id: str, broker_id: str, quantity: float, stop_price: float) -> Any:
        work = partial(self.inner.replace, client_id, broker_id, quantity, stop_price)
        return await self._call("replace", client_id, work)


def lossy_world(folder: Path, store: Any, script: Any = None, **more: Any) -> tuple[World, Lossy]:
    """Return a world of short bars (buy on the second one) whose broker can lose answers, in a store that is shared."""
    name = f"R{len(store.runs())}-{folder.name[-12:]}"
    prices = more.pop("prices", [100.0] * 6)
    options = {"tail_s": 20.0, "bar_ns": 3_000_000_000, "run_id": name, "account": name, **more}
    world = World(folder, {2: ("buy",)} if script is None else script, prices, shared_store=store, **options)
    lossy = Lossy(None)

    def wrap(broker: Any) -> Lossy:
        lossy.inner = broker
        return lossy

    world.wrap_broker = wrap
    return world, lossy


def live_and_die(world: World, *ends: int) -> tuple[Run, list[Fate]]:
    """Let one process after the other die at its point; the last one lives to the end."""
    fates = []
    with pytest.MonkeyPatch.context() as patch:
        for end in (*ends, 0):
            fate = Fate(end)
            haunt(world, fate, patch)
            fates.append(fate)
            run = die_at(world)
            if not fate.is_dead:
                break
    assert run is not None
    return run, fates
