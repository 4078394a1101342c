"""The line of a log that tells once a minute how an engine fares."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path

import pytest

from tidemill.cli.agent_file import agent_of_tables
from tidemill.model.agent import AgentSpec, FeedSpec
from tidemill.model.errors import ConfigError
from tidemill.runtime.life.terms import Phase
from tidemill.services.agents import spec_of_text, spec_text, uses_of
from tidemill.services.entries import StrategyRequest
from tidemill.services.health import tell_health
from tidemill.services.home import find_home
from tidemill.services.live import LiveRun, open_run
from tidemill.services.live_parts import RunRequest
from tidemill.services.logs import Log


class Feel:
    """A machine of 123.4 MB."""

    def disk_free_bytes(self) -> int:
        return 10**9

    def memory_bytes(self) -> int:
        return 123_400_000

    def descriptors_ratio(self) -> float:
        return 0.1


def agent(**feed: int) -> AgentSpec:
    uses = uses_of([StrategyRequest("buy_and_hold")])
    return AgentSpec("well", uses, ("AIG",), "1h", feed=FeedSpec("push", **feed), instrument={"calendar": "24/7"})


async def lines(live: LiveRun, stream: io.StringIO) -> list[dict[str, object]]:
    """Start a run, let it be told three times from its very beginning, and return the lines."""

    class Clock:
        def __init__(self) -> None:
            self.left = 4

        def now_ns(self) -> int:
            return 0

        def monotonic_ns(self) -> int:
            return 0

        async def sleep(self, seconds: float) -> None:
            assert seconds == 60.0
            self.left -= 1
            if self.left == 2:
                await live.run.start()
            if not self.left:
                raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await tell_health(live.run, Feel(), Clock(), Log(stream, process="engine"))
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_run_at_work_tells_how_it_fares_and_one_that_begins_does_not(tmp_path: Path) -> None:
    async def scene() -> list[dict[str, object]]:
        live = await open_run(RunRequest(agent(queue=2048), find_home(tmp_path), "r"))
        assert live.run.parts.inbox.room.market == 2048
        assert live.run.phase is Phase.STARTING
        told = await lines(live, io.StringIO())
        await live.close()
        return told

    told = asyncio.run(scene())
    assert len(told) == 2
    line = told[0]
    assert (line["event"], line["process"], line["state"]) == ("health", "engine", "RUNNING")
    assert (line["tape"], line["feed_age_s"], line["positions"], line["orders"]) == (0, None, 0, 0)
    assert (line["memory_mb"], line["waiting"], line["lost"], line["set_aside"]) == (123.4, {}, 0, 0)


def test_the_queue_of_a_feed_is_a_setting_and_is_kept_with_the_agent() -> None:
    tables = {"strategy": "buy_and_hold", "data": {"symbols": ["AIG"], "interval": "1h"}}
    spec = agent_of_tables({"schema": 1, "name": "a", **tables, "feed": {"kind": "push", "queue": 131_072}})
    assert spec.feed.queue == 131_072
    assert spec_of_text(spec_text(spec)).feed.queue == 131_072


@pytest.mark.parametrize("queue", [0, 1000, 1023, 65_537, 2**23, -1024])
def test_a_queue_that_cannot_be_is_refused(queue: int) -> None:
    with pytest.raises(ConfigError, match="power of two"):
        agent(queue=queue)
