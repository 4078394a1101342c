"""Every rule asked about one proposal, at the very moment the core asks its guard: also those after a refusal."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidemill.authoring.rules import RuleSpec
from tidemill.engine.engine import Engine
from tidemill.engine.generated import generate_entry
from tidemill.kernel.access import account_of, proposal_at, slot_at, strategy_at
from tidemill.kernel.compile import JIT
from tidemill.kernel.memory import register, store_float
from tidemill.kernel.sizing import affordable, buying_power, position_cap, target_units, unit_cost
from tidemill.model.enums import Refusal
from tidemill.research.flight.numbers import Facts, numbers_of

__all__ = ["FIGURES", "Answer", "Asked", "Questions"]

FIGURES = ("target_units", "affordable_units", "cap_units", "unit_cost", "buying_power")
_SOURCE = """\
# Generated questions about a proposal; safe to delete.
def entry(state, index, out):
    ticket = proposal_at(state, index)
    slot = slot_at(state, ticket.slot)
    settings = strategy_at(state, slot.strategy)
    stop = ticket.stop_loss
    if stop <= 0.0 and settings.stop_loss_pct > 0.0:
        stop = ticket.price * (1.0 - ticket.side * settings.stop_loss_pct / 100.0)
    store_float(out, 0, target_units(state, ticket.slot, ticket.price, stop))
    store_float(out, 1, affordable(state, ticket.slot, ticket.price))
    store_float(out, 2, position_cap(state, ticket.slot, ticket.price))
    store_float(out, 3, unit_cost(state, slot.instrument, settings, ticket.price))
    store_float(out, 4, buying_power(account_of(state, settings.account)))
{rules}
    return 0
"""
_NAMES = {
    "account_of": account_of,
    "affordable": affordable,
    "buying_power": buying_power,
    "position_cap": position_cap,
    "proposal_at": proposal_at,
    "slot_at": slot_at,
    "store_float": store_float,
    "strategy_at": strategy_at,
    "target_units": target_units,
    "unit_cost": unit_cost,
}
_GUARD = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
_QUESTIONS = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one check said.

    Args:
        name: of the check. verdict: ``passed``, or what it refuses with. is_refused: whether it stands in the way.
        numbers: what it looked at, by name. sentence: what a refusal means.
    """

    name: str
    verdict: str
    is_refused: bool
    numbers: dict[str, float | int | str]
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A proposal as the guard saw it.

    Args:
        ticket: a copy of its row. figures: of its size, by ``FIGURES``. answers: of the rules, in their order.
    """

    ticket: Any
    figures: dict[str, float]
    answers: list[Answer]


class Questions:
    """Takes the guard's place in an engine and asks each rule by itself.

    Args:
        engine: whose guard it becomes while ``listen`` is on.
        rules: in their order.
    """

    def __init__(self, engine: Engine, rules: Sequence[RuleSpec]) -> None:
        self._engine, self._rules = engine, list(rules)
        self._own = int(engine.code[1])
        first = len(FIGURES)
        lines = [f"    store_float(out, {first + at}, 1.0 * RULE{at}(state, index))" for at in range(len(self._rules))]
        names = {**_NAMES, **{f"RULE{at}": rule.check for at, rule in enumerate(self._rules)}}
        identity = [f"{rule.name}:{rule.check.__module__}" for rule in self._rules]
        self._bound = generate_entry("questions", _SOURCE.format(rules="\n".join(lines)), names, identity, 3)
        self._all: Any = _QUESTIONS(self._bound.address) if JIT else self._bound.keep
        self.asked: dict[int, Asked] = {}
        self._failure: BaseException | None = None
        self._callback = _GUARD(self._answer)
        address = ctypes.cast(self._callback, ctypes.c_void_p).value if JIT else register(self._answer)
        self._address = int(address or 0)

    def listen(self, is_on: bool) -> None:
        """Take the guard's place, or give it back; raises what went wrong there meanwhile."""
        self._engine.code[1] = self._address if is_on else self._own
        if self._failure is not None:
            raise self._failure
        if is_on:
            self.asked.clear()

    def _answer(self, state: int, index: int) -> int:
        try:
            self.asked[index] = found = self.ask(index, state)
        except BaseException as error:  # noqa: BLE001 - crosses C code; kept and raised again after the turn
            self._failure = error
            return int(Refusal.HALTED)
        refused = next((answer for answer in found.answers if answer.is_refused), None)
        return int(Refusal[refused.verdict]) if refused is not None else 0

    def ask(self, index: int, state: int = 0) -> Asked:
        """Ask every rule about the proposal in a row of the table, as things stand now."""
        state = state or self._engine.state.address
        out = np.zeros(len(FIGURES) + len(self._rules))
        self._all(state, index, int(out.ctypes.data))
        named = dict(zip(FIGURES, out.tolist(), strict=False))
        ticket = self._engine.state.tables["proposals"][index].copy()
        facts = Facts(self._engine, ticket, named)
        answers = []
        for rule, answer in zip(self._rules, out[len(FIGURES) :], strict=True):
            code = Refusal(int(answer))
            refused = code is not Refusal.NONE
            numbers = numbers_of(rule.name, facts)
            verdict = code.name if refused else "passed"
            answers.append(Answer(rule.name, verdict, refused, numbers, rule.sentence if refused else ""))
        return Asked(ticket, named, answers)
