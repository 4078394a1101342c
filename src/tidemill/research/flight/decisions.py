"""Whether two lists of decisions are the same, term by term, and which event came out otherwise first."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from tidemill.model.enums import EventKind, OrderType, Reason, Side
from tidemill.model.journal import IntentRow, OutboxRow
from tidemill.research.flight.words import instant_text

__all__ = ["Decision", "DecisionParity", "compare_decisions", "decision_of_change", "decision_of_intent"]

_WHOLE = 100.0
_ACTIONS = ("cancel", "replace")
_CHOICES = {"side": Side, "type": OrderType, "reason": Reason}


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing a run wanted of its broker.

    Args:
        seq, leg: tape row of the event it answers, and its number among the answers.
        key: client id, with action and place for a change of an order.
        terms: every term, as text.
    """

    seq: int
    leg: int
    key: str
    terms: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DecisionParity:
    """The outcome of a comparison.

    Args:
        percent: share of decisions that are equal in every term, 0 to 100; 100 only if all are.
        decisions: compared, on either side. orders, changes: of them new orders, and cancels or replacements.
        events: tape rows fed again.
        waiting: decisions on rows that are on the tape but not in the record yet; they are not compared.
        first_seq, first_difference: the first row that came out otherwise, and how; 0 and None when none did.
    """

    percent: float
    decisions: int
    orders: int
    changes: int
    events: int
    waiting: int
    first_seq: int = 0
    first_difference: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all decisions are the same."""
        return self.first_difference is None


def decision_of_intent(row: IntentRow) -> Decision:
    """Return an order that was decided; the build that decided it is no term of it."""
    terms = {item.name: str(getattr(row, item.name)) for item in fields(IntentRow) if item.name != "build"}
    return Decision(row.seq, row.leg, row.client_id, terms)


def decision_of_change(row: OutboxRow) -> Decision | None:
    """Return a cancel or replacement that was decided; None for a request that no turn decided."""
    place = row.key.rpartition("/")[2].split(".")
    if row.action not in _ACTIONS or len(place) != len(("seq", "leg")):
        return None
    terms = {"run_id": row.run_id, "client_id": row.client_id, "action": row.action, "body": row.body}
    return Decision(int(place[0]), int(place[1]), row.key, terms)


def compare_decisions(
    recorded: Sequence[Decision],
    fed_again: Sequence[Decision],
    *,
    events: Any,
    until_seq: int,
) -> DecisionParity:
    """Compare what a run recorded with what a fresh core decided on the same tape.

    Args:
        recorded: of the run. fed_again: of the fresh core.
        events: EVENT rows of the tape, for words.
        until_seq: rows up to here have all their decisions in the record.
    """
    ours = {item.key: item for item in recorded}
    again = {item.key: item for item in fed_again if item.seq <= until_seq}
    waiting = len(fed_again) - len(again)
    keys = sorted(ours.keys() | again.keys(), key=lambda key: _place(ours.get(key) or again[key]))
    wrong = [key for key in keys if ours.get(key) != again.get(key)]
    changes = sum("action" in (ours.get(key) or again[key]).terms for key in keys)
    percent = _WHOLE * (len(keys) - len(wrong)) / len(keys) if keys else _WHOLE
    first_seq, text = 0, None
    if wrong:
        one, two = ours.get(wrong[0]), again.get(wrong[0])
        first_seq = (one or again[wrong[0]]).seq
        text = f"{_event_text(events, first_seq)}: {_difference(one, two)}"
    return DecisionParity(percent, len(keys), len(keys) - changes, changes, len(events), waiting, first_seq, text)


def _place(item: Decision) -> tuple[int, int, str]:
    return (item.seq, item.leg, item.key)


def _event_text(events: Any, seq: int) -> str:
    if not 0 < seq <= len(events):
        return f"Tape row {seq}"
    event = events[seq - 1]
    kind = EventKind(int(event["kind"])).name.lower().replace("none", "held bar").replace("_", " ")
    return f"Tape row {seq} ({kind}, {instant_text(int(event['now_ns']))})"


def _difference(one: Decision | None, two: Decision | None) -> str:
    if one is None or two is None:
        known, who = (two, "only the replay") if one is None else (one, "only the run")
        assert known is not None  # noqa: S101 - one of both exists
        return f"{who} decided {_told(known)}."
    names = [name for name in one.terms if one.terms[name] != two.terms.get(name)]
    first, second = _parts(one, names), _parts(two, names)
    parts = [f"{name} {first[name]} in the run, {second.get(name)} in the replay" for name in first]
    return f"{_told(one)}: {'; '.join(part for part in parts if part)}."


def _parts(item: Decision, names: Sequence[str]) -> dict[str, Any]:
    """Return the terms of those names, those inside a text of terms one by one."""
    found: dict[str, Any] = {}
    for name in names:
        value = item.terms.get(name, "")
        found |= json.loads(value) if name in {"terms", "body"} and value else {name: value}
    return found


def _told(item: Decision) -> str:
    terms = item.terms
    if "action" in terms:
        return f"to {terms['action']} order {terms['client_id']}"
    order = json.loads(terms["terms"])
    words = {name: kind(order[name]).name for name, kind in _CHOICES.items()}
    return (
        f"{words['side']} {order['quantity']:g} {order['symbol']} {words['type'].replace('_', ' ').lower()} "
        f"({words['reason'].replace('_', ' ').lower()}, order {terms['client_id']})"
    )
