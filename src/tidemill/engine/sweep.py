"""Many parameter sets over the same bars: one compiled loop, one state per thread, no copying of data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tidemill.authoring.rules import RuleSpec
from tidemill.engine.engine import Engine
from tidemill.engine.plan import EnginePlan
from tidemill.engine.streams import Streams, build_streams
from tidemill.model.bars import BarTable

__all__ = ["Outcome", "Sweep"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one parameter set came to: final equity and fees in money, counts of fills and round trips."""

    params: Mapping[str, float]
    equity: float
    fees: float
    fills: int
    trips: int


class _Worker:
    """One engine that is put back to its first instant before every run."""

    def __init__(self, plan: EnginePlan, bars: Sequence[BarTable], rules: Sequence[RuleSpec], steps: Any) -> None:
        rows = sum(len(table) for table in bars)
        self.engine = Engine(plan, rules, steps=steps, equity_rows=rows)
        self.streams: Streams = build_streams(bars, [item.symbol for item in plan.instruments])
        self.state = self.engine.state.snapshot()
        self.venue = self.engine.venue.snapshot()

    def run(self, params: Mapping[str, float]) -> Outcome:
        """Run one parameter set from the start."""
        engine = self.engine
        engine.state.restore(self.state)
        engine.venue.restore(self.venue)
        engine.tape.clear()
        self.streams.rewind()
        chosen = engine.set_params(params)
        engine.replay(self.streams)
        account = engine.state.tables["accounts"][0]
        return Outcome(
            chosen,
            int(account["cash"] + account["market"]) / 1e6,
            int(account["fees"]) / 1e6,
            int(engine.tape.header["fill_count"][0]),
            int(engine.tape.header["trip_count"][0]),
        )


class Sweep:
    """Runs parameter sets of a plan's only strategy; results do not depend on the number of threads.

    Args:
        plan: with one compiled strategy.
        bars: the data, shared by all runs.
        rules: risk rules.
    """

    def __init__(self, plan: EnginePlan, bars: Sequence[BarTable], rules: Sequence[RuleSpec] = ()) -> None:
        self.plan, self.bars, self.rules = plan, bars, rules
        self.steps = Engine(plan, rules).steps

    def run(self, settings: Sequence[Mapping[str, float]], *, threads: int = 2) -> list[Outcome]:
        """Return one outcome per parameter set, in order."""
        workers = [_Worker(self.plan, self.bars, self.rules, self.steps) for _ in range(threads)]
        shares = [range(number, len(settings), threads) for number in range(threads)]
        found: dict[int, Outcome] = {}

        def work(worker: _Worker, share: range) -> None:
            for index in share:
                found[index] = worker.run(settings[index])

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, workers, shares))
        return [found[index] for index in range(len(settings))]
