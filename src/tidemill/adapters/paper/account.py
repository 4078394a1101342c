"""What a paper account is worth: exact cash and positions from fills, splits and dividends, as a broker keeps them.

One position per instrument: what several strategies hold is netted, as at any broker. Amounts become micros by the
kernel's own rules, so cash of stocks and coins equals the core's to the micro; results of futures and FX do where one
strategy trades an instrument.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tidemill.engine.bind import interpreted
from tidemill.kernel import money
from tidemill.model.broker import BrokerPosition
from tidemill.model.instrument import Instrument
from tidemill.model.units import MICROS

__all__ = ["PaperAccount"]

_micros = interpreted(money.micros)  # the compiled core's arithmetic, run as plain Python
_convert = interpreted(money.convert)
_floor_lot = interpreted(money.floor_lot)
_snap_quantity = interpreted(money.snap_quantity)


@dataclass(slots=True)
class _Holding:
    quantity: float = 0.0  # signed units
    cost: int = 0  # signed, micros of the quote currency


class PaperAccount:
    """Cash, positions and buying power of a paper account.

    Args:
        instruments: by row.
        cash_micros: at the start.
        leverage: gross value allowed per unit of equity.
        rates: instrument row to (row of the conversion pair, inverse?) for foreign currencies.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        cash_micros: int,
        leverage: float,
        rates: Mapping[int, tuple[int, bool]],
    ) -> None:
        self._instruments = instruments
        self._leverage = leverage
        self._rates = rates
        self.cash = cash_micros
        self.fees = 0
        self._holdings = [_Holding() for _ in instruments]
        self._last = [math.nan] * len(instruments)  # converts currencies
        self._marks = [math.nan] * len(instruments)  # values positions

    def tell_price(self, row: int, price: float, *, marks: bool = True) -> None:
        """Take an instrument's last price; a bar coarser than the finest does not value positions."""
        self._last[row] = price
        if marks:
            self._marks[row] = price

    def is_priced(self, row: int) -> bool:
        """Tell whether an instrument's currency can be converted already."""
        return not math.isnan(self._rate(row))

    def _rate(self, row: int) -> float:
        """Return the price of the instrument's currency in the account's; NaN before the pair has one."""
        pair, is_inverse = self._rates.get(row, (-1, False))
        if pair < 0:
            return 1.0
        price = self._last[pair]
        return 1.0 / price if is_inverse else price

    def book(self, row: int, side: int, quantity: float, price: float, fee_micros: int) -> None:
        """Book one fill; the commission is in the account's currency."""
        item, holding = self._instruments[row], self._holdings[row]
        notional = _micros(quantity * price * item.multiplier)
        realised = self._realise(holding, item, side, quantity, price, notional)
        holding.quantity = _snap_quantity(holding.quantity + side * quantity, item.lot_size)
        self.tell_price(row, price)
        rate = self._rate(row)
        self.cash += _convert(realised, rate) if item.is_margined else -side * _convert(notional, rate)
        self.cash -= fee_micros
        self.fees += fee_micros

    @staticmethod
    def _realise(holding: _Holding, item: Instrument, side: int, quantity: float, price: float, notional: int) -> int:
        """Move a holding's cost by a fill; return the result it realises, in the quote currency."""
        held = holding.quantity
        if held * side >= 0.0:
            holding.cost += side * notional
            return 0
        size = abs(held)
        closed, released = notional, holding.cost
        if quantity < size:
            released = math.floor(holding.cost * (quantity / size) + 0.5)
        elif quantity > size:
            closed = _micros(size * price * item.multiplier)
        holding.cost += side * (notional - closed) - released
        return -side * closed - released

    def split(self, row: int, ratio: float) -> None:
        """Turn every old unit into ``ratio`` new ones; what is smaller than a lot is paid in cash."""
        item, holding = self._instruments[row], self._holdings[row]
        self._last[row] /= ratio
        self._marks[row] /= ratio
        if holding.quantity == 0.0:
            return
        exact = abs(holding.quantity) * ratio
        whole = _floor_lot(exact, item.lot_size)
        sign = math.copysign(1.0, holding.quantity)
        rest = _micros(sign * (exact - whole) * self._last[row] * item.multiplier)
        self.cash += _convert(rest, self._rate(row)) if rest else 0
        holding.quantity = sign * whole

    def dividend(self, row: int, cash_per_unit: float) -> None:
        """Pay a cash dividend on a long position, charge it to a short one."""
        holding = self._holdings[row]
        if holding.quantity != 0.0:
            self.cash += _convert(_micros(holding.quantity * cash_per_unit), self._rate(row))

    def _value(self, row: int) -> tuple[int, int]:
        """Return what a position adds to equity and how much buying power it takes."""
        item, holding = self._instruments[row], self._holdings[row]
        if holding.quantity == 0.0:
            return 0, 0
        rate = self._rate(row)
        raw = _micros(holding.quantity * self._marks[row] * item.multiplier)
        if item.is_margined:
            return _convert(raw - holding.cost, rate), _micros(abs(holding.quantity) * item.margin)
        value = _convert(raw, rate)
        return value, abs(value)

    @property
    def equity(self) -> int:
        """Return cash plus the value of positions at their last prices, micros."""
        return self.cash + sum(self._value(row)[0] for row in range(len(self._holdings)))

    @property
    def buying_power(self) -> int:
        """Return the money new positions may still use: equity times leverage less what is open, micros."""
        blocked = sum(self._value(row)[1] for row in range(len(self._holdings)))
        return math.floor(self.equity * self._leverage) - blocked

    def needed(self, row: int, side: int, quantity: float, price: float) -> int:
        """Return the buying power an order takes at a price, micros; what only closes a position takes none.

        Without any price nothing is known and the order needs more than any account has.
        """
        item, held = self._instruments[row], self._holdings[row].quantity
        opens = quantity if held * side >= 0.0 else max(quantity - abs(held), 0.0)
        if opens == 0.0:
            return 0
        unit = item.margin if item.is_margined else price * item.multiplier * self._rate(row)
        return _micros(opens * unit) if math.isfinite(unit) else 2**62

    def last(self, row: int) -> float:
        """Return an instrument's last price, NaN before the first."""
        return self._last[row]

    def positions(self) -> tuple[BrokerPosition, ...]:
        """Return open positions in instrument order, with their average cost per unit."""
        found = []
        for item, holding in zip(self._instruments, self._holdings, strict=True):
            if holding.quantity != 0.0:
                average = abs(holding.cost / holding.quantity) / MICROS / item.multiplier
                found.append(BrokerPosition(item.symbol, holding.quantity, average))
        return tuple(found)
