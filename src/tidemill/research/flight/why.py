"""Why a bar led to what it led to: what the strategy saw, proposed and was answered, step by step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tidemill.authoring.conditions.reading import read_aloud
from tidemill.authoring.conditions.tree import Tree, met_on, tree_of_text
from tidemill.authoring.strategy import StrategySpec
from tidemill.engine.engine import Engine
from tidemill.model.answers import REFUSALS
from tidemill.model.bars import SECOND_NS
from tidemill.model.enums import Intent, OrderType, Reason, Refusal, Side, Sizing
from tidemill.model.units import MICROS
from tidemill.research.flight.conditions import Condition
from tidemill.research.flight.questions import Answer, Asked, Questions

__all__ = ["Proposal", "Seen", "Witness"]

_ENTRY = int(Intent.ENTRY)

Number = float | int | str | None


@dataclass(frozen=True, slots=True)
class Seen:
    """One field of a strategy's memory around a bar: a parameter, a memory or an indicator's output."""

    name: str
    kind: str
    before: Number
    after: Number


@dataclass(slots=True)
class Proposal:
    """One thing a strategy proposed on a bar.

    Args:
        side, intent, type, reason: in words. quantity, price: as sized. limit_price, stop_price, stop_loss,
            take_profit: prices, 0 for none.
        sizing: method and figures it came from; empty for exits, which are sized by the position.
        checks: every check in the order the core makes them, each answered by itself.
        refusal: why the core refused it, empty when it became an order.
        order: number of the order it became, 0 for none.
    """

    side: str
    intent: str
    type: str
    reason: str
    quantity: float
    price: float
    limit_price: float
    stop_price: float
    stop_loss: float
    take_profit: float
    sizing: Mapping[str, Number] = field(default_factory=dict)
    checks: Sequence[Answer] = ()
    refusal: str = ""
    order: int = 0


class Witness:
    """Looks at one slot of an engine around one bar.

    Args:
        engine: about to take the bar. questions: in the guard's place. slot: row of the slot.
        spec: its strategy. name: as in the run.
    """

    def __init__(self, engine: Engine, questions: Questions, slot: int, spec: StrategySpec) -> None:
        self._engine, self._questions, self._slot, self._spec = engine, questions, slot, spec
        self._form = engine.steps[int(engine.state.tables["slots"][slot]["strategy"])].form
        self._before = self._memory()

    def _memory(self) -> dict[tuple[str, str], Number]:
        """Return the strategy's declared fields as they stand."""
        if self._form == "callback":
            return {}
        row = self._row()
        found: dict[tuple[str, str], Number] = {
            ("parameter", key): _number(row[key]) for key, item in self._spec.params.items() if item.is_number
        }
        found |= {("parameter", key): _read_aloud(text) for key, text in self._trees().items()}
        found |= {("memory", key): _number(row[key]) for key in self._spec.memory}
        for key, item in self._spec.indicators.items():
            outputs = item.spec.outputs
            for output in outputs:
                name = key if len(outputs) == 1 else f"{key}.{output}"
                found[item.spec.name, name] = _number(row[key][output])
        return found

    def _row(self) -> Any:
        """Return the slot's memory as one record."""
        at = int(self._engine.state.tables["slots"][self._slot]["memory"])
        layout = self._spec.layout
        return self._engine.state.bytes[at : at + layout.itemsize].view(layout)[0]

    def _trees(self) -> dict[str, str]:
        """Return the condition trees among the strategy's parameters, as text."""
        given = self._engine.plan.strategies[int(self._engine.state.tables["slots"][self._slot]["strategy"])].params
        return {key: str(given[key]) for key, item in self._spec.params.items() if isinstance(item, Tree)}

    def tree_conditions(self) -> list[Condition]:
        """Return every condition of the strategy's trees in the order the kernel asked them on the bar."""
        row = self._row()
        return [
            Condition(0, f"{item.side}: {item.text}", item.answer is True, dict(item.numbers))
            for key, text in self._trees().items()
            for item in met_on(text, row[key])
        ]

    def seen(self) -> list[Seen]:
        """Return the strategy's fields before and after the bar; none of an ordinary Python object."""
        after = self._memory()
        return [Seen(name, kind, before, after[kind, name]) for (kind, name), before in self._before.items()]

    def proposals(self, refusals: Any) -> list[Proposal]:
        """Return what was proposed on the bar.

        Args:
            refusals: REFUSAL_ROW rows of the turn.
        """
        slot = self._engine.state.tables["slots"][self._slot]
        strategy = self._engine.state.tables["strategies"][int(slot["strategy"])]
        own = [row for row in refusals if self._is_own(row, slot)]
        found = []
        for number in range(int(strategy["tickets"])):
            index = int(slot["tickets"]) + number
            ticket = self._engine.state.tables["proposals"][index]
            if int(ticket["side"]):
                found.append(self._proposal(index, own))
        return found

    @staticmethod
    def _is_own(row: Any, slot: Any) -> bool:
        return int(row["strategy"]) == int(slot["strategy"]) and int(row["instrument"]) == int(slot["instrument"])

    def _proposal(self, index: int, refusals: list[Any]) -> Proposal:
        ticket = self._engine.state.tables["proposals"][index].copy()
        is_entry = int(ticket["intent"]) == _ENTRY
        order = int(ticket["order_id"]) if is_entry else self._exit_order()
        refused = Refusal(int(refusals.pop(0)["refusal"])) if refusals and not order else Refusal.NONE
        made = Proposal(
            side=Side(int(ticket["side"])).name,
            intent=Intent(int(ticket["intent"])).name,
            type=OrderType(max(int(ticket["type"]), 0)).name,
            reason=Reason(int(ticket["reason"])).name,
            quantity=float(ticket["quantity"]),
            price=float(ticket["price"]) if is_entry else 0.0,
            limit_price=float(ticket["limit_price"]),
            stop_price=float(ticket["stop_price"]),
            stop_loss=float(ticket["stop_loss"]),
            take_profit=float(ticket["take_profit"]),
            refusal=REFUSALS[refused] if refused is not Refusal.NONE else "",
            order=order,
        )
        if is_entry:
            asked = self._questions.asked.get(index) or self._questions.ask(index)
            made.sizing = self._sizing(asked)
            made.checks = [*self._shape(ticket), *asked.answers]
        return made

    def _exit_order(self) -> int:
        tables = self._engine.state.tables
        row = int(tables["slots"][self._slot]["exit_order"])
        return int(tables["orders"][row]["id"]) if row >= 0 else 0

    def _sizing(self, asked: Asked) -> dict[str, Number]:
        tables, slot = self._engine.state.tables, self._engine.state.tables["slots"][self._slot]
        strategy = tables["strategies"][int(slot["strategy"])]
        account = tables["accounts"][0]
        figures = {name: value if math.isfinite(value) else None for name, value in asked.figures.items()}
        return {
            "method": Sizing(int(strategy["sizing"])).name.lower(),
            "size_value": float(strategy["size_value"]),
            "equity": (int(account["cash"]) + int(account["market"])) / MICROS,
            "price": float(asked.ticket["price"]),
            **figures,
            "lot": float(tables["instruments"][int(slot["instrument"])]["lot"]),
            "quantity": float(asked.ticket["quantity"]),
        }

    def _shape(self, ticket: Any) -> list[Answer]:
        """Return the checks no rule is asked for: price, quantity, protection, warm-up."""
        slot = self._engine.state.tables["slots"][self._slot]
        strategy = self._engine.state.tables["strategies"][int(slot["strategy"])]
        side, price = int(ticket["side"]), float(ticket["price"])
        stop, target = float(ticket["stop_loss"]), float(ticket["take_profit"])
        units = float(ticket["quantity"])
        reachable = target <= 0.0 or side * (target - price) > 0.0
        warm, seen = int(strategy["warmup_bars"]), int(slot["bars_seen"])
        return [
            _answer("price", price > 0.0, Refusal.NO_PRICE, {"price": price}),
            _answer("quantity", units > 0.0, Refusal.BAD_QUANTITY, {"quantity": units}),
            _answer("stop_side", stop <= 0.0 or side * (price - stop) > 0.0, Refusal.BAD_STOP, {"stop_loss": stop}),
            _answer("target_side", reachable, Refusal.BAD_TARGET, {"take_profit": target}),
            self._looked_at(int(strategy["check_ns"])),
            _answer("warm_up", not warm or seen > warm, Refusal.WARMING_UP, {"bars_seen": seen, "warmup_bars": warm}),
        ]

    def _looked_at(self, check_ns: int) -> Answer:
        """Return whether a scheduler looked at this bar: proposals in between are passed over."""
        event = self._engine.state.header[0]["event"]
        is_seen = not check_ns or (-int(event["now_ns"])) % check_ns < int(event["interval_ns"])
        numbers: dict[str, float | int | str] = {"check_interval_s": check_ns / SECOND_NS}
        sentence = "" if is_seen else "No look at the market fell on this bar; what was proposed is passed over."
        return Answer("looked_at", "passed" if is_seen else "BETWEEN_LOOKS", not is_seen, numbers, sentence)


def _read_aloud(text: str) -> str:
    return read_aloud(tree_of_text(text)).replace("\n", " ")


def _answer(name: str, passes: bool, refusal: Refusal, numbers: Mapping[str, Any]) -> Answer:
    told = {key: _number(value) or 0 for key, value in numbers.items()}
    return Answer(name, "passed" if passes else refusal.name, not passes, told, "" if passes else REFUSALS[refusal])


def _number(value: Any) -> Number:
    """Return a number of a record as JSON knows it; None where nothing is known yet."""
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float):
        return plain if math.isfinite(plain) else None
    return plain if isinstance(plain, int | str) else str(plain)
