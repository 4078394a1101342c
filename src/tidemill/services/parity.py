"""Use case: prove that a recorded run decided as its replay does."""

from __future__ import annotations

from tidemill.model.journal import OutboxRow
from tidemill.research.flight.decisions import (
    Decision,
    DecisionParity,
    compare_decisions,
    decision_of_change,
    decision_of_intent,
)
from tidemill.runtime.outgoing import Outgoing
from tidemill.runtime.refeed import Refeed
from tidemill.services.recorded import Blueprint, RecordedRun, names_of

__all__ = ["decision_parity", "feed_again"]


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
