"""Use case: what would have become of a recorded run under other settings, on the very market it saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from typing import Any

from tidemill.adapters.calendars import get_calendar
from tidemill.engine.engine import Engine
from tidemill.model.bars import BarTable
from tidemill.model.enums import OrderType, Side, Sizing
from tidemill.model.errors import ConfigError, UnknownName
from tidemill.model.parsing import parse_enum
from tidemill.model.settings import Costs, FillRules, RunSettings, StrategySettings
from tidemill.research.backtest import BacktestJob, record_of
from tidemill.research.flight.sent import SentOrder, pair_orders, sent_orders
from tidemill.research.flight.words import instant_text
from tidemill.research.metrics import summarise
from tidemill.research.planning import Entrant, plan_run
from tidemill.research.result import BacktestResult
from tidemill.services.flights import fly
from tidemill.services.parity import feed_again
from tidemill.services.recorded import Blueprint, RecordedRun, bars_of_tape, names_of

__all__ = ["COMPARED", "WhatIf", "changed", "what_if"]

COMPARED = (
    "final_equity",
    "net_profit",
    "total_return_pct",
    "sharpe",
    "max_drawdown_pct",
    "total_trades",
    "win_rate",
    "profit_factor",
    "fees",
)
_OF_RUN = ("cash", "leverage")


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Both runs of one tape.

    Args:
        changes: what was set otherwise, as text. before, after: the run as it was, and as it would have been.
        orders_before, orders_after: sent. shared: decisions both made.
        first_difference: the first order that only one of them sent, in words; empty when there is none.
    """

    changes: Mapping[str, str]
    before: BacktestResult
    after: BacktestResult
    orders_before: int
    orders_after: int
    shared: int
    first_difference: str

    def document(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "changes": dict(self.changes),
            "orders": {"before": self.orders_before, "after": self.orders_after, "shared": self.shared},
            "first_difference": self.first_difference,
            "metrics": {
                name: {"before": self.before.metrics.get(name), "after": self.after.metrics.get(name)}
                for name in self.after.metrics
                if name != "notes"
            },
        }


def what_if(
    recorded: RecordedRun,
    blueprint: Blueprint,
    changes: Mapping[str, str],
    *,
    without: Sequence[str] = (),
    command: str = "",
    created_at: str = "",
) -> WhatIf:
    """Run a tape's market again under other settings, and set the result beside what the run made of it.

    People's orders and halts on the tape stay where they were; the guard's refusals do not, they were of other orders.

    Args:
        recorded: the run, of which the hash chain is proven. blueprint: what it was built from.
        changes: settings, costs, fill rules or parameters by name. without: names of risk rules to leave out.
        command, created_at: for the report.

    Raises:
        UnknownName, ConfigError: a change cannot be made. DataError: there are no bars on the tape yet.
        StrategyError: an ordinary Python strategy raised.
    """
    bars = bars_of_tape(recorded.tape, [item.symbol for item in blueprint.plan.instruments])
    for table in bars:
        table.meta["simulated"] = blueprint.is_simulated
    other = changed(blueprint, bars, changes, without)
    again, _ = feed_again(recorded, blueprint)
    core = fly(recorded.tape, other, names_of(recorded.row, other))
    before = _result(blueprint, bars, again.core.engine, recorded.row.mode.upper(), command, created_at)
    after = _result(other, bars, core.engine, "REPLAY", command, created_at)
    one, two = sent_orders(again.core.engine), sent_orders(core.engine)
    pairs, alone, rest = pair_orders(one, two)
    symbols = [item.symbol for item in blueprint.plan.instruments]
    told = dict(changes) | {f"without {name}": "left out" for name in without}
    return WhatIf(told, before, after, len(one), len(two), len(pairs), _first(alone, rest, symbols))


def _result(
    blueprint: Blueprint, bars: Sequence[BarTable], engine: Engine, mode: str, command: str, created_at: str
) -> BacktestResult:
    plan = blueprint.plan
    job = BacktestJob(
        blueprint.entrants, bars, plan.instruments, plan.run, blueprint.rules, get_calendar, None, blueprint.form, False
    )
    record = record_of(job, plan, engine, None)
    record.mode = mode
    return BacktestResult(record, summarise(record), command=command, created_at=created_at)


