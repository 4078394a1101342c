"""NautilusTrader's side of ``make bench-peers``: W1 as one of its strategies in its backtest engine.

It fills a market order sent from ``on_bar`` at that bar's close, so this is compared with our same-close timing. The
account is kept in a coin of eight decimals, for its dollars would round every fee to the cent. Building its bar
objects is not timed.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections import deque
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

START_NS = 1_577_836_800_000_000_000
MINUTE_NS = 60_000_000_000
CASH = 1_000_000
FEE = Decimal("0.0005")
FAST, SLOW = 10, 30
VENUE = Venue("SIM")
BARS = BarType.from_str("SYM.SIM-1-MINUTE-LAST-EXTERNAL")


class SmaState(Strategy):
    """Long while the fast average is above the slow one at a close, flat while below; rolling sums in plain Python."""

    def __init__(self) -> None:
        super().__init__()
        self.fast = deque([0.0] * FAST)
        self.slow = deque([0.0] * SLOW)
        self.fast_total = self.slow_total = self.last = 0.0
        self.seen = 0
        self.held = False
        self.unit = Quantity.from_int(1)

    def on_start(self) -> None:
        self.subscribe_bars(BARS)

    def on_bar(self, bar: Bar) -> None:
        price = self.last = bar.close.as_double()
        self.fast_total += price - self.fast.popleft()
        self.slow_total += price - self.slow.popleft()
        self.fast.append(price)
        self.slow.append(price)
        self.seen += 1
        if self.seen < SLOW:
            return
        ahead = self.fast_total * SLOW - self.slow_total * FAST
        if ahead > 0.0 and not self.held:
            self.send(OrderSide.BUY)
        elif ahead < 0.0 and self.held:
            self.send(OrderSide.SELL)

    def send(self, side: OrderSide) -> None:
        self.held = side == OrderSide.BUY
        self.submit_order(self.order_factory.market(BARS.instrument_id, side, self.unit))


def engine_of() -> BacktestEngine:
    tick, lot = Price.from_str("0.25"), Quantity.from_int(1)
    name = Symbol("SYM")
    item = Equity(InstrumentId(name, VENUE), name, USDT, 2, tick, lot, 0, 0, maker_fee=FEE, taker_fee=FEE)
    quiet = LoggingConfig(bypass_logging=True, log_level="ERROR")
    engine = BacktestEngine(BacktestEngineConfig(logging=quiet, run_analysis=False))
    engine.add_venue(VENUE, OmsType.NETTING, AccountType.CASH, [Money(CASH, USDT)], base_currency=USDT)
    engine.add_instrument(item)
    return engine


def w1_close(folder: Path) -> dict[str, Any]:
    columns = [np.load(folder / f"w1_short_{field}.npy") for field in ("open", "high", "low", "close")]
    count = len(columns[0])
    ends = (START_NS + np.arange(1, count + 1, dtype=np.int64) * MINUTE_NS).astype(np.uint64)
    engine = engine_of()
    engine.add_data(Bar.from_raw_arrays_to_list(BARS, 2, 0, *columns, np.full(count, 1_000.0), ends, ends))
    strategy = SmaState()
    engine.add_strategy(strategy)
    begin = time.perf_counter()
    engine.run()
    seconds = time.perf_counter() - begin
    first = time.time()
    cash = engine.cache.account_for_venue(VENUE).balance_total(USDT).as_double()
    fills = sum(order.is_closed for order in engine.cache.orders())
    held = strategy.last if strategy.held else 0.0
    return {"seconds": [seconds], "first_at": first, "equity": cash + held, "fills": fills}


def main() -> None:
    work, folder = sys.argv[1], Path(sys.argv[2])
    figures = {"w1_close": w1_close}[work](folder)
    figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures["version"] = f"nautilus_trader {version('nautilus_trader')}"
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
