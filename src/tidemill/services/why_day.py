"""Use case: everything a run decided on one symbol in one trading day, sent or refused, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from tidemill.model.answers import REFUSALS
from tidemill.model.enums import Refusal, Side
from tidemill.model.errors import ConfigError, UnknownName
from tidemill.model.journal import OrderRecord
from tidemill.runtime.guard.baseline import DayClock
from tidemill.services.parity import feed_again
from tidemill.services.recorded import Blueprint, RecordedRun

__all__ = ["DayReport", "Decided", "decisions_of_day", "parse_day"]

_EPOCH = date(1970, 1, 1)
_LONGEST_DAY = 10  # characters of 2024-01-03: what is longer names an instant


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision.

    Args:
        at_ns: of the turn, UTC. strategy: whose. what: ``order``, ``kept back`` (by the guard) or ``refused``.
        words: side, type, intent, reason. quantity: units wanted.
        outcome: state and fills of the order, or the sentence of the refusal. client_id: of an order.
    """

    at_ns: int
    strategy: str
    what: str
    words: str
    quantity: float
    outcome: str
    client_id: str = ""


@dataclass(frozen=True, slots=True)
class DayReport:
    """All decisions of a trading day, in the order they were made."""

    run_id: str
    symbol: str
    day: str
    decisions: Sequence[Decided]

    def document(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def parse_day(text: str) -> date | None:
    """Return the day a text names; None when it names an instant.

    Raises:
        ConfigError: it looks like a day and is none.
    """
    if len(text) > _LONGEST_DAY:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{text!r} is no day; write for example 2024-01-03, or 2024-01-03T15:00 for one bar."
        ) from None


def decisions_of_day(recorded: RecordedRun, blueprint: Blueprint, symbol: str, day: date) -> DayReport:
    """Return what was decided on a symbol in a trading day of its exchange.

    Args:
        recorded: the run, of which the hash chain is proven. blueprint: what it was built from.

    Raises:
        UnknownName: the run does not trade the symbol. StrategyError: an ordinary Python strategy raised.
    """
    symbols = [item.symbol for item in blueprint.plan.instruments]
    if symbol not in symbols:
        raise UnknownName("symbol in this run", symbol, symbols)
    row = symbols.index(symbol)
    item = blueprint.plan.instruments[row]
    clock, wanted = DayClock(item.zone, item.day_roll_minutes), (day - _EPOCH).days
    found = [one for one in _sent(recorded, symbol) if clock.day(one.at_ns) == wanted]
    again, _ = feed_again(recorded, blueprint)
    names = [strategy.spec.name for strategy in blueprint.plan.strategies]
    refusals = again.core.engine.tape.rows("refusals")
    own = [item for item in refusals if int(item["instrument"]) == row and clock.day(int(item["ts_ns"])) == wanted]
    found += [_refused(item, names) for item in own]
    return DayReport(recorded.row.run_id, symbol, day.isoformat(), sorted(found, key=lambda one: one.at_ns))


def _sent(recorded: RecordedRun, symbol: str) -> list[Decided]:
    orders = {order.client_id: order for order in recorded.orders}
    dropped = {row.client_id: row.text for row in recorded.outbox if row.state == "DROPPED" and row.action == "submit"}
    made = []
    for intent in recorded.intents:
        order = orders.get(intent.client_id)
        if intent.symbol == symbol and order is not None:
            text = dropped.get(intent.client_id)
            what, outcome = ("order", _outcome(order)) if text is None else ("kept back", text)
            words = f"{order.side} {order.type} {order.intent}, {order.reason}"
            quantity = float(order.quantity)
            made.append(Decided(intent.created_ns, intent.strategy, what, words, quantity, outcome, intent.client_id))
    return made


def _outcome(order: OrderRecord) -> str:
    price = f" at {order.average_price}" if order.average_price else ""
    filled = f", filled {order.filled}{price}" if float(order.filled or 0) else ""
    return f"{order.state}{filled}" + (f": {order.text}" if order.text else "")


def _refused(row: Any, names: Sequence[str]) -> Decided:
    code = Refusal(int(row["refusal"]))
    words = f"{Side(int(row['side'])).name} {code.name}"
    sentence = REFUSALS.get(code, code.name)
    return Decided(int(row["ts_ns"]), names[int(row["strategy"])], "refused", words, float(row["quantity"]), sentence)
