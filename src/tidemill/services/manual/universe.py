"""What people may trade by hand unless somebody says otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from tidemill.model.errors import ConfigError
from tidemill.model.instrument import FUTURES
from tidemill.services.fleet.making import check_symbols

__all__ = ["ROOTS", "STOCKS", "contracts", "is_contract_of", "universe"]

# Roots of quarterly contracts, and how many quarters back and ahead of today are traded.
ROOTS: dict[str, tuple[int, int]] = {
    "NQ": (5, 4),
    "MNQ": (5, 4),
    "ES": (1, 2),
    "MES": (1, 2),
    "YM": (1, 2),
    "MYM": (1, 2),
    "RTY": (1, 2),
    "M2K": (1, 2),
}
STOCKS: tuple[str, ...] = (
    *("AAPL", "MSFT", "GOOGL", "GOOG", "AMZN", "NVDA", "TSLA", "META", "AVGO", "BRK.B"),
    *("JPM", "V", "MA", "UNH", "XOM", "JNJ", "PG", "HD", "COST", "AMD", "NFLX", "BAC", "KO", "WMT"),
    *("SPY", "QQQ", "IWM", "DIA", "GLD", "TLT"),
)
_NAMED = ("NQZ5",)  # stands in every printed example of the source
_QUARTERS = "HMUZ"  # March, June, September, December
_USUAL = (1, 2)


def contracts(root: str, back: int, ahead: int, today: datetime) -> tuple[str, ...]:
    """Return the quarterly contracts of a root around a day: ``NQZ5`` expires in December of a year that ends in 5."""
    now = today.year * 4 + (today.month - 1) // 3
    return tuple(f"{root}{_QUARTERS[quarter % 4]}{quarter // 4 % 10}" for quarter in range(now - back, now + ahead + 1))


def is_contract_of(symbol: str, roots: Sequence[str]) -> bool:
    """Tell whether a symbol is one of the roots or a contract of one (``NQZ5``, ``NQZ25``)."""
    plain = symbol.upper()
    stem = plain.rstrip("0123456789")
    return plain in roots or (stem != plain and stem[:-1] in roots)


def universe(now_ns: int, symbols: Sequence[str] = (), roots: Sequence[str] = ()) -> tuple[str, ...]:
    """Return what may be traded: the named symbols, and quarterly contracts of the named roots; else the usual list.

    Args:
        now_ns: today, UTC nanoseconds.

    Raises:
        ConfigError: a symbol cannot be one, a root is no future, or there are more than a hundred.
    """
    today = datetime.fromtimestamp(now_ns // 1_000_000_000, UTC)
    is_usual = not symbols and not roots
    chosen = ROOTS if is_usual else {root.upper(): ROOTS.get(root.upper(), _USUAL) for root in roots}
    for root in chosen:
        if root not in FUTURES:
            raise ConfigError(f"{root[:24]!r} is no root of a future; known: {', '.join(FUTURES)}.")
    made = [item for root, (back, ahead) in chosen.items() for item in contracts(root, back, ahead, today)]
    plain = [symbol.strip().upper() for symbol in symbols]
    return check_symbols([*made, *(_NAMED if "NQ" in chosen else ()), *(STOCKS if is_usual else plain)])
