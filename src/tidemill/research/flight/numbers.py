"""The numbers each rule looks at, as a person wants to see them beside its verdict."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tidemill.engine.engine import Engine
from tidemill.model.units import MICROS

__all__ = ["Facts", "Numbers", "numbers_of"]

Numbers = dict[str, float | int | str]
_DAY_NS = 86_400_000_000_000


@dataclass(slots=True)
class Facts:
    """Where a rule's numbers stand.

    Args:
        engine: in the middle of a turn. ticket: the proposal. figures: of its size.
    """

    engine: Engine
    ticket: Any
    figures: Mapping[str, float]

    @property
    def slot(self) -> Any:
        """Return the position's row."""
        return self.engine.state.tables["slots"][int(self.ticket["slot"])]

    @property
    def strategy(self) -> Any:
        """Return the strategy's row."""
        return self.engine.state.tables["strategies"][int(self.slot["strategy"])]

    @property
    def account(self) -> Any:
        """Return the account's row."""
        return self.engine.state.tables["accounts"][int(self.strategy["account"])]

    @property
    def header(self) -> Any:
        """Return the header."""
        return self.engine.state.header[0]


def _pick(row: Any, *names: str) -> Numbers:
    return {name: row[name].item() for name in names}


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _halted(facts: Facts) -> Numbers:
    return _pick(facts.header, "halted")


def _short_allowed(facts: Facts) -> Numbers:
    return {"side": int(facts.ticket["side"]), **_pick(facts.strategy, "allow_short")}


def _pyramiding(facts: Facts) -> Numbers:
    working = int(facts.slot["entry_order"]) >= 0
    return {
        **_pick(facts.slot, "quantity", "entries"),
        "entry_working": int(working),
        **_pick(facts.strategy, "pyramiding"),
    }


def _session_window(facts: Facts) -> Numbers:
    row = facts.strategy
    first, count = int(row["window"]), int(row["window_rows"])
    windows = facts.engine.state.tables["windows"][first : first + count]
    hours = ", ".join(f"{_clock(int(item['start_min']))}-{_clock(int(item['end_min']))}" for item in windows)
    days = f"{int(row['window_days']):07b}"[::-1]
    return {"window": hours or "always", "days_monday_first": days, "now_ns": int(facts.header["now_ns"])}


def _extended_hours(facts: Facts) -> Numbers:
    is_daily = int(facts.header["event"]["interval_ns"]) >= _DAY_NS
    return {**_pick(facts.strategy, "extended_hours"), "is_daily_bar": int(is_daily)}


def _daily_loss(facts: Facts) -> Numbers:
    row = facts.strategy
    lost = int(row["day_start_result"]) - int(row["cash"]) - int(row["market"])
    return {
        "lost_today": lost / MICROS,
        "limit_amount": int(row["daily_loss_amount"]) / MICROS,
        "limit_pct": float(row["daily_loss_pct"]),
        "day_start_equity": int(facts.account["day_start_equity"]) / MICROS,
    }


def _max_trades(facts: Facts) -> Numbers:
    return _pick(facts.strategy, "opened_today", "pending_entries", "max_trades_per_day")


def _confidence(facts: Facts) -> Numbers:
    return {"stated": float(facts.ticket["confidence"]), **_pick(facts.strategy, "min_confidence")}


def _max_positions(facts: Facts) -> Numbers:
    return _pick(facts.strategy, "open_positions", "pending_entries", "max_open_positions")


def _max_position_size(facts: Facts) -> Numbers:
    return {
        "held_units": float(facts.slot["quantity"]),
        "asked_units": float(facts.ticket["quantity"]),
        "cap_units": facts.figures["cap_units"] if math.isfinite(facts.figures["cap_units"]) else "none",
        "max_position_pct": float(facts.strategy["max_position_pct"]),
    }


def _buying_power(facts: Facts) -> Numbers:
    need = float(facts.ticket["quantity"]) * facts.figures["unit_cost"]
    return {"needed": need, "buying_power": facts.figures["buying_power"]}


_NUMBERS: dict[str, Callable[[Facts], Numbers]] = {
    "halted": _halted,
    "short_allowed": _short_allowed,
    "pyramiding": _pyramiding,
    "session_window": _session_window,
    "extended_hours": _extended_hours,
    "daily_loss": _daily_loss,
    "max_trades": _max_trades,
    "confidence": _confidence,
    "max_positions": _max_positions,
    "max_position_size": _max_position_size,
    "buying_power": _buying_power,
}


def numbers_of(rule: str, facts: Facts) -> Numbers:
    """Return what a rule looks at; nothing of a plug-in's rule."""
    told = _NUMBERS.get(rule)
    return told(facts) if told is not None else {}
