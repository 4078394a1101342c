"""Tidemill: one compiled trading engine for backtest, paper and live.

Everything a strategy's author needs can be imported from here; each name is loaded when it is first asked for, so that
``import tidemill`` itself costs nothing. ``__init__.pyi`` tells editors and type checkers the same names.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_MODULES = {
    "authoring.fields": "Choice Memory Param",
    "authoring.indicators": (
        "ADX ATR EMA MACD OBV ROC RSI SMA VWAP WMA Bollinger Crossing Delay Donchian Ichimoku Keltner RollingMax "
        "RollingMin RollingStd RollingSum Stochastic TrueRange VolumeRatio Wilder ZScore"
    ),
    "authoring.registry": "load_strategy",
    "authoring.strategy": "Strategy",
    "kernel.proposals": "buy close go_long go_short oco sell then",
    "model.bars": "BarTable",
    "model.enums": "Reason Session Sizing",
    "model.errors": "TidemillError",
    "model.instrument": "Instrument",
    "model.settings": "Costs FillRules RunSettings StrategySettings",
    "services.backtests": "backtest",
    "services.entries": "StrategyRequest",
    "testing.strategies": "check_strategy",
}
_KERNELS = (
    "adx atr bollinger crossing delay donchian ema ichimoku keltner macd obv roc rolling_max rolling_min rolling_std "
    "rolling_sum rsi sma stochastic true_range volume_ratio vwap wilder wma zscore"
)
_WHERE = {name: module for module, names in _MODULES.items() for name in names.split()}
_WHERE |= {name: f"kernel.indicators.{name}" for name in _KERNELS.split()}

__all__ = sorted(_WHERE)  # noqa: PLE0605 - the tables above are the list


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for."""
    if name not in _WHERE:
        raise AttributeError(f"module 'tidemill' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"tidemill.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})
