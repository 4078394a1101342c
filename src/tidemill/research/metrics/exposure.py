"""How much was at work, how much was turned over, and what it cost."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tidemill.model.runrecord import RunRecord
from tidemill.model.units import MICROS
from tidemill.research.metrics.sheet import Sheet

__all__ = ["capacity", "describe_costs", "describe_exposure", "participation"]

_CAPACITY_SHARE = 0.01  # of a bar's volume
_CAPACITY_QUANTILE = 0.95  # of the fills


def describe_exposure(record: RunRecord, sheet: Sheet) -> None:
    """Write time in the market, gross and net exposure in percent of equity, and leverage."""
    days = record.days
    marks, active = int(days["marks"].sum()), int(days["marks_open"].sum())
    why = "no equity marks"
    sheet.put("exposure_pct", 100.0 * active / marks if marks else None, why)
    sheet.put(
        "gross_exposure_average_pct",
        100.0 * float(days["gross_sum"].sum()) / marks if marks else None,
        why,
    )
    peak = float(days["gross_max"].max()) if len(days) else math.nan
    sheet.put("gross_exposure_max_pct", 100.0 * peak, why)
    sheet.put(
        "net_exposure_average_pct",
        100.0 * float(days["net_sum"].sum()) / marks if marks else None,
        why,
    )
    solvent = days[days["equity"] > 0]
    net = solvent["net"] / solvent["equity"]
    sheet.put(
        "net_exposure_max_pct",
        100.0 * float(net[np.argmax(np.abs(net))]) if len(net) else None,
        why,
    )
    invested = float(days["gross_sum"].sum()) / active if active else None
    sheet.put("leverage_average", invested, "never in the market")
    sheet.put("leverage_max", peak, why)


def participation(record: RunRecord) -> NDArray[np.float64]:
    """Return each fill's quantity as a share of its bar's volume, for the fills whose bar has a volume."""
    shares = []
    for row, bars in enumerate(record.bars):
        own = record.fills[record.fills["instrument"] == row]
        if len(own) == 0 or len(bars) == 0:
            continue
        at = np.clip(np.searchsorted(bars.ts, own["ts_ns"], side="right") - 1, 0, None)
        volume = bars.volume[at]
        shares.append((own["quantity"][volume > 0] / volume[volume > 0]).astype(np.float64))
    return np.concatenate(shares) if shares else np.zeros(0)


def capacity(record: RunRecord) -> float:
    """Return the account size at which 95 % of the fills stay within 1 % of their bar's volume, account currency.

    ``mean equity * 1 % / 95th percentile of participation``. A rule of thumb of ours; NaN without volumes.
    """
    shares = participation(record)
    if len(shares) == 0 or len(record.days) == 0:
        return math.nan
    typical = float(np.quantile(shares, _CAPACITY_QUANTILE))
    return float(record.days["equity"].mean()) / MICROS * _CAPACITY_SHARE / typical


def describe_costs(record: RunRecord, sheet: Sheet) -> None:
    """Write turnover, fees, slippage and capacity; needs ``net_profit`` on the sheet."""
    days, fills = record.days, record.fills
    mean_equity = float(days["equity"].mean()) if len(days) else 0.0
    years = len(days) / record.periods_per_year
    turned = float(days["traded"].sum()) / mean_equity / years if mean_equity > 0 else None
    sheet.put("turnover", turned, "no trading day")
    fees = int(fills["fee"].sum()) / MICROS
    gross = sheet.number("net_profit") + fees
    sheet.put("fees", fees)
    sheet.put(
        "fees_share_of_gross",
        fees / gross if gross > 0 else None,
        "no profit before fees",
    )
    sheet.put("slippage", int(fills["slippage"].sum()) / MICROS)
    sheet.put("capacity", capacity(record), "no fills on bars with a volume")
