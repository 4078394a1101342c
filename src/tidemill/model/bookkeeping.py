"""From fills to ledger entries, exactly; and the proof that a ledger is nothing but the replay of its fills.

The rule that books a fill is the rule that audits the books: ``verify_ledger`` books every fill again and compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact, InvalidOperation
from fractions import Fraction

from tidemill.model.errors import InvariantBroken, TapeBroken
from tidemill.model.journal import FillEntry, LedgerRow

__all__ = ["Bookkeeper", "Contract", "decimal_text", "sum_text", "verify_ledger"]

_MICROS = 1_000_000
# Wide enough for any sum of prices and quantities a broker writes down; a sum that would be rounded is an error.
_EXACT = Context(prec=200, traps=[Inexact, InvalidOperation])
_BOOKED = ("trade", "fee")
_SIGNS = {"BUY": 1, "SELL": -1}


def decimal_text(value: Decimal) -> str:
    """Return an exact number as plain decimal text: no exponent, no trailing zeros, no negative zero."""
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def sum_text(deltas: Iterable[str]) -> str:
    """Return the exact sum of decimal texts as decimal text."""
    total = Decimal(0)
    for delta in deltas:
        total = _EXACT.add(total, Decimal(delta))
    return decimal_text(total)


@dataclass(frozen=True, slots=True)
class Contract:
    """What booking needs to know about an instrument.

    Args:
        multiplier: money per point and unit, decimal text.
        is_margined: futures and FX pay or receive only results; stocks and coins pay their full value.
        currency: of price and result.
    """

    multiplier: str = "1"
    is_margined: bool = False
    currency: str = "USD"


@dataclass(slots=True)
class _Holding:
    """Open quantity of a margined instrument and what it was opened for, micros."""

    quantity: Fraction = Fraction(0)
    cost: int = 0


def _micros(amount: Fraction) -> int:
    """Return money as whole micros, halves rounded up, as the core does."""
    return int((amount * _MICROS + Fraction(1, 2)) // 1)


def _money(micros: int) -> str:
    return decimal_text(_EXACT.divide(Decimal(micros), Decimal(_MICROS)))


@dataclass(slots=True)
class Bookkeeper:
    """Turns fills into the movements of units, cash and fees they cause; give it the fills in order.

    A stock's fill moves its full value in cash. A margined contract's fill moves cash only by the result it realises,
    against average cost; what is opened is remembered, so a bookkeeper has to see an account's fills from the first
    on. A ``bust`` takes back what its fields tell; ``correct`` books like a real fill.

    Args:
        contracts: by symbol; one that is not there is a stock in US dollars.
    """

    contracts: Mapping[str, Contract] = field(default_factory=dict)
    _holdings: dict[tuple[str, str, str, str], _Holding] = field(default_factory=dict)

    def book(self, fill: FillEntry) -> list[LedgerRow]:
        """Return the ledger entries of one fill: units, cash (unless none moves), fee (unless there is none)."""
        contract = self.contracts.get(fill.symbol, Contract())
        if fill.side not in _SIGNS:
            raise InvariantBroken(f"Fill {fill.exec_id}: {fill.side!r} is no side; it has to be BUY or SELL.")
        sign = _SIGNS[fill.side] * (-1 if fill.kind == "bust" else 1)
        units = Fraction(fill.quantity) * sign
        price = Fraction(fill.price) * Fraction(contract.multiplier)
        cash = self._realise(fill, units, price) if contract.is_margined else -_micros(units * price)
        fee = -fill.fee_micros if fill.kind != "bust" else fill.fee_micros
        signed = decimal_text(_EXACT.multiply(Decimal(fill.quantity), Decimal(sign)))
        legs = [("units", "trade", fill.symbol, signed)]
        legs += [("cash", "trade", contract.currency, _money(cash))] if cash else []
        legs += [("fee", "fee", contract.currency, _money(fee))] if fee else []
        head = f"{fill.broker}|{fill.account}|{fill.exec_id}"
        return [
            LedgerRow(f"{head}|{leg}", fill.run_id, fill.account, kind, asset, delta, fill.ts_ns)
            for leg, kind, asset, delta in legs
        ]

    def _realise(self, fill: FillEntry, units: Fraction, price: Fraction) -> int:
        """Move a margined holding by a fill and return the result it realises, micros."""
        key = (fill.broker, fill.account, fill.run_id, fill.symbol)
        held = self._holdings.setdefault(key, _Holding())
        before, after = held.quantity, held.quantity + units
        held.quantity = after
        value = _micros(units * price)
        if before * units >= 0:
            held.cost += value
            return 0
        if before * after > 0:
            released = int((held.cost * -units / before + Fraction(1, 2)) // 1)
            held.cost -= released
            return -value - released
        opened = _micros(after * price)  # what flips to the other side
        released, held.cost = held.cost, opened
        return opened - value - released


def verify_ledger(
    fills: Iterable[FillEntry], ledger: Iterable[LedgerRow], contracts: Mapping[str, Contract] | None = None
) -> None:
    """Prove that cash and positions are the replay of the fills, to the last digit.

    Args:
        fills: all of an account or of a run, in order of booking.
        ledger: its entries; deposits, dividends, splits and adjustments are taken as they are.
        contracts: as they were booked with.

    Raises:
        TapeBroken: names the first fill that is not booked as it was made, or the first entry no fill explains.
    """
    booked = {row.ref: row for row in ledger if row.kind in _BOOKED}
    keeper = Bookkeeper(contracts or {})
    for fill in fills:
        for wanted in keeper.book(fill):
            found = booked.pop(wanted.ref, None)
            if found is None:
                raise TapeBroken(f"Fill {fill.exec_id} of {fill.symbol}: its {wanted.kind} is not in the ledger.")
            same = (found.run_id, found.account, found.kind, found.asset) == (
                wanted.run_id,
                wanted.account,
                wanted.kind,
                wanted.asset,
            )
            if not same or Decimal(found.delta) != Decimal(wanted.delta):
                raise TapeBroken(
                    f"Fill {fill.exec_id} of {fill.symbol}: the ledger says {found.delta} {found.asset}, "
                    f"the fill {wanted.delta} {wanted.asset}; restore a backup."
                )
    if booked:
        row = next(iter(booked.values()))
        raise TapeBroken(f"Ledger entry {row.ref} ({row.delta} {row.asset}) belongs to no fill; restore a backup.")
