"""What is told about a recorded run: its read tables, why a bar led where it led, what would have been, and the gap."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from live_rig import RUN, blueprint, build_run, serve
from parity.cases import Case, random_cases
from tidemill import BarTable, Costs, FillRules, RunSettings, Sizing, StrategySettings
from tidemill.adapters.calendars import get_calendar
from tidemill.adapters.feeds.replay import ReplayData, ReplayFeed
from tidemill.adapters.sql.read_tables import READ_TABLES
from tidemill.model.bars import MINUTE_NS
from tidemill.model.enums import EventKind, Operator, Slippage
from tidemill.model.errors import ConfigError, DataError, TapeBroken, UnknownName
from tidemill.model.journal import Batch, ProjectionRow
from tidemill.ports.feed import MarketSink
from tidemill.research.planning import plan_run
from tidemill.runtime.clock import SystemClock
from tidemill.runtime.guard.facts import Scope
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.life.run import Run
from tidemill.runtime.market.candles import Candles
from tidemill.runtime.words.words import OperatorWord
from tidemill.services.ledger import rebuild_tables, verify_run
from tidemill.services.parity import parity_of
from tidemill.services.recorded import RecordedRun, read_recorded
from tidemill.services.replays import changed, what_if
from tidemill.services.why import explain

CASES = {case.name: case for case in random_cases(600)}
BRACKET, MANY = CASES["bracket"], CASES["many"]


class Interrupted:
    """A replay during which somebody says something at one group of bars, or which breaks off before another."""

    delay_ns, is_replay, name = 0, True, "replay"

    def __init__(self, case: Case, word: OperatorWord, at: tuple[int, ...], end: int = 10_000) -> None:
        self._case, self._word, self._at, self._end = case, word, at, end

    async def stream(self, symbols: Sequence[str], sink: MarketSink) -> None:
        inbox: Any = sink
        word, at, end = self._word, self._at, self._end

        class Ears:
            count = 0

            def __getattr__(self, name: str) -> Any:
                return getattr(inbox, name)

            def bars(self, rows: Any) -> None:
                self.count += 1
                if self.count in at:
                    inbox.operator(word)
                if self.count < end:
                    inbox.bars(rows)

            async def ready(self) -> None:
                while not inbox.is_empty:  # noqa: ASYNC110 - in step with the run: nothing waits when the word comes
                    await asyncio.sleep(0)

        ears: Any = Ears()
        await ReplayFeed(ReplayData(self._case.bars), SystemClock()).stream(symbols, ears)


def recorded(run: Run) -> RecordedRun:
    return read_recorded(run.parts.store, run.parts.folder, RUN)  # type: ignore[arg-type]


def stored(run: Run) -> dict[str, list[dict[str, Any]]]:
    return {name: run.parts.store.projection(name, {"run_id": RUN}) for name in READ_TABLES}


def verify(run: Run, case: Case) -> int:
    return verify_run(run.parts.store, run.parts.folder, RUN, lambda _: blueprint(case.job())).read_rows  # type: ignore[arg-type]


# --- read tables


@pytest.mark.parametrize("name", ["bracket", "two strategies", "trailing, costs, cap, latency", "splits"])
def test_read_tables_are_what_the_tape_makes_of_them(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    run = serve(build_run(case.job(), tmp_path))
    before = stored(run)
    assert all(before.values())
    assert verify(run, case) == sum(map(len, before.values()))
    engine, trips = run.parts.engine, before["round_trips"]
    closed = [row for row in trips if row["status"] == "CLOSED"]
    assert [row["pnl_micros"] for row in closed if row["pnl_micros"] is not None]
    assert sorted(row["pnl_micros"] for row in closed) == sorted(engine.tape.rows("trips")["pnl"].tolist())
    account = engine.state.tables["accounts"][0]
    assert before["portfolio_state"][0]["equity_micros"] == int(account["cash"]) + int(account["market"])
    refused = [row for row in before["signals"] if row["status"] == "REFUSED"]
    assert len(refused) == len(engine.tape.rows("refusals"))
    fills = [row for row in before["activity_log"] if row["kind"] == "FILL"]
    assert len(fills) == len(engine.tape.rows("fills"))
    rebuild_tables(run.parts.store, recorded(run), blueprint(case.job()))  # type: ignore[arg-type]
    assert stored(run) == before


def test_read_tables_survive_processes_that_die(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    word = OperatorWord(Operator.RESUME, "ann", "a word is written down at once")
    whole = serve(build_run(MANY.job(), tmp_path / "whole", feed=Interrupted(MANY, word, (120, 200))))
    for said, ended in ((120, 150), (200, 330)):
        died = serve(build_run(MANY.job(), tmp_path, feed=Interrupted(MANY, word, (said,), ended)), state=None)
        assert died.journal.committed_seq < died.journal.next_seq - 1  # something is lost with the process
        assert verify(died, MANY) > 0
        died.parts.store.close()
    last = serve(build_run(MANY.job(), tmp_path))
    assert verify(last, MANY) > 0
    once, again = stored(whole), stored(last)
    for name in ("round_trips", "signals", "risk_metrics", "activity_log", "portfolio_snapshots"):
        assert again[name] == once[name], name


def test_what_was_changed_by_hand_is_named(tmp_path: Path) -> None:
    run = serve(build_run(BRACKET.job(), tmp_path))
    row = stored(run)["round_trips"][3]
    key, values = (RUN, row.pop("number")), {name: value for name, value in row.items() if name != "run_id"}
    values["pnl_micros"] += 1_000_000
    run.parts.store.commit(Batch(projections=[ProjectionRow("round_trips", key, values)]))
    with pytest.raises(TapeBroken, match=r"row \(4,\) of round_trips .* ledger rebuild R1"):
        verify(run, BRACKET)
    rebuild_tables(run.parts.store, recorded(run), blueprint(BRACKET.job()))  # type: ignore[arg-type]
    assert verify(run, BRACKET) > 0


def test_another_tape_under_the_same_store_is_noticed(tmp_path: Path) -> None:
    run = serve(build_run(BRACKET.job(), tmp_path))
    (tmp_path / "other").mkdir()
    other = serve(build_run(MANY.job(), tmp_path / "other"))
    path = next((run.parts.folder / RUN).glob("events-*.tape"))
    path.write_bytes(next((other.parts.folder / RUN).glob("events-*.tape")).read_bytes())
    with pytest.raises(TapeBroken, match="not the one the store was written with"):
        recorded(run)


# --- parity of money


@pytest.mark.parametrize(("latency_ms", "delayed"), [(0.0, 0.0), (61_000.0, 60_000.0)])
def test_the_gap_of_another_exchange_is_split_without_a_rest(latency_ms: float, delayed: float, tmp_path: Path) -> None:
    job = BRACKET.job()
    dear = replace(job.run, costs=Costs(Slippage.PROPORTIONAL, 0.05, 0.01), fills=FillRules(latency_ms=latency_ms))
    venue = plan_run(job.entrants, job.bars, job.instruments, dear, job.calendars)
    report = parity_of(recorded(serve(build_run(job, tmp_path, venue=venue))), blueprint(job))
    assert report.decisions.is_whole, report.decisions.first_difference
    assert report.fills is not None
    assert report.gap is not None
    assert sum(report.gap.parts.values()) == report.gap.gap_micros != 0
    assert report.gap.parts["fees"] < 0
    assert report.gap.parts["spread"] < 0
    assert report.fills.delay_ms >= delayed
    if not delayed:
        assert 2.0 < report.fills.worse_bps < 6.0  # stops and market orders slip 5 bps, targets do not


def test_a_halt_is_the_operators_part_of_the_gap(tmp_path: Path) -> None:
    word = OperatorWord(Operator.FLATTEN, "ann", "enough")
    run = serve(build_run(BRACKET.job(), tmp_path, feed=Interrupted(BRACKET, word, (300,))))
    report = parity_of(recorded(run), blueprint(BRACKET.job()))
    assert report.decisions.is_whole, report.decisions.first_difference
    assert report.gap is not None
    assert report.gap.parts["operator"] == report.gap.gap_micros != 0
    assert report.fills is not None
    assert report.fills.percent == 100.0
    assert verify(run, BRACKET) > 0
    assert "HALTED" in {row["kind"] for row in stored(run)["activity_log"]}


def test_what_the_guard_kept_back_is_the_guards_part(tmp_path: Path) -> None:
    limits = Limits(Scope.ACCOUNT, max_order_usd=25_000.0)
    run = serve(build_run(MANY.job(), tmp_path, limits=limits))
    assert run.approver.refused > 0
    report = parity_of(recorded(run), blueprint(MANY.job()))
    assert report.decisions.is_whole, report.decisions.first_difference
    assert report.gap is not None
    assert report.gap.parts["guard"] == report.gap.gap_micros != 0


# --- why


def test_why_a_bar_was_refused_and_what_later_rules_say(tmp_path: Path) -> None:
    run = serve(build_run(MANY.job(), tmp_path))
    found = recorded(run)
    row = run.parts.engine.tape.rows("refusals")[0]
    symbol = MANY.job().instruments[int(row["instrument"])].symbol
    report = explain(found, blueprint(MANY.job()), symbol, int(row["ts_ns"]) - 1)
    (told,) = report.strategies
    (proposal,) = told.proposals
    assert (proposal.side, proposal.intent, proposal.order) == ("BUY", "ENTRY", 0)
    verdicts = {check.name: check.verdict for check in proposal.checks}
    assert verdicts["max_positions"] == "MAX_OPEN_POSITIONS"
    assert [name for name in verdicts if name != "max_positions" and verdicts[name] != "passed"] == []
    assert list(verdicts)[-1] == "buying_power"
    check = next(check for check in proposal.checks if check.is_refused)
    assert check.numbers == {"open_positions": 2, "pending_entries": 0, "max_open_positions": 2}
    assert proposal.sizing["quantity"] == float(row["quantity"])
    assert any(item.text == "turn > 0.0" and item.is_true for item in told.conditions)
    assert {item.name for item in told.seen} >= {"fast_window", "fast_sma", "cross"}
    assert told.fates == []
    assert json.loads(json.dumps(report.document(), allow_nan=False))["seq"] == report.seq


def test_why_a_bar_led_to_an_order_and_what_became_of_it(tmp_path: Path) -> None:
    run = serve(build_run(BRACKET.job(), tmp_path))
    found = recorded(run)
    intent = next(row for row in found.intents[3:] if row.kind == "entry")
    report = explain(found, blueprint(BRACKET.job()), "T0", intent.created_ns - 1)
    assert report.seq == intent.seq
    (proposal,) = report.strategies[0].proposals
    assert proposal.order == intent.number
    assert not proposal.refusal
    fate = next(item for item in report.strategies[0].fates if item.action == "submit")
    assert (fate.client_id, fate.guard, fate.request, fate.state) == (intent.client_id, "passed", "DONE", "FILLED")
    before = {item.name: item.before for item in report.strategies[0].seen}
    after = {item.name: item.after for item in report.strategies[0].seen}
    close = BRACKET.bars[0].close
    at = int(np.searchsorted(BRACKET.bars[0].ts, report.start_ns))
    assert after["fast_sma"] == pytest.approx(close[at - 4 : at + 1].mean())
    assert before["fast_sma"] == pytest.approx(close[at - 5 : at].mean())


def test_why_refuses_what_it_cannot_find(tmp_path: Path) -> None:
    found = recorded(serve(build_run(BRACKET.job(), tmp_path)))
    drawn = blueprint(BRACKET.job())
    with pytest.raises(UnknownName, match="symbol in this run"):
        explain(found, drawn, "NOPE", 0)
    with pytest.raises(DataError, match=r"No bar of T0 .* the nearest begins 2024-01-02 14:30:00 UTC"):
        explain(found, drawn, "T0", 0)


# --- what if


def test_a_replay_without_changes_is_the_run(tmp_path: Path) -> None:
    found = recorded(serve(build_run(BRACKET.job(), tmp_path)))
    same = what_if(found, blueprint(BRACKET.job()), {})
    assert same.first_difference == ""
    assert same.shared == same.orders_before == same.orders_after > 0
    assert same.before.metrics == same.after.metrics


def test_a_replay_with_changes_is_the_backtest_with_them(tmp_path: Path) -> None:
    job = BRACKET.job()
    found = recorded(serve(build_run(job, tmp_path)))
    changes = {"stop_loss": "2", "latency": "250", "fast-window": "7", "sizing": "percent:20", "slippage": "fixed:0.01"}
    other = what_if(found, blueprint(job), changes)
    settings = replace(job.run.settings, stop_loss_pct=2.0, size_value=20.0)
    job.run = replace(job.run, settings=settings, fills=FillRules(latency_ms=250.0), costs=Costs(Slippage.FIXED, 0.01))
    spec = job.entrants[0].spec
    job.entrants = [replace(job.entrants[0], params=spec.read_params({"fast_window": 7, "slow_window": 15}))]
    plan = plan_run(job.entrants, job.bars, job.instruments, job.run, job.calendars)
    case = replace(BRACKET, run=job.run, strategies=[("moving_average_crossover", dict(job.entrants[0].params))])
    assert plan.strategies[0].settings.stop_loss_pct == 2.0
    engine = case.finish()
    assert other.after.record.fills.tobytes() == engine.tape.rows("fills").tobytes()
    assert other.after.record.equity.tobytes() == engine.tape.rows("equity").tobytes()
    assert "only the" in other.first_difference
    other.after.report(tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size > 10_000
    assert json.dumps(other.document(), allow_nan=False)


def test_changes_that_cannot_be_made_are_refused(tmp_path: Path) -> None:
    found = recorded(serve(build_run(BRACKET.job(), tmp_path)))
    drawn = blueprint(BRACKET.job())
    for changes, error in (
        ({"stop_los": "2"}, UnknownName),
        ({"stop_loss": "much"}, ConfigError),
        ({"fast_window": "40"}, ConfigError),
        ({"allow_short": "perhaps"}, ConfigError),
    ):
        with pytest.raises(error):
            what_if(found, drawn, changes)
    with pytest.raises(UnknownName, match="risk rule"):
        changed(drawn, BRACKET.bars, {}, ["no_such_rule"])


# --- ticks


def test_real_trades_decide_the_same_again_and_as_their_bars_do(shared_data: Path, tmp_path: Path) -> None:
    import duckdb

    path = shared_data / "equity/tick_trade/BAC.parquet"
    columns = duckdb.execute(
        f"SELECT epoch_ns(timestamp) AS ts, price, size FROM '{path}' WHERE NOT suspicious AND price > 0 "
        "ORDER BY timestamp LIMIT 60000"
    ).fetchnumpy()
    trades = np.zeros(len(columns["ts"]), [("ts_ns", "<i8"), ("price", "<f8"), ("size", "<f8")])
    for name, source in (("ts_ns", "ts"), ("price", "price"), ("size", "size")):
        trades[name] = np.asarray(columns[source])
    span = np.array([trades["ts_ns"][0] // MINUTE_NS * MINUTE_NS, trades["ts_ns"][-1]], np.int64)
    frame = BarTable("BAC", MINUTE_NS, MINUTE_NS, span, *(np.full(2, np.nan),) * 5)
    settings = StrategySettings(sizing=Sizing.PERCENT, size_value=50.0, stop_loss_pct=0.2, take_profit_pct=0.3)
    case = Case("ticks", [("moving_average_crossover", {"fast_window": 3, "slow_window": 7})], [frame], RunSettings())
    case.run = replace(case.run, settings=settings)
    job = case.job()
    candles = Candles(job.instruments, [(MINUTE_NS,)], {"XNYS": get_calendar("XNYS")})
    feed = ReplayFeed(ReplayData(trades={"BAC": trades}), SystemClock())
    run = serve(build_run(job, tmp_path, feed=feed, candles=candles))
    found = recorded(run)
    assert int((found.tape["event"]["kind"] == EventKind.TRADE).sum()) > 50_000
    drawn = replace(blueprint(job), history=())
    report = parity_of(found, drawn)
    assert report.decisions.is_whole, report.decisions.first_difference
    assert report.decisions.orders > 10
    assert report.fills is not None
    assert report.fills.percent == 100.0
    assert report.gap is not None
    assert report.gap.gap_micros == 0
    assert verify_run(run.parts.store, run.parts.folder, RUN, lambda _: drawn).read_rows > 0  # type: ignore[arg-type]
