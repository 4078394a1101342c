from tidemill.authoring.fields import Choice, Memory, Param
from tidemill.authoring.indicators import (
    ADX,
    ATR,
    EMA,
    MACD,
    OBV,
    ROC,
    RSI,
    SMA,
    VWAP,
    WMA,
    Bollinger,
    Crossing,
    Delay,
    Donchian,
    Ichimoku,
    Keltner,
    RollingMax,
    RollingMin,
    RollingStd,
    RollingSum,
    Stochastic,
    TrueRange,
    VolumeRatio,
    Wilder,
    ZScore,
)
from tidemill.authoring.registry import load_strategy
from tidemill.authoring.strategy import Strategy
from tidemill.kernel.indicators.adx import adx
from tidemill.kernel.indicators.atr import atr
from tidemill.kernel.indicators.bollinger import bollinger
from tidemill.kernel.indicators.crossing import crossing
from tidemill.kernel.indicators.delay import delay
from tidemill.kernel.indicators.donchian import donchian
from tidemill.kernel.indicators.ema import ema
from tidemill.kernel.indicators.ichimoku import ichimoku
from tidemill.kernel.indicators.keltner import keltner
from tidemill.kernel.indicators.macd import macd
from tidemill.kernel.indicators.obv import obv
from tidemill.kernel.indicators.roc import roc
from tidemill.kernel.indicators.rolling_max import rolling_max
from tidemill.kernel.indicators.rolling_min import rolling_min
from tidemill.kernel.indicators.rolling_std import rolling_std
from tidemill.kernel.indicators.rolling_sum import rolling_sum
from tidemill.kernel.indicators.rsi import rsi
from tidemill.kernel.indicators.sma import sma
from tidemill.kernel.indicators.stochastic import stochastic
from tidemill.kernel.indicators.true_range import true_range
from tidemill.kernel.indicators.volume_ratio import volume_ratio
from tidemill.kernel.indicators.vwap import vwap
from tidemill.kernel.indicators.wilder import wilder
from tidemill.kernel.indicators.wma import wma
from tidemill.kernel.indicators.zscore import zscore
from tidemill.kernel.proposals import buy, close, go_long, go_short, oco, sell, then
from tidemill.model.bars import BarTable
from tidemill.model.enums import Reason, Session, Sizing
from tidemill.model.errors import TidemillError
from tidemill.model.instrument import Instrument
from tidemill.model.settings import Costs, FillRules, RunSettings, StrategySettings
from tidemill.services.backtests import backtest
from tidemill.services.entries import StrategyRequest
from tidemill.testing.strategies import check_strategy

__version__: str

__all__ = [
    "ADX",
    "ATR",
    "EMA",
    "MACD",
    "OBV",
    "ROC",
    "RSI",
    "SMA",
    "VWAP",
    "WMA",
    "BarTable",
    "Bollinger",
    "Choice",
    "Costs",
    "Crossing",
    "Delay",
    "Donchian",
    "FillRules",
    "Ichimoku",
    "Instrument",
    "Keltner",
    "Memory",
    "Param",
    "Reason",
    "RollingMax",
    "RollingMin",
    "RollingStd",
    "RollingSum",
    "RunSettings",
    "Session",
    "Sizing",
    "Stochastic",
    "Strategy",
    "StrategyRequest",
    "StrategySettings",
    "TidemillError",
    "TrueRange",
    "VolumeRatio",
    "Wilder",
    "ZScore",
    "adx",
    "atr",
    "backtest",
    "bollinger",
    "buy",
    "check_strategy",
    "close",
    "crossing",
    "delay",
    "donchian",
    "ema",
    "go_long",
    "go_short",
    "ichimoku",
    "keltner",
    "load_strategy",
    "macd",
    "obv",
    "oco",
    "roc",
    "rolling_max",
    "rolling_min",
    "rolling_std",
    "rolling_sum",
    "rsi",
    "sell",
    "sma",
    "stochastic",
    "then",
    "true_range",
    "volume_ratio",
    "vwap",
    "wilder",
    "wma",
    "zscore",
]
