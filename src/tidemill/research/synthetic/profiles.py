"""The fictional symbols and what each of them is like."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from tidemill.model.errors import ConfigError
from tidemill.model.instrument import AssetClass, Instrument

__all__ = ["SymbolProfile", "profile_of"]


@dataclass(frozen=True, slots=True)
class SymbolProfile:
    """The character of one fictional symbol.

    Args:
        instrument: what the platform trades.
        ticks_per_unit: price steps in one unit of currency (100 for cents).
        start_price: price before the first session, quote currency.
        annual_vol: yearly volatility as a ratio (0.2 = 20 %).
        market_share: part of the variance that comes from the common factor; two symbols correlate at the root of
            the product of their shares.
        trades_per_minute: mean number of trades in regular hours.
        night_trades_per_minute: mean number of trades outside them (futures only).
        lot: size of a round lot.
        mean_lots: mean number of lots per trade beyond the first.
        spread_factor: quoted spread in units of the price's move between two trades; the spread is never below
            one tick.
        dividend_yield: yearly dividends as a ratio of the price.
        carry: yearly cost of carry as a ratio; a quarter of it is the basis between two futures contracts.
        phase: shift of splits, dividends and earnings in sessions, so that symbols do not act on the same day.
    """

    instrument: Instrument
    ticks_per_unit: int
    start_price: float
    annual_vol: float
    market_share: float
    trades_per_minute: float
    night_trades_per_minute: float
    lot: int
    mean_lots: float
    spread_factor: float
    dividend_yield: float
    carry: float
    phase: int

    @property
    def symbol(self) -> str:
        """The symbol."""
        return self.instrument.symbol

    @property
    def is_future(self) -> bool:
        """Whether it trades the long hours of futures, rolls, and has neither splits nor dividends."""
        return self.instrument.asset_class is AssetClass.FUTURE


def _stock(
    symbol: str, price: float, vol: float, share: float, rate: float, spread: float, income: float, phase: int
) -> SymbolProfile:
    return SymbolProfile(Instrument(symbol), 100, price, vol, share, rate, 0.0, 100, 1.2, spread, income, 0.0, phase)


def _future(symbol: str) -> SymbolProfile:
    instrument = Instrument(
        symbol, AssetClass.FUTURE, 0.25, 1.0, 20.0, 25_000.0, "USD", "CME", "America/New_York", -420
    )
    return SymbolProfile(instrument, 4, 16_000.0, 0.19, 0.52, 20.0, 2.0, 1, 1.0, 0.15, 0.0, 0.04, 0)


_KNOWN = {
    "SIMA": _stock("SIMA", 100.0, 0.22, 0.52, 45.0, 2.4, 0.024, 0),
    "SIMB": _stock("SIMB", 160.0, 0.26, 0.52, 16.0, 2.4, 0.016, 5),
    "SIMQ": _future("SIMQ"),
}


def profile_of(symbol: str) -> SymbolProfile:
    """Return the character of a fictional symbol; names beyond SIMA, SIMB and SIMQ are further stocks.

    Raises:
        ConfigError: the name does not begin with SIM, so that it could be taken for a real one.
    """
    if symbol in _KNOWN:
        return _KNOWN[symbol]
    if not symbol.startswith("SIM") or len(symbol) > 8 or not symbol.isalnum():
        raise ConfigError(
            f"{symbol!r} could be taken for a real symbol; names of the synthetic market begin with SIM "
            "(SIMA, SIMB, SIMQ, SIMC ...)."
        )
    traits = hashlib.sha256(symbol.encode()).digest()
    price = 60.0 + traits[0] % 96
    vol = 0.18 + (traits[1] % 9) / 100.0
    return _stock(symbol, price, vol, 0.52, 14.0 + traits[2] % 20, 2.4, (traits[3] % 4) / 100.0, 2 + traits[4] % 13)
