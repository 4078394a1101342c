"""Builds the state block of a run: header, tables, strategy memory, all parameters and settings in place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tidemill.engine.blocks import Block
from tidemill.engine.plan import CalendarPlan, EnginePlan, StrategyPlan, ZoneTable
from tidemill.model.bars import MINUTE_NS, SECOND_NS
from tidemill.model.enums import Rebalance
from tidemill.model.records import (
    ACCOUNT,
    CALENDAR,
    COMMAND,
    HEADER,
    INSTRUMENT,
    ORDER,
    PENDING,
    PROPOSAL,
    SESSION,
    SLOT,
    STRATEGY,
    TRANSITION,
    WINDOW,
)
from tidemill.model.settings import DAYS, StrategySettings
from tidemill.model.units import to_micros

__all__ = ["LAYOUT_VERSION", "build_state"]

LAYOUT_VERSION = 4
_LONG_AGO = -(2**62)


def _pairs(plan: EnginePlan) -> list[tuple[int, int]]:
    """Return (instrument, strategy) of every slot, neighbours by instrument."""
    pairs = []
    for row, instrument in enumerate(plan.instruments):
        for number, strategy in enumerate(plan.strategies):
            if not strategy.symbols or instrument.symbol in strategy.symbols:
                pairs.append((row, number))
    return pairs


def _memory_bytes(plan: StrategyPlan) -> int:
    return (plan.spec.layout.itemsize + 63) // 64 * 64


def _zones(plan: EnginePlan) -> list[ZoneTable]:
    windows = [item.window_zone for item in plan.strategies if item.window_zone is not None]
    return [item.zone for item in plan.calendars] + windows


def build_state(plan: EnginePlan) -> Block:
    """Return a fresh state block for a plan."""
    pairs = _pairs(plan)
    zones = _zones(plan)
    orders = max(16, 9 * len(pairs))  # three entries, and as many reducers twice: old ones may await their end
    memory = sum(_memory_bytes(plan.strategies[number]) for _, number in pairs)
    block = Block(
        HEADER,
        [
            ("instruments", INSTRUMENT, len(plan.instruments)),
            ("calendars", CALENDAR, len(plan.calendars)),
            ("accounts", ACCOUNT, 1),
            ("strategies", STRATEGY, len(plan.strategies)),
            ("slots", SLOT, len(pairs)),
            ("orders", ORDER, orders),
            ("commands", COMMAND, 3 * orders + 8),  # at most one submit, replace and cancel each
            ("proposals", PROPOSAL, 3 * len(pairs)),
            ("transitions", TRANSITION, sum(len(zone.ts_ns) for zone in zones)),
            ("sessions", SESSION, sum(len(item.day) for item in plan.calendars)),
            ("windows", WINDOW, sum(len(item.settings.windows()) for item in plan.strategies)),
            ("pendings", PENDING, len(pairs) if any(item.settings.gate for item in plan.strategies) else 0),
        ],
        memory,
    )
    header = block.header
    header["version"] = LAYOUT_VERSION
    header["mutable_bytes"] = block.size
    header["next_order_id"] = 1
    header["next_proposal_id"] = 1
    header["now_ns"] = _LONG_AGO
    header["day"] = _LONG_AGO
    header["next_roll_ns"] = _LONG_AGO
    _fill_orders(block, orders)
    starts = _fill_zones(block, zones)
    _fill_calendars(block, plan.calendars, starts)
    _fill_instruments(block, plan, pairs)
    _fill_account(block, plan)
    _fill_strategies(block, plan, starts[len(plan.calendars) :])
    _fill_slots(block, plan, pairs)
    return block


def _fill_orders(block: Block, orders: int) -> None:
    table = block.tables["orders"]
    table["next"] = np.arange(1, orders + 1)
    table["next"][-1] = -1


def _fill_zones(block: Block, zones: Sequence[ZoneTable]) -> list[int]:
    starts, at = [], 0
    table = block.tables["transitions"]
    for zone in zones:
        rows = len(zone.ts_ns)
        starts.append(at)
        table["ts_ns"][at : at + rows] = zone.ts_ns
        table["offset_ns"][at : at + rows] = zone.offset_ns
        at += rows
    return starts


def _fill_calendars(block: Block, calendars: Sequence[CalendarPlan], starts: Sequence[int]) -> None:
    table, sessions, at = block.tables["calendars"], block.tables["sessions"], 0
    for row, plan in enumerate(calendars):
        rows = len(plan.day)
        table[row]["zone"] = starts[row]
        table[row]["zone_rows"] = len(plan.zone.ts_ns)
        table[row]["roll_ns"] = plan.roll_minutes * MINUTE_NS
        table[row]["next_roll_ns"] = _LONG_AGO
        table[row]["day"] = _LONG_AGO
        table[row]["session"] = at
        table[row]["session_rows"] = rows
        for name in ("day", "pre_ns", "open_ns", "close_ns", "post_ns"):
            sessions[name][at : at + rows] = getattr(plan, name)
        at += rows


def _fill_instruments(block: Block, plan: EnginePlan, pairs: Sequence[tuple[int, int]]) -> None:
    table = block.tables["instruments"]
    for row, instrument in enumerate(plan.instruments):
        slots = [index for index, (owner, _) in enumerate(pairs) if owner == row]
        rate, inverse = plan.rates.get(row, (-1, False))
        values: dict[str, Any] = {
            "tick": instrument.tick_size,
            "lot": instrument.lot_size,
            "multiplier": instrument.multiplier,
            "margin": instrument.margin,
            "margined": int(instrument.is_margined),
            "calendar": plan.calendar_of[row],
            "rate_instrument": rate,
            "rate_inverse": int(inverse),
            "first_slot": slots[0] if slots else 0,
            "slot_count": len(slots),
            "last": np.nan,
            "bid": np.nan,
            "ask": np.nan,
            "last_ns": _LONG_AGO,
            "interval_ns": plan.intervals_ns[row],
        }
        for name, value in values.items():
            table[row][name] = value


def _fill_account(block: Block, plan: EnginePlan) -> None:
    account = block.tables["accounts"][0]
    account["cash"] = to_micros(plan.run.cash)
    account["day_start_equity"] = account["cash"]
    account["leverage"] = plan.run.leverage


def _fill_strategies(block: Block, plan: EnginePlan, window_starts: Sequence[int]) -> None:
    table = block.tables["strategies"]
    windows = iter(window_starts)
    at = 0
    for row, item in enumerate(plan.strategies):
        chosen, costs = item.settings, plan.run.costs
        hours = chosen.windows()
        block.tables["windows"][at : at + len(hours)] = list(hours)
        values: dict[str, Any] = {
            "memory_bytes": _memory_bytes(item),
            "interval_ns": item.interval_ns,
            "tickets": item.spec.tickets,
            "uses_clock": int("clock" in item.spec.arguments),
            "uses_book": int(item.spec.uses_book),
            "watches": int(_watches(chosen)),
            "sizing": int(chosen.sizing),
            "size_value": chosen.size_value,
            "allow_short": int(chosen.allow_short),
            "pyramiding": chosen.pyramiding,
            "entry_type": int(chosen.entry_type),
            "entry_tif": int(chosen.entry_tif),
            "limit_offset_pct": chosen.limit_offset_pct,
            "stop_loss_pct": chosen.stop_loss_pct,
            "take_profit_pct": chosen.take_profit_pct,
            "trailing_pct": chosen.trailing_stop_pct,
            "trailing_amount": chosen.trailing_stop_amount,
            "max_position_pct": chosen.max_position_pct,
            "max_open_positions": chosen.max_open_positions,
            "max_trades_per_day": chosen.max_trades_per_day,
            "daily_loss_pct": chosen.daily_loss_pct,
            "daily_loss_amount": to_micros(chosen.daily_loss_amount),
            "daily_loss_flatten": int(chosen.daily_loss_flatten),
            "window": at,
            "window_rows": len(hours),
            "window_days": sum(1 << DAYS.index(day) for day in chosen.window_days),
            "extended_hours": int(chosen.extended_hours),
            "rebalance": int(chosen.rebalance),
            "max_bars_held": chosen.max_bars_held,
            "min_confidence": chosen.min_confidence,
            "flat_before_close_ns": int(chosen.flat_before_close_min * MINUTE_NS),
            "estimated_fee_ratio": costs.commission_pct / 100.0,
            "estimated_fee_unit": costs.commission_per_unit,
            "warmup_bars": chosen.warmup_bars,
            "check_ns": chosen.check_interval_s * SECOND_NS,
            "holds": int(chosen.gate or not chosen.auto_execute),
            "signals_only": int(not chosen.auto_execute),
            "gate_ttl_ns": round(chosen.gate_ttl_s * 1e9),
        }
        at += len(hours)
        if item.window_zone is not None:
            values["window_zone"] = next(windows)
            values["window_zone_rows"] = len(item.window_zone.ts_ns)
        for name, value in values.items():
            table[row][name] = value


def _watches(chosen: StrategySettings) -> bool:
    """Tell whether settings act on open positions bar by bar."""
    timed = chosen.max_bars_held > 0 or chosen.flat_before_close_min > 0
    return timed or chosen.daily_loss_flatten or chosen.rebalance is not Rebalance.NEVER


def _fill_slots(block: Block, plan: EnginePlan, pairs: Sequence[tuple[int, int]]) -> None:
    table = block.tables["slots"]
    at = block.extra
    fresh = [item.spec.fresh_memory(item.params).view(np.uint8) for item in plan.strategies]
    for index, (instrument, strategy) in enumerate(pairs):
        table[index]["strategy"] = strategy
        table[index]["instrument"] = instrument
        table[index]["memory"] = at
        for name in ("entry_order", "exit_order", "stop_order", "target_order"):
            table[index][name] = -1
        table[index]["rebalance_day"] = _LONG_AGO
        table[index]["tickets"] = 3 * index
        block.tables["proposals"]["slot"][3 * index : 3 * index + 3] = index
        memory = fresh[strategy]
        block.bytes[at : at + len(memory)] = memory
        at += _memory_bytes(plan.strategies[strategy])