def _first(alone: Sequence[SentOrder], rest: Sequence[SentOrder], symbols: Sequence[str]) -> str:
    """Return the first order that only one run sent, in words."""
    found = [(order.created_ns, order.number, "only the run", order) for order in alone]
    found += [(order.created_ns, order.number, "only the replay", order) for order in rest]
    if not found:
        return ""
    _, _, who, order = min(found, key=lambda item: item[:2])
    units = f"{order.quantity:g} " if order.quantity else ""  # what a sibling filled is taken off an order
    words = f"{Side(order.side).name} {units}{symbols[order.instrument]} {OrderType(order.type).name}"
    return f"{instant_text(order.created_ns)}: {who} sent {words}."


def changed(
    blueprint: Blueprint, bars: Sequence[BarTable], changes: Mapping[str, str], without: Sequence[str] = ()
) -> Blueprint:
    """Return a blueprint with some things set otherwise.

    Args:
        bars: what the plan is made over. changes: by name; ``stop_loss`` means ``stop_loss_pct``.

    Raises:
        UnknownName, ConfigError: a change cannot be made.
    """
    rules = {rule.name: rule for rule in blueprint.rules}
    for name in without:
        if name not in rules:
            raise UnknownName("risk rule", name, rules)
    entrants, run = list(blueprint.entrants), blueprint.plan.run
    for key, text in changes.items():
        entrants, run = _set(entrants, run, key.replace("-", "_"), text)
    plan = plan_run(entrants, bars, blueprint.plan.instruments, run, get_calendar)
    kept = [rule for rule in blueprint.rules if rule.name not in without]
    return replace(blueprint, plan=plan, rules=kept, entrants=entrants)


def _set(entrants: list[Entrant], run: RunSettings, key: str, text: str) -> tuple[list[Entrant], RunSettings]:
    """Set one thing: a parameter of the strategies that have it, else a setting, else a cost or fill rule."""
    owners = [number for number, entrant in enumerate(entrants) if key in entrant.spec.params]
    if owners:
        for number in owners:
            entrant = entrants[number]
            entrants[number] = replace(entrant, params=entrant.spec.read_params({**entrant.params, key: text}))
        return entrants, run
    for part, cls in (("settings", StrategySettings), ("costs", Costs), ("fills", FillRules)):
        name = next((n for n in (key, f"{key}_pct", f"{key}_ms") if n in cls.__dataclass_fields__), "")
        if name and part == "settings":
            values = _values(run.settings, name, text)
            entrants = [
                replace(item, settings=replace(item.settings, **values)) if item.settings is not None else item
                for item in entrants
            ]
            return entrants, replace(run, settings=replace(run.settings, **values))
        if name:
            own = getattr(run, part)
            return entrants, replace(run, **{part: replace(own, **_values(own, name, text))})
    if key in _OF_RUN:
        return entrants, replace(run, **_values(run, key, text))
    known = [field.name for cls in (StrategySettings, Costs, FillRules) for field in fields(cls)]
    own = [name for entrant in entrants for name in entrant.spec.params]
    raise UnknownName("setting or parameter", key, {*known, *own, *_OF_RUN})


def _values(owner: Any, name: str, text: str) -> dict[str, Any]:
    """Return what a text sets: one field, or a method with its value (``percent:10``)."""
    before = getattr(owner, name)
    word, colon, rest = text.strip().partition(":")
    if isinstance(before, IntEnum):
        kind = type(before)
        values: dict[str, Any] = {name: parse_enum(kind, word, name)}
        if colon:
            values["size_value" if kind is Sizing else "slippage_value"] = _number(name, rest)
        return values
    if isinstance(before, bool):
        if text.lower() not in {"true", "false"}:
            raise ConfigError(f"{name} must be true or false, not {text!r}.")
        return {name: text.lower() == "true"}
    if isinstance(before, tuple):
        return {name: tuple(part.strip().upper() for part in text.split(","))}
    if isinstance(before, str):
        return {name: "" if text.lower() == "none" else text}
    number = _number(name, text)
    return {name: int(number) if isinstance(before, int) else number}


def _number(name: str, text: str) -> float:
    try:
        return float(text.strip().removesuffix("%"))
    except ValueError:
        raise ConfigError(f"{name} must be a number, not {text!r}.") from None
