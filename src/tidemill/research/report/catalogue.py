"""How each figure is named and written: its label and its unit; the definition comes with the figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tidemill.research.report.figures import DASH, count, money, percent, ratio

__all__ = ["CATALOGUE", "figure_text", "label_of"]

Format = Callable[[Any], str]


def _share(value: float | None) -> str:
    return DASH if value is None else count(100.0 * value, 1) + " %"


def _signed_share(value: float | None) -> str:
    return DASH if value is None else percent(100.0 * value)


def _level(value: float | None) -> str:
    return DASH if value is None else count(value, 2) + " %"


def _days(value: float | None) -> str:
    return DASH if value is None else count(value) + " days"


def _times(value: float | None) -> str:
    return DASH if value is None else count(value, 1) + " × a year"


def _amount(value: float | None) -> str:
    return count(value, 2)


def _duration(value: float | None) -> str:
    if value is None:
        return DASH
    for seconds, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if value >= 2 * seconds:
            return f"{count(value / seconds, 1)} {unit}"
    return f"{count(value)} s"


def _text(value: Any) -> str:
    return DASH if value is None else str(value)


CATALOGUE: dict[str, dict[str, tuple[str, Format]]] = {
    "Result": {
        "start_equity": ("Start equity", _amount),
        "final_equity": ("Final equity", _amount),
        "net_profit": ("Net profit", money),
        "total_return_pct": ("Total return", percent),
        "cagr_pct": ("CAGR", percent),
    },
    "Risk-adjusted": {
        "sharpe": ("Sharpe", ratio),
        "sharpe_ci_low": ("Sharpe, 95 % from", ratio),
        "sharpe_ci_high": ("Sharpe, 95 % to", ratio),
        "sortino": ("Sortino", ratio),
        "calmar": ("Calmar", ratio),
        "mar": ("MAR", ratio),
        "omega": ("Omega", ratio),
        "psr": ("Probabilistic Sharpe", _share),
        "dsr": ("Deflated Sharpe", _share),
        "trials": ("Trials counted", count),
        "min_trl": ("Days needed for significance", count),
        "upi": ("Ulcer performance", ratio),
        "serenity": ("Serenity", ratio),
    },
    "Risk": {
        "volatility_pct": ("Volatility", _level),
        "max_drawdown_pct": ("Max drawdown", percent),
        "max_drawdown_intrabar_pct": ("Max drawdown, within bars", percent),
        "max_drawdown_days": ("Length of the deepest", _days),
        "longest_drawdown_days": ("Longest drawdown", _days),
        "recovery_days": ("Recovery of the deepest", _days),
        "recovery_factor": ("Recovery factor", ratio),
        "ulcer_index": ("Ulcer index", ratio),
        "var_95": ("VaR 95 %, one day", _signed_share),
        "cvar_95": ("CVaR 95 %, one day", _signed_share),
        "var_99": ("VaR 99 %, one day", _signed_share),
        "cvar_99": ("CVaR 99 %, one day", _signed_share),
        "skew": ("Skew", ratio),
        "kurtosis": ("Kurtosis", ratio),
        "tail_ratio": ("Tail ratio", ratio),
    },
    "Trades": {
        "total_trades": ("Trades", count),
        "open_trades": ("Still open at the end", count),
        "wins": ("Wins", count),
        "losses": ("Losses", count),
        "breakeven": ("Breakeven", count),
        "win_rate": ("Win rate", _share),
        "profit_factor": ("Profit factor", ratio),
        "payoff": ("Payoff", ratio),
        "expectancy": ("Expectancy", money),
        "expectancy_r": ("Expectancy in R", ratio),
        "sqn": ("SQN", ratio),
        "average_win": ("Average win", money),
        "average_loss": ("Average loss", money),
        "largest_win": ("Largest win", money),
        "largest_loss": ("Largest loss", money),
        "longest_win_streak": ("Longest winning streak", count),
        "longest_loss_streak": ("Longest losing streak", count),
        "average_holding_seconds": ("Average holding time", _duration),
        "average_holding_bars": ("Average bars held", ratio),
        "kelly": ("Kelly", _share),
        "half_kelly": ("Half Kelly", _share),
        "efficiency": ("Efficiency", ratio),
        "mae_average_pct": ("MAE, average", _level),
        "mfe_average_pct": ("MFE, average", _level),
        "mae_median_pct": ("MAE, median", _level),
        "mfe_median_pct": ("MFE, median", _level),
    },
    "Sides": {
        "long_trades": ("Long trades", count),
        "long_win_rate": ("Long win rate", _share),
        "long_net_profit": ("Long net profit", money),
        "short_trades": ("Short trades", count),
        "short_win_rate": ("Short win rate", _share),
        "short_net_profit": ("Short net profit", money),
    },
    "Costs": {
        "fees": ("Fees", _amount),
        "fees_share_of_gross": ("Fees, share of gross profit", _share),
        "slippage": ("Slippage", _amount),
        "capacity": ("Capacity", _amount),
    },
    "Exposure": {
        "exposure_pct": ("Time in the market", _level),
        "gross_exposure_average_pct": ("Gross exposure, average", _level),
        "gross_exposure_max_pct": ("Gross exposure, highest", _level),
        "net_exposure_average_pct": ("Net exposure, average", percent),
        "net_exposure_max_pct": ("Net exposure, widest", percent),
        "leverage_average": ("Leverage while invested", ratio),
        "leverage_max": ("Leverage, highest", ratio),
        "turnover": ("Turnover", _times),
    },
    "Benchmark": {
        "benchmark_name": ("Benchmark", _text),
        "benchmark_return_pct": ("Benchmark return", percent),
        "alpha": ("Alpha, per year", _signed_share),
        "beta": ("Beta", ratio),
        "r2": ("R squared", ratio),
        "information_ratio": ("Information ratio", ratio),
        "tracking_error": ("Tracking error", _share),
        "treynor": ("Treynor", ratio),
    },
}


def _find(key: str) -> tuple[str, Format] | None:
    return next((rows[key] for rows in CATALOGUE.values() if key in rows), None)


def label_of(key: str) -> str:
    """Return the name under which a figure is shown."""
    known = _find(key)
    return known[0] if known else key.replace("_pct", " %").replace("_", " ").capitalize()


def figure_text(key: str, value: Any) -> str:
    """Return a figure as text in its unit, a dash when it is missing."""
    known = _find(key)
    if value is None:
        return DASH
    if known:
        return known[1](value)
    return count(value, 2) if isinstance(value, float) else _text(value)
