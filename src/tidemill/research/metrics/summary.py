"""Every figure of a run on one page, and what they add up to in plain words."""

from __future__ import annotations

from typing import Any

from tidemill.model.runrecord import RunRecord
from tidemill.model.units import MICROS
from tidemill.research.metrics.benchmark import describe_benchmark
from tidemill.research.metrics.definitions import DEFINITIONS
from tidemill.research.metrics.drawdown import describe_drawdowns
from tidemill.research.metrics.exposure import describe_costs, describe_exposure
from tidemill.research.metrics.returns import describe_returns
from tidemill.research.metrics.risk import describe_tails
from tidemill.research.metrics.sharpe import describe_sharpe
from tidemill.research.metrics.sheet import Sheet
from tidemill.research.metrics.track import Track, external_flows, track_of
from tidemill.research.metrics.trades import describe_trades
from tidemill.research.trials import TrialCount

__all__ = ["summarise", "verdict"]

_SAMPLING = "daily, at the session close"
_CONFIDENT = 0.95
_MIN_DAYS = 60
_MIN_TRADES = 30


def summarise(record: RunRecord, trials: TrialCount | None = None, *, rf: float = 0.0) -> dict[str, Any]:
    """Return every metric of a finished run, ready for JSON: numbers, None where undefined, never NaN.

    Args:
        record: the finished run.
        trials: how many settings were tried before this one; None counts as one and says so.
        rf: risk-free rate per year, ratio.

    Returns:
        One entry per key of ``DEFINITIONS``, in that order; ``notes`` maps keys to sentences that say why a figure
        is missing or what to know about it. Money is in the account currency.
    """
    track, sheet = track_of(record, rf), Sheet()
    _describe_basis(record, track, sheet)
    describe_returns(track, sheet)
    describe_tails(track, sheet)
    describe_drawdowns(record, track, sheet)
    describe_sharpe(track, trials, sheet)
    describe_exposure(record, sheet)
    describe_costs(record, sheet)
    describe_trades(record.trips, sheet)
    describe_benchmark(record, track, sheet)
    _describe_flows(record, track, sheet)
    return {key: sheet.notes if key == "notes" else sheet.values[key] for key in DEFINITIONS}


def _describe_basis(record: RunRecord, track: Track, sheet: Sheet) -> None:
    final = int(record.days["equity"][-1]) if len(record.days) else record.start_cash
    flows = int(external_flows(record).sum())
    sheet.put("start_equity", record.start_cash / MICROS)
    sheet.put("final_equity", final / MICROS)
    sheet.put("net_profit", (final - record.start_cash - flows) / MICROS)
    sheet.put("n", track.n)
    sheet.put("periods_per_year", track.periods_per_year)
    sheet.put("rf", track.rf)
    sheet.put("sampling", _SAMPLING)


def _describe_flows(record: RunRecord, track: Track, sheet: Sheet) -> None:
    moved = external_flows(record)
    if moved.any():
        total = int(moved.sum()) / MICROS
        sheet.note(
            "total_return_pct",
            f"deposits less withdrawals of {total:,.2f} {record.currency} are left out",
        )
    if track.ruined:
        sheet.note("total_return_pct", "equity fell to zero or below; ratios stop at that day")


def verdict(metrics: dict[str, Any]) -> str:
    """Return what the figures of :func:`summarise` prove, in plain words and without flattery."""
    n, trades = metrics["n"], metrics["total_trades"]
    if trades == 0:
        return "No trades were made, so there is nothing to judge."
    if metrics["dsr"] is None:
        return f"No verdict: {metrics['notes'].get('dsr', 'the deflated Sharpe ratio is undefined')}."
    tried = "1 trial" if metrics["trials"] == 1 else f"{metrics['trials']:,} trials"
    opening = f"After {tried} the deflated Sharpe ratio is {_floored(metrics['dsr'])}"
    if n < _MIN_DAYS:
        return f"{opening}; too few data: {_count(n, 'day')} and {_count(trades, 'trade')} prove nothing yet."
    return f"{opening}; {_judgement(metrics)}{_caution(metrics)}"


def _judgement(metrics: dict[str, Any]) -> str:
    if metrics["sharpe"] <= 0:
        return "the run earned no more than the risk-free rate, so no edge is shown."
    if metrics["dsr"] >= _CONFIDENT:
        return "above 0.95, so luck alone is an unlikely explanation of the past; the future is not promised."
    missing = metrics["min_trl"] - metrics["n"]
    if missing <= 0:
        return "below 0.95: long enough, but after this many trials luck is still a fair explanation."
    months = max(1, round(12.0 * missing / metrics["periods_per_year"]))
    return f"below 0.95, so luck is not ruled out: {_count(months, 'more month')} like these would be needed."


def _caution(metrics: dict[str, Any]) -> str:
    parts = []
    if metrics["total_trades"] < _MIN_TRADES:
        parts.append(f" Only {_count(metrics['total_trades'], 'trade')}: the trade figures say little.")
    if "dsr" in metrics["notes"]:
        parts.append(f" Note: {metrics['notes']['dsr']}.")
    return "".join(parts)


def _floored(probability: float) -> str:
    """Two decimals, rounded down, so that 0.9499 never reads as the bar it missed."""
    return f"{int(probability * 100 + 1e-9) / 100:.2f}"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
