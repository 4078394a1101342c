"""Run as a program: processes of their own die for real at lasting effects, and others go on after them.

Prints one JSON line per death: where it died, and what was broken after recovery.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from death import Fate, haunt
from live_scene import World, WorldClock

SCRIPT = {1: ("buy", {"limit_price": 90.0, "type": 1}), 2: ("close",), 3: ("buy",), 6: ("close",)}
PRICES: list[Any] = [100.0, [100.0, (101.0, 6.0)], [101.0, (102.0, 6.0)], 102.0, 103.0, 104.0, 104.0]


class Exit(Fate):
    """A fate that ends the process itself, without a word; only the world's own clock is written down."""

    __slots__ = ("world",)

    def point(self, name: str) -> None:
        self.passed += 1
        if self.passed == self.at:
            clock, world = self.world.clock, self.world
            left = [name, clock.now_ns(), clock.monotonic_ns(), list(world.traded), world.told]
            (world.folder / "left.json").write_text(json.dumps(left), encoding="utf-8")
            os._exit(9)


def build(folder: Path, clock: WorldClock | None = None) -> World:
    return World(
        folder, SCRIPT, PRICES, bar_ns=3_000_000_000, tail_s=12.0, is_durable=True, clock=clock or WorldClock()
    )


def live_until(folder: Path, end: int) -> int:
    """Fork a process that dies at a point; return its exit code."""
    child = os.fork()
    if child == 0:
        world = build(folder)
        fate = Exit(end)
        fate.world = world
        haunt(world, fate, pytest.MonkeyPatch())
        world.play()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    """Die at every so many points below a folder, recover each time, and tell."""
    folder, first, step = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    end = first
    while live_until(folder / str(end), end) == 9:
        here = folder / str(end)
        name, wall, mono, traded, told = json.loads((here / "left.json").read_text(encoding="utf-8"))
        world = build(here, WorldClock(wall, mono))
        world.traded, world.told = (traded[0], traded[1]), told
        run = world.play()
        sys.stdout.write(json.dumps([end, name, world.broken(run)]) + "\n")
        world.store.close()
        end += step


if __name__ == "__main__":
    main()
