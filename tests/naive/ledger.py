"""A slow, plain ledger: cash and cost as whole micros, quantities and prices as decimals."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal

MILLION = Decimal(1_000_000)
HALF = Decimal("0.5")


def whole(value: Decimal) -> int:
    """Round to the nearest whole number, halves up."""
    return int((value + HALF).to_integral_value(ROUND_FLOOR))


def micros(amount: Decimal) -> int:
    """Return money as whole millionths."""
    return whole(amount * MILLION)


@dataclass
class Holding:
    """A strategy's position in one instrument."""

    multiplier: Decimal
    margin: Decimal
    is_margined: bool
    quantity: Decimal = Decimal(0)
    cost: int = 0
    value: int = 0  # contribution to equity, account micros
    notional: int = 0
    entry_units: Decimal = Decimal(0)
    entry_value: Decimal = Decimal(0)

    @property
    def average(self) -> Decimal:
        """Return the average entry price of the position."""
        return self.entry_value / self.entry_units

    def trade(self, side: int, quantity: Decimal, price: Decimal) -> tuple[int, int]:
        """Book a fill; return its notional and its realised result in micros of the quote currency."""
        paid = micros(quantity * price * self.multiplier)
        held = self.quantity
        self.quantity += side * quantity
        if held * side >= 0:
            if held == 0:
                self.entry_units = self.entry_value = Decimal(0)
            self.cost += side * paid
            self.entry_units += quantity
            self.entry_value += quantity * price
            return paid, 0
        if quantity < abs(held):
            released = whole(self.cost * (quantity / abs(held)))
            self.cost -= released
            return paid, -side * paid - released
        closing = micros(abs(held) * price * self.multiplier)
        realised = -side * closing - self.cost
        self.cost = side * (paid - closing)
        self.entry_units = abs(self.quantity)
        self.entry_value = abs(self.quantity) * price
        return paid, realised

    def mark(self, price: Decimal, rate: Decimal) -> None:
        """Value the position."""
        raw = micros(self.quantity * price * self.multiplier)
        self.notional = self.converted(raw, rate)
        self.value = self.converted(raw - self.cost, rate) if self.is_margined else self.notional

    @staticmethod
    def converted(amount: int, rate: Decimal) -> int:
        return whole(amount * rate)


@dataclass
class Account:
    """Cash and the holdings that make its equity."""

    cash: int
    holdings: list[Holding] = field(default_factory=list)
    fees: int = 0

    @property
    def equity(self) -> int:
        """Return cash plus the value of all positions."""
        return self.cash + sum(item.value for item in self.holdings)

    @property
    def blocked(self) -> int:
        """Return the buying power in use: value of what is paid in full, margin of the rest."""
        return sum(
            micros(abs(item.quantity) * item.margin) if item.is_margined else abs(item.notional)
            for item in self.holdings
        )
