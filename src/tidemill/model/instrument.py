"""What can be traded, and the grid its prices and quantities live on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from tidemill.model.errors import ConfigError

__all__ = ["FUTURES", "AssetClass", "Instrument", "infer_instrument"]


class AssetClass(StrEnum):
    """The kinds of instrument Tidemill trades; each has its own cash and session rules."""

    STOCK = "stock"
    FUTURE = "future"
    CRYPTO = "crypto"
    FX = "fx"


@dataclass(frozen=True, slots=True)
class Instrument:
    """One tradable thing.

    Args:
        symbol: the user's name for it.
        asset_class: stocks and crypto pay their full value; futures and FX post margin.
        tick_size: smallest price step, quote currency; 0 means prices are taken as they come.
        lot_size: smallest quantity step (1 share, 1 contract, 0.0001 coin).
        multiplier: money per point and unit (NQ: 20 USD).
        margin: money per unit blocked while a margined position is open (futures, FX); 0 with asset classes
            that pay in full.
        currency: currency of price and result.
        calendar: name of the exchange calendar (``XNYS``, ``CME``, ``24/7``, ``FX``).
        zone: IANA zone of the exchange; windows and trading days default to it.
        day_roll_minutes: minutes after local midnight at which a new trading day begins; negative is the evening
            before (CME: -420, 17:00 of the previous evening).
        sector: for limits by sector; empty: not known.
    """

    symbol: str
    asset_class: AssetClass = AssetClass.STOCK
    tick_size: float = 0.01
    lot_size: float = 1.0
    multiplier: float = 1.0
    margin: float = 0.0
    currency: str = "USD"
    calendar: str = "XNYS"
    zone: str = "America/New_York"
    day_roll_minutes: int = 0
    sector: str = ""

    def __post_init__(self) -> None:
        if not self.symbol:
            raise ConfigError("An instrument needs a symbol; give --symbol NAME.")
        if not (self.tick_size >= 0 and self.lot_size > 0 and self.multiplier > 0 and self.margin >= 0):
            raise ConfigError(
                f"{self.symbol}: tick size and margin must be zero or more, lot size and multiplier above zero."
            )

    @property
    def is_margined(self) -> bool:
        """Whether a position posts margin instead of paying its value."""
        return self.asset_class in (AssetClass.FUTURE, AssetClass.FX)


def _future(symbol: str, tick: float, multiplier: float, margin: float) -> Instrument:
    return Instrument(symbol, AssetClass.FUTURE, tick, 1.0, multiplier, margin, "USD", "CME", "America/New_York", -420)


# Contract sizes are CME Group's contract specifications; margins are round planning figures below one day's
# exchange margin in calm markets. Set your broker's own with --margin.
FUTURES: dict[str, Instrument] = {
    root: _future(root, tick, multiplier, margin)
    for root, tick, multiplier, margin in (
        ("NQ", 0.25, 20.0, 25_000.0),
        ("MNQ", 0.25, 2.0, 2_500.0),
        ("ES", 0.25, 50.0, 18_000.0),
        ("MES", 0.25, 5.0, 1_800.0),
        ("RTY", 0.1, 50.0, 8_000.0),
        ("M2K", 0.1, 5.0, 800.0),
        ("YM", 1.0, 5.0, 12_000.0),
        ("MYM", 1.0, 0.5, 1_200.0),
        ("CL", 0.01, 1_000.0, 7_000.0),
        ("GC", 0.1, 100.0, 14_000.0),
    )
}

_CRYPTO = ("BTC", "ETH", "SOL", "XRP", "LTC", "DOGE")
_CURRENCIES = ("USD", "EUR", "JPY", "GBP", "CHF", "AUD", "NZD", "CAD")
_MONTH_CODES = "FGHJKMNQUVXZ"


def infer_instrument(symbol: str) -> Instrument:
    """Guess an instrument from its symbol: a futures root or contract, a currency pair, a coin, else a US stock."""
    name = symbol.upper()
    root = name.rstrip("0123456789")
    if name in FUTURES:
        return replace(FUTURES[name], symbol=symbol)
    if root != name and root[-1:] in _MONTH_CODES and root[:-1] in FUTURES:
        return replace(FUTURES[root[:-1]], symbol=symbol)
    plain = name.replace("-", "").replace("/", "").replace("_", "")
    if plain.startswith(_CRYPTO):
        return Instrument(symbol, AssetClass.CRYPTO, 0.0, 1e-8, 1.0, 0.0, "USD", "24/7", "UTC", 0)
    if len(plain) == 6 and plain[:3] in _CURRENCIES and plain[3:] in _CURRENCIES:
        tick = 0.001 if plain[3:] == "JPY" else 0.00001
        return Instrument(symbol, AssetClass.FX, tick, 1.0, 1.0, 0.0, plain[3:], "FX", "America/New_York", -420)
    return Instrument(symbol)
