"""Splits, dividends and contract rolls: the printed price drops or jumps, the holder's wealth does not.

Each stock pays four dividends and makes one split a year. A split is two for one while the price is at or above
its usual level and one for two below it, so that long histories keep a readable price.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidemill.model.actions import CORPORATE_ACTION
from tidemill.model.enums import EventKind
from tidemill.research.synthetic.profiles import SymbolProfile
from tidemill.research.synthetic.sessions import SessionSchedule
from tidemill.research.synthetic.stable import Floats

__all__ = ["ROLL", "RawFactors", "raw_factors", "roll_days"]

ROLL = np.dtype(
    [
        ("symbol", "U32"),
        ("ex_day", "<i8"),
        ("ts_ns", "<i8"),
        ("old_contract", "U16"),
        ("new_contract", "U16"),
        ("gap", "<f8"),
    ]
)
"""One row per contract roll: from ``ts_ns`` on prices are those of the new contract, ``gap`` points higher."""

_YEAR = 252
_QUARTER = 63
_FIRST_SPLIT = 24
_FIRST_DIVIDEND = 12
_USUAL_LEVEL = 0.7
_MONTH_CODES = {3: "H", 6: "M", 9: "U", 12: "Z"}


@dataclass(frozen=True, slots=True)
class RawFactors:
    """What turns the efficient price into the printed one.

    Args:
        price: float64[days], printed price per efficient price.
        shares: float64[days], shares now per share at the start.
        actions: CORPORATE_ACTION[...], splits and dividends.
        rolls: ROLL[...], contract rolls.
    """

    price: Floats
    shares: Floats
    actions: NDArray[np.void]
    rolls: NDArray[np.void]


def roll_days(days: NDArray[np.datetime64]) -> dict[int, tuple[str, str]]:
    """Return session number -> month codes of the old and the new contract.

    CME Group's equity index futures expire on the third Friday of March, June, September and December and roll on
    the Monday before it.

    Args:
        days: datetime64[D][n], trading days.
    """
    months = np.arange(days[0].astype("datetime64[M]"), days[-1].astype("datetime64[M]") + 1)
    quarterly = [month for month in months if month.astype(int) % 12 + 1 in _MONTH_CODES]
    rolls = {}
    for month in quarterly:
        friday = np.busday_offset(month.astype("datetime64[D]"), 2, roll="forward", weekmask="Fri")
        row = int(np.searchsorted(days, friday - 4))
        if 0 < row < len(days):
            rolls[row] = (_contract(month), _contract(month + 3))
    return rolls


def _contract(month: np.datetime64) -> str:
    number = int(month.astype(int))
    return f"{_MONTH_CODES[number % 12 + 1]}{(1970 + number // 12) % 100:02d}"


def _printed(profile: SymbolProfile, efficient: float) -> float:
    return float(np.rint(efficient * profile.ticks_per_unit)) / profile.ticks_per_unit


def _stock_factors(profile: SymbolProfile, hours: SessionSchedule, closes: Floats) -> RawFactors:
    days = len(hours.day)
    price, shares = np.ones(days), np.ones(days)
    rows = []
    level, held = 1.0, 1.0
    for day in range(1, days):
        before = _printed(profile, float(closes[day - 1]) * level)
        split = day % _YEAR == (_FIRST_SPLIT + profile.phase) % _YEAR
        cash = 0.0
        if day % _QUARTER == (_FIRST_DIVIDEND + profile.phase) % _QUARTER:
            cash = _printed(profile, before * profile.dividend_yield / 4.0)
        if split:
            ratio = 2.0 if before >= _USUAL_LEVEL * profile.start_price else 0.5
            level, held = level / ratio, held * ratio
            rows.append((day, EventKind.SPLIT, ratio))
        elif cash > 0.0:
            level *= 1.0 - cash / before
            rows.append((day, EventKind.DIVIDEND, cash))
        price[day], shares[day] = level, held
    actions = np.array(
        [
            (profile.symbol, int(hours.day[day].astype(np.int64)), int(hours.open_ns[day]), kind, value)
            for day, kind, value in rows
        ],
        dtype=CORPORATE_ACTION,
    )
    return RawFactors(price, shares, actions, np.zeros(0, ROLL))


def _future_factors(profile: SymbolProfile, hours: SessionSchedule, closes: Floats) -> RawFactors:
    days = len(hours.day)
    price = np.ones(days)
    rows = []
    level = 1.0
    planned = roll_days(hours.day)
    for day in range(1, days):
        if day in planned:
            before = _printed(profile, float(closes[day - 1]) * level)
            gap = _printed(profile, before * profile.carry / 4.0)
            level *= 1.0 + gap / before
            old, new = (profile.symbol + code for code in planned[day])
            rows.append((profile.symbol, int(hours.day[day].astype(np.int64)), int(hours.open_ns[day]), old, new, gap))
        price[day] = level
    return RawFactors(price, np.ones(days), np.zeros(0, CORPORATE_ACTION), np.array(rows, dtype=ROLL))


def raw_factors(profile: SymbolProfile, hours: SessionSchedule, closes: Floats) -> RawFactors:
    """Return what splits, dividends and rolls do to the printed price.

    Args:
        closes: float64[days], efficient closing price of each day without any action.
    """
    make = _future_factors if profile.is_future else _stock_factors
    return make(profile, hours, closes)
