"""Use case: let an agent soak in its feed for some minutes, and say whether it was up, heard everything and kept it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np

from tidemill.model.enums import EventKind
from tidemill.model.errors import ConfigError
from tidemill.runtime.bus import Notice, Topic
from tidemill.runtime.life.terms import Phase
from tidemill.services.home import read_store
from tidemill.services.ledger import verify_run
from tidemill.services.live import LiveRun, open_run
from tidemill.services.live_parts import RunRequest
from tidemill.services.recorded import blueprint_of, read_recorded

__all__ = ["Soak", "soak"]

_LOOK_S = 1.0
_LATE_S = 5.0  # a look that comes later than this says that the loop stood still
_LONGEST_MINUTES = 7 * 24 * 60.0
_UP = (Phase.RUNNING, Phase.PAUSED)


@dataclass(frozen=True, slots=True)
class Soak:
    """What was seen of a run.

    Args:
        run_id: which run. minutes: it was at work.
        uptime_pct: of the looks, once a second, that found it at work and not late.
        links_lost: times the feed's connection was gone.
        ticks, candles: that the engine took.
        stored_candles: on its tape, read back with its chain proven. fills: in the ledger, which adds up.
    """

    run_id: str
    minutes: float
    uptime_pct: float
    links_lost: int
    ticks: int
    candles: int
    stored_candles: int
    fills: int

    def faults(self) -> list[str]:
        """Return what a soak must not show, as sentences; none: it has passed."""
        found = {
            f"It was up {self.uptime_pct:.2f} % of the time, not always.": not (self.uptime_pct >= 100.0),
            f"The feed's connection was lost {self.links_lost} times.": self.links_lost > 0,
            "Not one tick or bar came from the feed.": not (self.ticks + self.candles > 0),
            "Not one candle was completed; soak for longer than a candle lasts.": not (self.candles > 0),
            f"{self.candles} candles were taken and {self.stored_candles} are on the tape.": self.candles
            != self.stored_candles,
        }
        return [sentence for sentence, is_so in found.items() if is_so]


class _Meter:
    """Looks at a run once a second, and counts what it tells."""

    def __init__(self, live: LiveRun) -> None:
        self._live = live
        self.looks = self.up = 0
        self._bus = live.run.bus
        for topic in (Topic.TICK_RECEIVED, Topic.CANDLE_COMPLETED):  # nobody counts what nobody wants
            self._bus.subscribe(topic, _heard)

    def told(self, topic: Topic) -> int:
        """Return how many notices of a kind there were."""
        return self._bus.emitted[topic]

    async def look(self, minutes: float) -> None:
        """Look until the time is over, then stop the run."""
        clock, run = self._live.run.parts.clock, self._live.run
        while run.phase not in _UP:  # warming up and reconciling are not part of the soak
            await clock.sleep(_LOOK_S / 10.0)
        last_ns = clock.monotonic_ns()
        end_ns = last_ns + int(minutes * 60e9)
        while (left_ns := end_ns - last_ns) > 0:
            await clock.sleep(min(_LOOK_S, left_ns / 1e9))
            now_ns = clock.monotonic_ns()
            self.looks += 1
            self.up += run.phase in _UP and now_ns - last_ns <= _LATE_S * 1e9
            last_ns = now_ns
        self._live.stop()


def _heard(_notice: Notice) -> None:
    """Be somebody who wants a notice."""


def soak(request: RunRequest, minutes: float) -> Soak:
    """Run an agent for some minutes of real time, stop it, and prove what it wrote down.

    Args:
        request: as for a run; its feed should be one of the present. minutes: above 0, up to a week.

    Raises:
        ConfigError: minutes out of bounds. TapeBroken: the record does not add up.
        TidemillError: the run could not start, or failed.
    """
    if not (0.0 < minutes <= _LONGEST_MINUTES):
        raise ConfigError(f"A soak lasts between 0 and {_LONGEST_MINUTES:g} minutes, not {minutes:g}.")
    run_id, meter = asyncio.run(_soak(request, minutes))
    with read_store(request.home) as store:
        tape = read_recorded(store, request.home.runs, run_id).tape
        check = verify_run(store, request.home.runs, run_id, blueprint_of)
    return Soak(
        run_id,
        minutes,
        100.0 * meter.up / meter.looks if meter.looks else 0.0,
        meter.told(Topic.WEBSOCKET_DISCONNECTED),
        meter.told(Topic.TICK_RECEIVED),
        meter.told(Topic.CANDLE_COMPLETED),
        int(np.count_nonzero(tape["event"]["kind"] == int(EventKind.BAR))),
        check.fills,
    )


async def _soak(request: RunRequest, minutes: float) -> tuple[str, _Meter]:
    live = await open_run(request)
    meter = _Meter(live)
    try:
        async with asyncio.TaskGroup() as group:
            looking = group.create_task(meter.look(minutes), name="soak")
            await live.serve()
            looking.cancel()
    finally:
        await live.close()
    return live.run.terms.run_id, meter
