"""Indicators as declarations: ``fast = SMA(window="fast_window")`` in a class body."""

from __future__ import annotations

from tidemill.authoring.fields import Indicator
from tidemill.kernel.indicators import crossing as _crossing
from tidemill.kernel.indicators import sma as _sma
from tidemill.kernel.indicators.spec import IndicatorSpec

__all__ = ["SMA", "Crossing"]


def SMA(**given: float | str) -> Indicator:
    return Indicator(_sma.SPEC, given)


def Crossing(**given: float | str) -> Indicator:
    return Indicator(_crossing.SPEC, given)
