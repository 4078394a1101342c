"""Gates, people and pauses enter a run through the same door as everything else."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from live_rig import RUN, build_run, serve
from tidemill import Strategy
from tidemill.adapters.feeds.merge import ReplayData, groups
from tidemill.kernel.proposals import buy
from tidemill.model.bars import MINUTE_NS, BarTable
from tidemill.model.enums import Operator, Refusal
from tidemill.model.errors import GuardRefusal
from tidemill.model.instrument import Instrument
from tidemill.model.records import EVENT
from tidemill.model.settings import RunSettings, StrategySettings
from tidemill.runtime.words.bodies import verdict_row
from tidemill.runtime.words.words import OperatorWord, VerdictWord
from tidemill.services.backtests import BacktestRequest, prepare_job
from tidemill.services.entries import StrategyRequest

COUNT = 12
START = 1_704_205_800_000_000_000


class Eager(Strategy):
    """Wants in whenever it is flat."""

    name = "eager"

    def step(me, order):
        if order.held == 0.0 and order.pending == 0:
            buy(order)


def bars() -> BarTable:
    ts = START + np.arange(COUNT, dtype=np.int64) * MINUTE_NS
    price = np.full(COUNT, 100.0)
    return BarTable("AAA", MINUTE_NS, MINUTE_NS, ts, price, price, price, price, np.full(COUNT, 1_000.0))


class Turnwise:
    """Hands over one bar after the other and lets somebody act in between."""

    name, delay_ns, is_replay = "turnwise", 0, True

    def __init__(self, act: Any, first: int = 0) -> None:
        self.act, self.first = act, first
        self.run: Any = None

    async def stream(self, symbols: Any, sink: Any) -> None:  # noqa: ARG002 - the port's signature
        table = bars()
        for at in range(self.first, COUNT):
            row = np.zeros(1, EVENT)
            row["kind"], row["interval_ns"] = 1, MINUTE_NS
            row["ts_ns"], row["now_ns"] = table.ts[at], table.ts[at] + MINUTE_NS
            for name in ("open", "high", "low", "close", "volume"):
                row[name] = getattr(table, name)[at]
            sink.bars(row)
            await drained(sink)
            self.act(self.run, at)
            await drained(sink)


async def drained(sink: Any) -> None:
    while not sink.is_empty:  # noqa: ASYNC110 - one turn of the loop at a time
        await asyncio.sleep(0)


def run_with(folder: Path, act: Any, **settings: Any) -> Any:
    request = BacktestRequest(
        [StrategyRequest(Eager)],
        [bars()],
        instruments={"AAA": Instrument("AAA", calendar="24/7", zone="UTC")},
        run=RunSettings(settings=StrategySettings(**settings)),
        check_prefix=False,
        count_trial=False,
    )
    feed = Turnwise(act)
    run = build_run(prepare_job(request), folder, feed=feed)
    feed.run = run
    return serve(run)


def proposals(run: Any) -> list[dict[str, Any]]:
    rows = [*run.parts.store.tape(RUN), *run.journal.batch.tape]
    return [json.loads(row.body) for row in rows if row.kind == "proposal"]


def answer(run: Any, **body: Any) -> None:
    body = {"proposal": proposals(run)[-1]["proposal"], **body}
    assert run.parts.inbox.command(VerdictWord(verdict_row(body), "tester", ""))


def refusals(run: Any) -> list[int]:
    return run.core.engine.tape.rows("refusals")["refusal"].tolist()


def test_an_approved_proposal_becomes_an_order(tmp_path: Path) -> None:
    def act(run: Any, at: int) -> None:
        if at == 2:
            answer(run, answer="approve", confidence=80)

    run = run_with(tmp_path, act, gate=True, gate_ttl_s=3_600)
    (order,) = run.parts.store.orders(RUN)
    assert order.state == "FILLED"
    assert any(row.source == "gate:tester" for row in run.parts.store.tape(RUN))


def test_without_an_answer_nothing_is_sent_and_a_veto_is_written(tmp_path: Path) -> None:
    def act(run: Any, at: int) -> None:
        if at == 3:
            answer(run, answer="veto")

    run = run_with(tmp_path, act, gate=True, gate_ttl_s=3_600)
    assert run.parts.store.orders(RUN) == []
    assert int(Refusal.GATE_REFUSED) in refusals(run)


def test_l7_a_late_answer_is_void(tmp_path: Path) -> None:
    late: list[int] = []

    def act(run: Any, at: int) -> None:
        if at == 0:
            late.append(proposals(run)[-1]["proposal"])
        if at == 5:
            answer(run, answer="approve", proposal=late[0])

    run = run_with(tmp_path, act, gate=True, gate_ttl_s=1)
    assert run.parts.store.orders(RUN) == []
    assert int(Refusal.STALE_VERDICT) in refusals(run)


def test_a_gate_scales_down_and_never_up(tmp_path: Path) -> None:
    def act(run: Any, at: int) -> None:
        if at == 2:
            answer(run, answer="scale", ratio=0.5)

    run = run_with(tmp_path, act, gate=True, gate_ttl_s=3_600, size_value=10.0)
    (order,) = run.parts.store.orders(RUN)
    assert order.quantity == "50"  # a tenth of the account is 100 shares
    for ratio in (0.0, -1.0, 1.5, float("nan"), float("inf")):
        with pytest.raises(GuardRefusal):
            verdict_row({"proposal": 1, "answer": "scale", "ratio": ratio})


def test_a_paused_run_looks_on_until_it_goes_on(tmp_path: Path) -> None:
    def act(run: Any, at: int) -> None:
        if at == 0:
            run.parts.inbox.operator(OperatorWord(Operator.PAUSE, "tester"))
        if at == 6:
            run.parts.inbox.operator(OperatorWord(Operator.GO_ON, "tester"))

    # the first bar's entry is on its way when the pause comes; it is closed by a stop that a flat market never meets
    run = run_with(tmp_path, act, entry_type=1, limit_offset_pct=-50.0, entry_tif=2)
    assert int(Refusal.PAUSED) in refusals(run)
    states = [order.created_ns for order in run.parts.store.orders(RUN)]
    assert states[0] <= START + MINUTE_NS
    assert all(stamp >= START + 7 * MINUTE_NS for stamp in states[1:])
    assert len(states) > 1


def test_signals_only_leave_a_record_and_no_order(tmp_path: Path) -> None:
    run = run_with(tmp_path, lambda _run, _at: None, auto_execute=False)
    assert run.parts.store.orders(RUN) == []
    signals = [row for row in run.parts.store.tape(RUN) if row.kind == "signal"]
    assert len(signals) == COUNT
    assert set(refusals(run)) == {int(Refusal.SIGNAL_ONLY)}


def test_strategies_learn_from_history_before_they_trade(tmp_path: Path) -> None:
    request = BacktestRequest(
        [StrategyRequest(Eager)],
        [bars()],
        instruments={"AAA": Instrument("AAA", calendar="24/7", zone="UTC")},
        check_prefix=False,
        count_trial=False,
    )
    known = list(groups(ReplayData([bars().rows(0, 8)]), ["AAA"]))
    feed = Turnwise(lambda _run, _at: None, first=8)
    run = build_run(prepare_job(request), tmp_path, feed=feed)
    feed.run = run
    run.parts.warmup = known
    serve(run)
    assert int(run.core.engine.state.tables["slots"]["bars_seen"][0]) == COUNT
    assert refusals(run)[:8] == [int(Refusal.WARMING_UP)] * 8
    (order,) = run.parts.store.orders(RUN)
    assert order.created_ns == START + 9 * MINUTE_NS
    assert [row.kind for row in run.parts.store.tape(RUN) if row.source == "person:engine"] == ["MUTE", "UNMUTE"]


@pytest.mark.parametrize("answered", ["", "maybe", "APPROVE!", None, 1])
def test_an_answer_that_is_none_is_refused(answered: Any) -> None:
    with pytest.raises(GuardRefusal, match="approve, veto or scale"):
        verdict_row({"proposal": 1, "answer": answered})
