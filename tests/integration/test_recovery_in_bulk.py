"""Recorded trades go through a fresh core many at a time, and what comes out is what they give one by one."""

from __future__ import annotations

import asyncio
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from tidemill.adapters.paper import PaperBroker
from tidemill.model.agent import AgentSpec, FeedSpec, PaperSpec
from tidemill.runtime.recovery.ticks import RecordedTicks
from tidemill.services.agents import uses_of
from tidemill.services.entries import StrategyRequest
from tidemill.services.home import find_home
from tidemill.services.live import LiveRun, open_run
from tidemill.services.live_parts import RunRequest

USES = uses_of([StrategyRequest("moving_average_crossover", {"fast_window": 2, "slow_window": 4})])
FAST = 3_000
START_NS = 1_750_000_000 * 10**9


class TickClock:
    """A clock that the ticks move."""

    def __init__(self) -> None:
        self.ns = START_NS

    def now_ns(self) -> int:
        return self.ns

    def monotonic_ns(self) -> int:
        return self.ns

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.002))


def request(folder: Path, fill_on: str, clock: TickClock) -> RunRequest:
    spec = AgentSpec(
        "ticks",
        USES,
        ("AIG", "SLM"),
        "1s",
        feed=FeedSpec("push"),
        paper=PaperSpec(fill_on),
        instrument={"calendar": "24/7"},
    )
    return RunRequest(spec, find_home(folder), "r", clock=clock)


async def lived(folder: Path, fill_on: str, seed: int, ticks: int) -> int:
    """Live through a number of ticks and stop without a word; return how many orders there were."""
    clock, chance = TickClock(), random.Random(seed)
    live = await open_run(request(folder, fill_on, clock))
    serving = asyncio.get_running_loop().create_task(live.serve())
    inbox, price = live.run.parts.inbox, [100.0, 50.0]
    while live.run.supervisor is None:  # noqa: ASYNC110 - it has no bell for tests
        await asyncio.sleep(0.001)
    for at in range(ticks):
        clock.ns += chance.randrange(0, 150_000_000)
        number = chance.randrange(2)
        price[number] = round(max(price[number] + chance.choice((-0.05, 0.0, 0.05)), 1.0), 2)
        inbox.trade(number, clock.ns, price[number], 10.0)
        if at % 20 == 19 or chance.random() < 0.1:
            while not inbox.is_empty:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0)
    live.run.journal.flush()
    await live.run.journal.commit()
    orders = len(live.run.book.by_client)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    await live.close()
    return orders


def memory(live: LiveRun) -> dict[str, Any]:
    """Return all that a run knows."""
    run, broker = live.run, live.run.parts.exchange
    assert isinstance(broker, PaperBroker)
    engine, sheet = run.core.engine, run.projector.sheet
    return {
        "core": engine.fingerprint(),
        "results": [
            engine.tape.tables[f"{name}s"][: int(engine.tape.header[f"{name}_count"][0])].tobytes()
            for name in ("fill", "order", "refusal", "trip", "day")
        ],
        "exchange": broker.market.venue.bytes.tobytes(),
        "money": (broker.funds.cash, broker.funds.equity, broker.funds.buying_power),
        "columns": {
            key: (column._ts.tolist(), column._values.tolist())  # noqa: SLF001 - there is no other way to see them
            for key, column in broker.market._columns.items()  # noqa: SLF001 - as above
        },
        "orders": repr(list(run.book.by_client.values())),
        "executions": sorted(run.book.executions),
        "rows": sheet.waiting,
        "reads": (run.projector._wall_ns, run.projector._due_ns, run.projector._hour_ends_ns),  # noqa: SLF001 - as above
        "peak": run.projector._holdings.peak,  # noqa: SLF001 - as above
        "bars": run.parts.candles._candles.tobytes() if run.parts.candles is not None else b"",  # noqa: SLF001 - as above
        "events": (run.turns.events, run.journal.next_seq),
    }


async def recovered(folder: Path, fill_on: str) -> dict[str, Any]:
    """Start again what is in a folder, as far as its record goes."""
    live = await open_run(request(folder, fill_on, TickClock()))
    await live.run.start()
    known = memory(live)
    await live.close()
    return known


@pytest.mark.parametrize("fill_on", ["trades", "bars"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_many_at_a_time_is_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fill_on: str, seed: int) -> None:
    ticks = random.Random(seed).randrange(FAST // 2, FAST)
    orders = asyncio.run(lived(tmp_path / "a", fill_on, seed, ticks))
    assert orders > 3
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    bulk = asyncio.run(recovered(tmp_path / "a", fill_on))

    async def never(_: RecordedTicks) -> bool:
        return False

    monkeypatch.setattr(RecordedTicks, "take", never)
    one_by_one = asyncio.run(recovered(tmp_path / "b", fill_on))
    assert list(bulk) == list(one_by_one)
    assert [name for name in bulk if bulk[name] != one_by_one[name]] == []
