"""Use case: prove that a recorded run decided as its replay does, and explain what its money made of it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.engine.engine import Engine
from tidemill.model.bars import BarTable
from tidemill.model.enums import EventKind
from tidemill.model.errors import DataError
from tidemill.model.journal import OutboxRow
from tidemill.research.flight.decisions import (
    Decision,
    DecisionParity,
    compare_decisions,
    decision_of_change,
    decision_of_intent,
)
from tidemill.research.flight.fills import FillParity, compare_fills
from tidemill.research.flight.gap import Gap, Results, split_gap
from tidemill.research.flight.reference import MarketPrices
from tidemill.research.flight.sent import sent_orders
from tidemill.runtime.orders.outgoing import Outgoing
from tidemill.runtime.recovery.refeed import Refeed
from tidemill.services.flights import fly, fly_backtest, fly_bars
from tidemill.services.recorded import Blueprint, RecordedRun, names_of

__all__ = ["ParityReport", "decision_parity", "feed_again", "parity_of"]

_BAR = int(EventKind.BAR)
_WORDS = (int(EventKind.OPERATOR), int(EventKind.INTENT))


@dataclass(frozen=True, slots=True)
class ParityReport:
    """Everything ``tidemill parity`` tells about a run.

    Args:
        run_id, state: which run, and how it stood. events: rows of its tape.
        decisions: the proof. fills, gap: against the backtester; None while there are no bars yet.
        notes: sentences a reader must know.
    """

    run_id: str
    state: str
    events: int
    decisions: DecisionParity
    fills: FillParity | None
    gap: Gap | None
    notes: Sequence[str] = ()

    def document(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def feed_again(recorded: RecordedRun, blueprint: Blueprint) -> tuple[Refeed, list[Decision]]:
    """Feed a run's tape to a fresh core; return it, finished, with everything it decided.

    Raises:
        StrategyError: an ordinary Python strategy raised.
    """
    changes: list[OutboxRow] = []

    def note(_: int, outgoing: list[Outgoing]) -> None:
        changes.extend(item.row for item in outgoing if item.action != "submit")

    engine = blueprint.engine(len(recorded.tape))
    again = Refeed(engine, names_of(recorded.row, blueprint), on_outgoing=note)
    again.feed(recorded.tape)
    decisions = [decision_of_intent(row) for row in again.intents]
    return again, decisions + [item for row in changes if (item := decision_of_change(row)) is not None]


def decision_parity(recorded: RecordedRun, blueprint: Blueprint) -> DecisionParity:
    """Compare every decision of a run with those of a fresh core on the same tape.

    Args:
        recorded: the run, of which the hash chain is proven. blueprint: what it was built from.

    Raises:
        StrategyError: an ordinary Python strategy raised.
    """
    _, decisions = feed_again(recorded, blueprint)
    return _compared(recorded, decisions)


def _compared(recorded: RecordedRun, decisions: list[Decision]) -> DecisionParity:
    ours = [decision_of_intent(row) for row in recorded.intents]
    ours += [item for row in recorded.outbox if (item := decision_of_change(row)) is not None]
    return compare_decisions(ours, decisions, events=recorded.tape["event"], until_seq=recorded.committed_seq)


def parity_of(recorded: RecordedRun, blueprint: Blueprint) -> ParityReport:
    """Prove a run's decisions, compare its fills with the backtester's, and split the gap between both results.

    Args:
        recorded: the run, of which the hash chain is proven. blueprint: what it was built from.
    """
    again, decisions = feed_again(recorded, blueprint)
    notes = [blueprint.note] if blueprint.note else []
    if blueprint.is_simulated:
        notes.append("SIMULATED: the prices of this run are made up.")
    fills: FillParity | None = None
    gap: Gap | None = None
    try:
        fills, gap = _against_backtest(recorded, blueprint, again.core.engine, notes)
    except DataError as error:
        notes.append(f"No backtest: {error}")
    row = recorded.row
    return ParityReport(
        row.run_id, row.state, len(recorded.tape), _compared(recorded, decisions), fills, gap, tuple(notes)
    )


def _against_backtest(
    recorded: RecordedRun, blueprint: Blueprint, run: Engine, notes: list[str]
) -> tuple[FillParity, Gap]:
    tape, names = recorded.tape, names_of(recorded.row, blueprint)
    if blueprint.paper.match_trades:
        simulated = fly(tape, blueprint, names, with_words=False).engine
        notes.append("Orders met trades; the simulated exchange over the tape's trades stands for the backtester.")
    else:
        simulated = fly_backtest(tape, blueprint)
    people = guarded = simulated
    if np.isin(tape["event"]["kind"], _WORDS).any():
        people = fly(tape, blueprint, names).engine
        guarded = people
        notes.append("People gave orders while it ran; the fills are compared with a run that obeyed them as well.")
    refused = _refusals(recorded)
    if refused is not None:
        guarded = fly(tape, blueprint, names, refuse=refused).engine
        notes.append("The guard kept orders back; the fills are compared with a run whose guard did the same.")
    reference = _reference(tape, blueprint)
    before = fly_bars(reference, blueprint, tape) if reference else simulated
    results = Results(*(_earned(engine) for engine in (before, simulated, people, guarded, run)))
    real, others = sent_orders(run), sent_orders(guarded)
    gap = split_gap(results, real, others, MarketPrices(tape["event"]), blueprint.plan.instruments, _rates(run))
    return compare_fills(real, others), gap


def _reference(tape: NDArray[Any], blueprint: Blueprint) -> list[BarTable]:
    """Return the bars of the run's own files up to where its tape ends; none where it had a feed without files."""
    if not blueprint.history:
        return []
    last = int(tape["event"]["now_ns"][tape["event"]["kind"] == _BAR].max())
    ends = [int(np.searchsorted(table.ts, last - table.duration_ns, side="right")) for table in blueprint.history]
    cut = [table.rows(0, end) for table, end in zip(blueprint.history, ends, strict=True)]
    return [table for table in cut if len(table)]


def _earned(engine: Engine) -> int:
    """Return what a finished core has earned, open positions at their last marks, micros."""
    account = engine.state.tables["accounts"][0]
    return int(account["cash"]) + int(account["market"]) - round(engine.plan.run.cash * 1_000_000)


def _rates(engine: Engine) -> dict[int, float]:
    """Return what converts each foreign instrument's currency at its last price."""
    last = engine.state.tables["instruments"]["last"]
    return {
        row: float(1.0 / last[pair] if is_inverse else last[pair])
        for row, (pair, is_inverse) in engine.plan.rates.items()
    }


def _refusals(recorded: RecordedRun) -> Callable[[Outgoing], str] | None:
    """Return what keeps back the orders that the run's guard kept back, None if there were none."""
    dropped = {row.key: row.text for row in recorded.outbox if row.state == "DROPPED" and row.action != "cancel"}
    if not dropped:
        return None
    answers: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for row in recorded.intents:
        terms = json.loads(row.terms)
        answers[_decision(row.strategy, terms)].append(dropped.get(f"{row.client_id}/submit", ""))

    def refuse(item: Outgoing) -> str:
        if item.action != "submit":
            return dropped.get(item.row.key, "")
        waiting = answers[_decision(item.order.strategy, json.loads(item.row.body))]
        return waiting.pop(0) if waiting else ""

    return refuse


def _decision(strategy: str, terms: dict[str, Any]) -> tuple[Any, ...]:
    return (strategy, *(terms[name] for name in ("symbol", "side", "intent", "reason", "type", "created_ns")))
