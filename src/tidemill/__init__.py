"""Tidemill: one compiled trading engine for backtest, paper and live."""

__version__ = "0.1.0"
