"""How many units an entry buys or sells when the strategy names none.

Sources: fixed and percent sizes after the usual order tickets; risk percent = money at risk divided by the distance to
the stop (Van Tharp); Kelly f = W - (1 - W)/R from the strategy's own closed round trips (Kelly 1956), which needs at
least ten of them and is capped at one half.
"""

from __future__ import annotations

import math
from typing import Any

from tidemill.kernel.access import account_of, instrument_at, slot_at, strategy_at
from tidemill.kernel.compile import kernel
from tidemill.kernel.money import floor_lot, rate_of
from tidemill.model.enums import Sizing

__all__ = ["affordable", "buying_power", "kelly_fraction", "position_cap", "size_entry", "target_units", "unit_cost"]

_FIXED = int(Sizing.FIXED)
_FIXED_AMOUNT = int(Sizing.FIXED_AMOUNT)
_PERCENT = int(Sizing.PERCENT)
_RISK = int(Sizing.RISK_PERCENT)
_KELLY = int(Sizing.KELLY)
_FALLBACK_RATIO = 0.02  # without a stop or a track record: two percent of equity
_KELLY_CAP = 0.5
_KELLY_MIN_TRIPS = 10


@kernel
def buying_power(account: Any) -> float:
    """Return the money that new entries may still use: equity times leverage less what is open or reserved.

    What the broker allows takes the place of equity times leverage where it is lower.
    """
    allowed = (account.cash + account.market) * account.leverage
    if account.ceiling > 0 and account.ceiling < allowed:
        allowed = float(account.ceiling)
    return (allowed - account.blocked - account.reserved) / 1_000_000.0


@kernel
def unit_cost(state: int, instrument: int, settings: Any, price: float) -> float:
    """Return the buying power that one unit takes, fees included, in the account's currency."""
    ins = instrument_at(state, instrument)
    value = price * ins.multiplier * rate_of(state, instrument)
    blocked = ins.margin if ins.margined == 1 else value
    return blocked + value * settings.estimated_fee_ratio + settings.estimated_fee_unit


@kernel
def kelly_fraction(settings: Any) -> float:
    """Return the Kelly share of equity from closed trips, 2 % before there are ten, never below 0 or above 0.5."""
    if settings.trips < _KELLY_MIN_TRIPS:
        return _FALLBACK_RATIO
    losses = settings.trips - settings.wins
    if settings.wins == 0:
        return 0.0
    if losses == 0 or settings.lost == 0:
        return min(settings.size_value, _KELLY_CAP)
    win_rate = settings.wins / settings.trips
    payoff = (settings.won / settings.wins) / (settings.lost / losses)
    fraction = win_rate - (1.0 - win_rate) / payoff
    return min(max(fraction * settings.size_value, 0.0), _KELLY_CAP)


@kernel
def _share(state: int, settings: Any) -> float:
    """Return the share of equity that a percent-like sizing method gives one position."""
    if settings.sizing == _PERCENT:
        return settings.size_value / 100.0
    if settings.sizing == _KELLY:
        return kelly_fraction(settings)
    if settings.sizing == _RISK:
        return _FALLBACK_RATIO
    places = settings.max_open_positions
    return 1.0 / places if places > 0 else settings.size_value / 100.0


@kernel
def target_units(state: int, index: int, price: float, stop: float) -> float:
    """Return the unrounded size of a position at ``price``, before any cap."""
    slot = slot_at(state, index)
    settings = strategy_at(state, slot.strategy)
    ins = instrument_at(state, slot.instrument)
    if settings.sizing == _FIXED:
        return settings.size_value
    value = price * ins.multiplier * rate_of(state, slot.instrument)
    if not (value > 0.0):
        return 0.0
    if settings.sizing == _FIXED_AMOUNT:
        return settings.size_value / value
    account = account_of(state, settings.account)
    equity = (account.cash + account.market) / 1_000_000.0
    if settings.sizing == _RISK and stop > 0.0 and stop != price:
        distance = abs(price - stop) * ins.multiplier * rate_of(state, slot.instrument)
        return equity * settings.size_value / 100.0 / distance
    return equity * _share(state, settings) / value


@kernel
def affordable(state: int, index: int, price: float) -> float:
    """Return the units that the account's buying power still allows at ``price``."""
    slot = slot_at(state, index)
    settings = strategy_at(state, slot.strategy)
    cost = unit_cost(state, slot.instrument, settings, price)
    power = buying_power(account_of(state, settings.account))
    if not (power > 0.0):
        return 0.0
    return power / cost if cost > 0.0 else power


@kernel
def position_cap(state: int, index: int, price: float) -> float:
    """Return the largest position the settings allow, in units: by value; futures and FX by margin."""
    slot = slot_at(state, index)
    settings = strategy_at(state, slot.strategy)
    ins = instrument_at(state, slot.instrument)
    unit = ins.margin if ins.margined == 1 else price * ins.multiplier * rate_of(state, slot.instrument)
    if settings.max_position_pct <= 0.0 or not (unit > 0.0):
        return math.inf
    account = account_of(state, settings.account)
    return (account.cash + account.market) / 1_000_000.0 * settings.max_position_pct / 100.0 / unit


@kernel
def _stop_for_sizing(settings: Any, side: int, price: float, stop: float) -> float:
    """Return the protective stop an entry will have: its own, else the settings'."""
    if stop > 0.0:
        return stop
    if settings.stop_loss_pct > 0.0:
        return price * (1.0 - side * settings.stop_loss_pct / 100.0)
    return 0.0


@kernel
def size_entry(state: int, index: int, side: int, price: float, stop: float) -> float:
    """Return the quantity of an entry, on the lot, never above the cap per position.

    Sizes that follow equity are cut to what the account can pay for; fixed ones are not, so that the guard can say no.
    """
    slot = slot_at(state, index)
    settings = strategy_at(state, slot.strategy)
    ins = instrument_at(state, slot.instrument)
    units = target_units(state, index, price, _stop_for_sizing(settings, side, price, stop))
    if settings.sizing != _FIXED and settings.sizing != _FIXED_AMOUNT:
        units = min(units, affordable(state, index, price), position_cap(state, index, price))
    return floor_lot(units, ins.lot)
