"""The simulated loop: time jumps, order repeats, nothing waits for the machine."""

from __future__ import annotations

import asyncio
import time

import pytest

from tidemill.model.errors import InvariantBroken
from tidemill.testing.seams import CountingIds, ManualClock, SeededRng, SimClock
from tidemill.testing.simloop import SimLoop, run_simulated


async def bustle(workers: int, naps: int) -> list[tuple[float, int]]:
    """Let workers nap for lengths that collide often; return who woke when."""
    woke: list[tuple[float, int]] = []
    loop = asyncio.get_running_loop()

    async def work(number: int) -> None:
        for nap in range(naps):
            await asyncio.sleep((number * 7 + nap) % 5)
            woke.append((loop.time(), number))

    async with asyncio.TaskGroup() as group:
        for number in range(workers):
            group.create_task(work(number))
    return woke


def test_the_same_program_runs_the_same_way() -> None:
    assert run_simulated(bustle(9, 30)) == run_simulated(bustle(9, 30))


def test_a_seed_shuffles_what_is_ready_together_and_repeats_exactly() -> None:
    plain, one, again, two = (run_simulated(bustle(9, 30), seed=seed) for seed in (None, 1, 1, 2))
    assert one == again and one not in (two, plain)
    assert [when for when, _ in one] == [when for when, _ in plain]


def test_a_simulated_day_takes_no_time() -> None:
    async def day() -> float:
        for _ in range(86_400):
            await asyncio.sleep(1.0)
        return asyncio.get_running_loop().time()

    began = time.perf_counter()
    assert run_simulated(day()) == 86_400.0
    assert time.perf_counter() - began < 10.0  # about half a second on a quiet machine


def test_timeouts_cancellation_and_groups_work_on_virtual_time() -> None:
    async def main() -> list[object]:
        loop = asyncio.get_running_loop()
        seen: list[object] = []
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(3_600), 2.5)
        seen.append(loop.time())
        task = asyncio.create_task(asyncio.sleep(3_600))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        seen.append(loop.time())
        queue: asyncio.Queue[int] = asyncio.Queue()
        loop.call_later(4.0, queue.put_nowait, 7)
        seen.append(await queue.get())
        seen.append(loop.time())
        return seen

    assert run_simulated(main()) == [2.5, 2.5, 7, 6.5]


def test_a_program_that_waits_for_nothing_is_told_so() -> None:
    async def wait() -> None:
        await asyncio.get_running_loop().create_future()

    loop = SimLoop()
    with pytest.raises(InvariantBroken, match="stuck"):
        loop.run_until_complete(wait())


def test_errors_leave_the_loop_and_unheard_ones_are_kept() -> None:
    async def fail() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        run_simulated(fail())

    def complain() -> None:
        raise ValueError("unheard")

    loop = SimLoop()
    loop.call_soon(complain)
    loop.run_until_complete(asyncio.sleep(1.0))
    assert [str(item["exception"]) for item in loop.complaints] == ["unheard"]


def test_stop_ends_an_endless_run() -> None:
    loop = SimLoop()
    loop.call_later(5.0, loop.stop)
    loop.run_forever()
    assert loop.time() == 5.0 and not loop.is_running()
    loop.close()
    assert loop.is_closed()


def test_the_clock_of_a_loop_follows_it_and_its_wall_may_jump() -> None:
    loop = SimLoop()
    clock = SimClock(loop, 1_000)
    loop.run_until_complete(clock.sleep(2.0))
    assert (clock.now_ns(), clock.monotonic_ns()) == (2_000_001_000, 2_000_000_000)
    clock.jump(-1.0)
    assert (clock.now_ns(), clock.monotonic_ns()) == (1_000_001_000, 2_000_000_000)


def test_a_manual_clock_moves_by_hand_only() -> None:
    async def main() -> list[object]:
        clock, seen = ManualClock(0), []

        async def wait(seconds: float) -> None:
            await clock.sleep(seconds)
            seen.append(seconds)

        tasks = [asyncio.create_task(wait(seconds)) for seconds in (3.0, 1.0, 2.0)]
        await asyncio.sleep(0)
        clock.advance(0.5)
        await asyncio.sleep(0)
        seen.append("half")
        clock.jump(100.0)
        clock.advance(2.5)
        await asyncio.gather(*tasks)
        return [*seen, clock.now_ns(), clock.monotonic_ns()]

    assert run_simulated(main()) == ["half", 1.0, 2.0, 3.0, 103_000_000_000, 3_000_000_000]


def test_names_count_and_chance_repeats() -> None:
    ids = CountingIds()
    assert [ids.fresh("r"), ids.fresh("r"), ids.fresh("o")] == ["r1", "r2", "o1"]
    one, two = SeededRng(3), SeededRng(3)
    drawn = [one.uniform(2.0, 4.0) for _ in range(100)]
    assert drawn == [two.uniform(2.0, 4.0) for _ in range(100)]
    assert all(2.0 <= value < 4.0 for value in drawn)
