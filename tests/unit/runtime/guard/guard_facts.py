"""A healthy present in which every order passes; each test spoils one thing."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from tidemill.model.broker import OrderRequest
from tidemill.model.enums import Intent, OrderType, Session, Side, TimeInForce
from tidemill.model.errors import GuardRefusal
from tidemill.model.instrument import FUTURES, Instrument
from tidemill.runtime.guard.baseline import Baseline
from tidemill.runtime.guard.chain import RULES
from tidemill.runtime.guard.facts import Arming, Facts, OpenOrder, Scope, ScopeFacts, SentOrder, SymbolFacts
from tidemill.runtime.guard.halts import Halts
from tidemill.runtime.guard.limits import Limits, no_limits
from tidemill.runtime.guard.send_guard import SendGuard
from tidemill.runtime.guard.tolerances import Tolerances

SECOND = 1_000_000_000
NOW = 1_750_859_100 * SECOND  # Wednesday 2025-06-25 13:45:00 UTC: 09:45 in New York
MONO = 5_000 * SECOND
DAY = 20_264  # 2025-06-25
MICROS = 1_000_000
EQUITY = 100_000 * MICROS


def baseline(equity: int = EQUITY, day: int = DAY, **values: Any) -> Baseline:
    return replace(Baseline("account:A1", day, (day + 3) // 7, equity, equity, equity, equity), **values)


def symbol_facts(last: float = 100.0, held: float = 0.0, name: str = "AAPL", **values: Any) -> SymbolFacts:
    known: dict[str, Any] = {
        "instrument": FUTURES.get(name, Instrument(name)),
        "last": last,
        "bid": last - 0.25,
        "ask": last + 0.25,
        "stamp_ns": NOW - SECOND,
        "arrived_mono_ns": MONO - SECOND,
        "is_fresh": True,
        "session": Session.REGULAR,
        "block": "",
        "confirmed_units": held,
        "own_units": held,
        "sector": "tech",
    }
    return SymbolFacts(**(known | values))


def scope_facts(**values: Any) -> ScopeFacts:
    known: dict[str, Any] = {
        "equity_micros": EQUITY,
        "baseline": baseline(),
        "trades_today": 0,
        "volume_today_micros": 0,
        "losses_in_row": 0,
        "slippage_bps": 0.0,
    }
    return ScopeFacts(**(known | values))


def facts(symbols: dict[str, SymbolFacts] | None = None, scope: ScopeFacts | None = None, **values: Any) -> Facts:
    known: dict[str, Any] = {
        "now_ns": NOW,
        "mono_ns": MONO,
        "trading_day": DAY,
        "account": "A1",
        "run_id": "R1",
        "strategy": "s",
        "mode": "paper",
        "broker_account": "A1",
        "broker_environment": "paper",
        "symbols": symbols or {"AAPL": symbol_facts(), "NQ": symbol_facts(20_000.0, name="NQ")},
        "scopes": {Scope.ACCOUNT: scope or scope_facts()},
        "orders_in_window": 0,
        "messages_in_window": 0,
        "strategy_orders_in_window": 0,
        "rejects_in_row": 0,
        "recon_symbols": (),
        "is_reconciled": True,
        "lease_remaining_ns": 20 * SECOND,
        "loop_lag_s": 0.01,
        "clock_skew_s": 0.01,
        "db_latency_s": 0.001,
        "disk_free_bytes": 50_000_000_000,
        "alert_channel_ok": True,
        "order_stream_ready": True,
        "market_data_ready": True,
        "inbox_depth": 0,
        "buying_power_micros": 10 * EQUITY,
    }
    return Facts(**(known | values))


def live(**values: Any) -> Facts:
    keys = Arming(*[True] * 5)
    return facts(**({"mode": "live", "broker_environment": "live", "arming": keys} | values))


def order(
    quantity: float = 10.0, side: Side = Side.BUY, symbol: str = "AAPL", name: str = "TMX", **values: Any
) -> OrderRequest:
    known = {"created_ns": NOW - SECOND, "expires_ns": NOW + 4 * SECOND} | values
    kind = known.pop("type", OrderType.MARKET)
    return OrderRequest(name, symbol, side, kind, TimeInForce.DAY, quantity, **known)


def limit(price: float, quantity: float = 10.0, side: Side = Side.BUY, **values: Any) -> OrderRequest:
    return order(quantity, side, type=OrderType.LIMIT, limit_price=price, **values)


def stop(price: float, quantity: float = 10.0, side: Side = Side.BUY, **values: Any) -> OrderRequest:
    return order(quantity, side, type=OrderType.STOP, stop_price=price, **values)


def closing(quantity: float = 10.0, side: Side = Side.SELL, **values: Any) -> OrderRequest:
    return order(quantity, side, **({"intent": Intent.EXIT, "created_ns": 0, "expires_ns": 0} | values))


def working(request: OrderRequest, remaining: float | None = None, **values: Any) -> OpenOrder:
    left = request.quantity if remaining is None else remaining
    return OpenOrder(request, left, **({"owner": "R1/s"} | values))


def sent(request: OrderRequest, seconds_ago: float = 1.0) -> SentOrder:
    at = MONO - int(seconds_ago * SECOND)
    return SentOrder(request.client_id, request.symbol, request.side, request.quantity, at)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


_NUMBERS = itertools.count()


def no_halts() -> Halts:
    """Return halts of a folder of their own: what one test latches is none of another's business."""
    return Halts(Path(_folder().name) / f"{next(_NUMBERS)}.halts")


class NowhereHalted(Halts):
    """Forgets every halt at once: for asking many questions that have nothing to do with each other."""

    def __init__(self) -> None:
        """Take no folder."""

    def find(self, _scopes: Sequence[str]) -> None:
        return None

    def halt(self, *_halt: Any) -> None:
        return None


def guard(limits: Limits | None = None, tolerances: Tolerances | None = None, **values: Any) -> SendGuard:
    book = {Scope.ACCOUNT: limits or no_limits(Scope.ACCOUNT)}
    return SendGuard(RULES, values.pop("book", book), values.pop("halts", no_halts()), tolerances=tolerances, **values)


def refusal(
    request: OrderRequest,
    present: Facts | None = None,
    limits: Limits | None = None,
    tolerances: Tolerances | None = None,
    make: Callable[..., SendGuard] = guard,
) -> str:
    """Return the code of the first rule that denies; empty: the order may leave."""
    quiet = tolerances or Tolerances(auto_halt=False)
    limits = replace(limits, auto_halt=False) if limits is not None else None
    try:
        make(limits, quiet, halts=NowhereHalted()).approve(request, present or facts())
    except GuardRefusal as error:
        return error.code
    return ""


def account(**values: Any) -> Limits:
    return Limits(Scope.ACCOUNT, **values)
