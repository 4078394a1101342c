"""A slow, plain run: groups of bars, decisions, protection and accounts after docs/concepts/execution.md.

One ``Trader`` per strategy and instrument holds its position, its working orders and its protective terms.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from naive.exchange import ZERO, Bar, Book, Exchange, Order, Report, floor_to, nearest
from naive.ledger import Account, Holding, micros

HUNDRED = Decimal(100)


@dataclass
class Policy:
    """What a strategy's settings say."""

    sizing: str = "fixed"  # fixed, fixed_amount, percent
    size: Decimal = Decimal(1)
    entry_type: str = "market"
    entry_tif: str = "gtc"
    offset_pct: Decimal = ZERO
    stop_pct: Decimal = ZERO
    target_pct: Decimal = ZERO
    trail_pct: Decimal = ZERO
    trail: Decimal = ZERO


@dataclass
class Market:
    """One instrument."""

    tick: Decimal
    lot: Decimal
    multiplier: Decimal
    margin: Decimal
    is_margined: bool
    rate_from: int | None = None
    rate_is_inverse: bool = False
    last: Decimal | None = None


@dataclass
class Wish:
    """An order as its sender knows it."""

    number: int
    where: int
    strategy: int
    side: int
    kind: str
    tif: str
    intent: str  # entry, exit, protect
    reason: str
    quantity: Decimal
    stop_loss: Decimal = ZERO
    take_profit: Decimal = ZERO
    trail: Decimal = ZERO
    trail_pct: Decimal = ZERO
    reserved: int = 0
    filled: Decimal = ZERO
    is_cancelling: bool = False
    stop: Decimal = ZERO
    next_quantity: Decimal | None = None
    next_stop: Decimal = ZERO


@dataclass
class Trader:
    """A strategy in one instrument."""

    strategy: int
    where: int
    policy: Policy
    holding: Holding
    entries: list[Wish] = field(default_factory=list)
    exit: Wish | None = None
    guard: Wish | None = None  # stop or trailing stop
    target: Wish | None = None
    stop_price: Decimal = ZERO
    target_price: Decimal = ZERO
    trail: Decimal = ZERO
    trail_pct: Decimal = ZERO


@dataclass
class Fill:
    """One fill as the tape shows it."""

    at: int
    strategy: int
    where: int
    number: int
    side: int
    intent: str
    reason: str
    quantity: Decimal
    price: Decimal
    fee: int
    slippage: int
    realised: int
    position: Decimal
    cash: int


class Run:
    """A whole run in plain Python."""

    def __init__(
        self, markets: list[Market], policies: list[Policy], exchange: Exchange, cash: int, leverage: Decimal
    ) -> None:
        self.markets, self.exchange, self.leverage = markets, exchange, leverage
        self.traders = [
            Trader(number, where, policy, Holding(market.multiplier, market.margin, market.is_margined))
            for where, market in enumerate(markets)
            for number, policy in enumerate(policies)
        ]
        self.account = Account(cash, [trader.holding for trader in self.traders])
        self.live: dict[int, Wish] = {}
        self.last_number = 0
        self.fills: list[Fill] = []
        self.ended: list[tuple[int, str, Decimal, Decimal]] = []  # number, how, quantity, filled
        self.refused: list[tuple[int, int, int, str]] = []  # strategy, instrument, side, why
        self.equity: list[tuple[int, int]] = []

    # the clock

    def group(self, bars: list[tuple[int, Bar]], scripts: list[dict[Any, Any]], *, same_close: bool) -> None:
        """Run all bars that end at one instant, in stream order."""
        for stage in (self.exchange.at_open, self.exchange.in_bar, self.exchange.at_close):
            for where, bar in bars:
                for _ in stage(where, bar):
                    self._listen()
        for where, bar in bars:
            self.markets[where].last = bar.close
            for trader in self.traders:
                if trader.where == where:
                    self._mark(trader)
                    self._act(trader, scripts[trader.strategy].get((where, bar.begin), ()), bar.end)
            self._listen()
            if same_close:
                for _ in self.exchange.at_same_close(where, bar):
                    self._listen()
                self.markets[where].last = bar.close
                for trader in self.traders:
                    if trader.where == where:
                        self._mark(trader)
            self.exchange.books[where].last = bar.close
        self.equity.append((bars[0][1].end, self.account.equity))

    def split(self, where: int, ratio: Decimal, now: int) -> None:
        """Turn one unit into ``ratio`` units."""
        market = self.markets[where]
        if market.last is not None:
            market.last /= ratio
        for trader in self.traders:
            holding = trader.holding
            if trader.where == where and holding.quantity:
                exact = abs(holding.quantity) * ratio
                sign = 1 if holding.quantity > 0 else -1
                kept = floor_to(exact, market.lot)
                assert market.last is not None
                in_lieu = micros(sign * (exact - kept) * market.last * market.multiplier)
                self.account.cash += Holding.converted(in_lieu, self._rate(where))
                holding.quantity = sign * kept
                holding.entry_units *= ratio
                trader.stop_price /= ratio
                trader.target_price /= ratio
                trader.trail /= ratio
                self._mark(trader)
        for wish in self.live.values():
            if wish.where == where:
                wish.quantity = floor_to(wish.quantity * ratio, market.lot)
                wish.filled = floor_to(wish.filled * ratio, market.lot)
                wish.stop /= ratio
                wish.stop_loss /= ratio
                wish.take_profit /= ratio
                wish.trail /= ratio
        self.exchange.split(where, ratio, now)
        self._listen()

    def dividend(self, where: int, cash: Decimal) -> None:
        """Pay cash per unit; shorts pay it."""
        for trader in self.traders:
            if trader.where == where:
                amount = micros(trader.holding.quantity * cash)
                self.account.cash += Holding.converted(amount, self._rate(where))

    # reports

    def _listen(self) -> None:
        while self.exchange.reports:
            report = self.exchange.reports.pop(0)
            wish = self.live.get(report.number)
            if wish is None:
                continue
            if report.what == "fill":
                self._on_fill(wish, report)
            elif report.what == "replaced":
                if wish.next_quantity is not None:
                    wish.quantity, wish.stop, wish.next_quantity = wish.next_quantity, wish.next_stop, None
            else:
                self._close_wish(wish, report.what)
                trader = self._trader(wish)
                if wish.intent != "entry" and trader.holding.quantity:
                    self._protect(trader, report.at)

    def _trader(self, wish: Wish) -> Trader:
        return next(item for item in self.traders if (item.strategy, item.where) == (wish.strategy, wish.where))

    def _on_fill(self, wish: Wish, report: Report) -> None:
        trader, market = self._trader(wish), self.markets[wish.where]
        holding = trader.holding
        held = holding.quantity
        market.last = report.price
        rate = self._rate(wish.where)
        paid, realised = holding.trade(wish.side, report.quantity, report.price)
        realised = Holding.converted(realised, rate)
        moved = realised if market.is_margined else -wish.side * Holding.converted(paid, rate)
        self.account.cash += moved - report.fee
        self.account.fees += report.fee
        self.fills.append(
            Fill(
                report.at, wish.strategy, wish.where, wish.number, wish.side, wish.intent, wish.reason,
                report.quantity, report.price, report.fee, report.slippage, realised, holding.quantity,
                self.account.cash,
            )
        )  # fmt: skip
        self._mark(trader)
        is_new = held * holding.quantity <= 0
        if is_new:
            trader.stop_price = trader.target_price = trader.trail = trader.trail_pct = ZERO
        left = wish.quantity - wish.filled
        wish.filled += report.quantity
        if wish.intent == "entry":
            wish.reserved -= wish.reserved if report.quantity >= left else int(wish.reserved * (report.quantity / left))
            self._set_terms(trader, wish)
        else:
            for other in self.live.values():
                if other.intent != "entry" and other is not wish and self._trader(other) is trader:
                    other.quantity = max(other.quantity - report.quantity, other.filled)
        if report.is_last:
            self._close_wish(wish, "filled")
        if holding.quantity == 0:
            for reducer in (trader.exit, trader.guard, trader.target):
                if reducer is not None:
                    self._ask_cancel(reducer, report.at)
        if holding.quantity != 0:
            self._protect(trader, report.at)

    def _close_wish(self, wish: Wish, how: str) -> None:
        trader = self._trader(wish)
        del self.live[wish.number]
        self.ended.append((wish.number, how, wish.quantity, wish.filled))
        trader.entries = [item for item in trader.entries if item is not wish]
        trader.exit = None if trader.exit is wish else trader.exit
        trader.guard = None if trader.guard is wish else trader.guard
        trader.target = None if trader.target is wish else trader.target

    # protection

    def _set_terms(self, trader: Trader, wish: Wish) -> None:
        holding, policy, tick = trader.holding, trader.policy, self.markets[trader.where].tick
        if wish.side * holding.quantity <= 0:
            return  # it reduced a position; only what adds to one brings protection
        average = holding.average
        if wish.stop_loss > 0:
            trader.stop_price = wish.stop_loss
        elif policy.stop_pct > 0:
            trader.stop_price = nearest(average * (1 - wish.side * policy.stop_pct / HUNDRED), tick)
        if wish.take_profit > 0:
            trader.target_price = wish.take_profit
        elif policy.target_pct > 0:
            trader.target_price = nearest(average * (1 + wish.side * policy.target_pct / HUNDRED), tick)
        own = wish.trail > 0 or wish.trail_pct > 0
        trader.trail = wish.trail if own else policy.trail
        trader.trail_pct = wish.trail_pct if own else policy.trail_pct

    def _protect(self, trader: Trader, now: int) -> None:
        size = abs(trader.holding.quantity)
        side = -1 if trader.holding.quantity > 0 else 1
        self._let_go(trader, side, now)
        if trader.exit is not None and trader.exit.quantity - trader.exit.filled > size:
            self._resize(trader.exit, size, ZERO, now)
        if trader.guard is not None:
            self._resize(trader.guard, size, trader.stop_price, now)
        elif trader.trail > 0 or trader.trail_pct > 0:
            trader.guard = self._send(
                trader, side, "trailing_stop", "gtc", "protect", "trailing_stop", size, now,
                stop=trader.stop_price, trail=trader.trail, trail_pct=trader.trail_pct,
            )  # fmt: skip
        elif trader.stop_price > 0:
            trader.guard = self._send(
                trader, side, "stop", "gtc", "protect", "stop_loss", size, now, stop=trader.stop_price
            )
        if trader.target is not None:
            self._resize(trader.target, size, ZERO, now)
        elif trader.target_price > 0:
            trader.target = self._send(
                trader, side, "limit", "gtc", "protect", "take_profit", size, now, limit=trader.target_price
            )

    def _resize(self, wish: Wish, size: Decimal, stop: Decimal, now: int) -> None:
        if wish.is_cancelling:
            return
        want = wish.filled + size
        stop = stop or wish.stop
        if want != wish.quantity or stop != wish.stop:
            wish.next_quantity, wish.next_stop = want, stop
            self.exchange.replace(wish.where, wish.number, want, stop, now)

    def _let_go(self, trader: Trader, side: int, now: int) -> None:
        """Forget orders of the side the position had before, and protection that is being cancelled."""
        if trader.exit is not None and trader.exit.side != side:
            self._ask_cancel(trader.exit, now)
            trader.exit = None
        if trader.guard is not None and (trader.guard.side != side or trader.guard.is_cancelling):
            self._ask_cancel(trader.guard, now)
            trader.guard = None
        if trader.target is not None and (trader.target.side != side or trader.target.is_cancelling):
            self._ask_cancel(trader.target, now)
            trader.target = None

    def _ask_cancel(self, wish: Wish, now: int) -> None:
        if not wish.is_cancelling:
            wish.is_cancelling = True
            self.exchange.cancel(wish.where, wish.number, now)

    # decisions

    def _act(self, trader: Trader, actions: Any, now: int) -> None:
        held = trader.holding.quantity
        numbers: dict[int, int] = {}
        for index, action in enumerate(actions):
            verb, given = action["verb"], action.get("args", {})
            if verb in ("buy", "sell"):
                side = 1 if verb == "buy" else -1
                is_exit = held * side < 0
            elif verb == "close":
                if held == 0:
                    continue
                side, is_exit = (-1 if held > 0 else 1), True
            else:
                side, is_exit = (1 if verb == "go_long" else -1), False
            if is_exit:
                self._exit(trader, side, given, now)
            else:
                numbers[index] = self._enter(trader, side, given, action, numbers, now)

    def _exit(self, trader: Trader, side: int, given: dict[str, Any], now: int) -> None:
        if trader.holding.quantity == 0:
            for wish in trader.entries:
                self._ask_cancel(wish, now)
            if not trader.entries:
                self._refuse(trader, side, "nothing_to_close")
            return
        if trader.exit is not None:
            self._refuse(trader, side, "order_pending")
            return
        size = abs(trader.holding.quantity)
        part = self._decimal(given, "quantity")
        lot = self.markets[trader.where].lot
        amount = min(max(nearest(part, lot), lot), size) if part > 0 else size
        is_limit = self._decimal(given, "limit") > 0 and not self._decimal(given, "trigger") > 0
        if is_limit:
            limit = nearest(self._decimal(given, "limit"), self.markets[trader.where].tick)
            tif = given.get("tif", "day")
            trader.exit = self._send(trader, side, "limit", tif, "exit", "signal", amount, now, limit=limit)
            return
        self._send_exit(trader, amount, "signal", now)

    def _send_exit(self, trader: Trader, amount: Decimal, reason: str, now: int) -> None:
        for wish in list(trader.entries):
            self._ask_cancel(wish, now)
        side = -1 if trader.holding.quantity > 0 else 1
        trader.exit = self._send(trader, side, "market", "gtc", "exit", reason, amount, now)

    def _enter(
        self,
        trader: Trader,
        side: int,
        given: dict[str, Any],
        action: dict[str, Any],
        numbers: dict[int, int],
        now: int,
    ) -> int:
        market, policy = self.markets[trader.where], trader.policy
        last = market.last
        assert last is not None
        limit, trigger = self._decimal(given, "limit"), self._decimal(given, "trigger")
        trail, trail_pct = self._decimal(given, "trail"), self._decimal(given, "trail_pct")
        kind = "stop_limit" if limit and trigger else "stop" if trigger else "limit" if limit else ""
        if not kind:
            kind = policy.entry_type
            if kind == "limit":
                limit = last * (1 + side * policy.offset_pct / HUNDRED)
            elif kind in ("stop", "stop_limit"):
                trigger = last * (1 + side * abs(policy.offset_pct) / HUNDRED)
                limit = trigger if kind == "stop_limit" else ZERO
            elif kind == "trailing_stop":
                trail, trail_pct = policy.trail, policy.trail_pct
        limit, trigger = nearest(limit, market.tick), nearest(trigger, market.tick)
        stop = nearest(self._decimal(given, "stop"), market.tick)
        target = nearest(self._decimal(given, "target"), market.tick)
        price = {"limit": limit, "stop_limit": limit, "stop": trigger}.get(kind, last)
        asked = self._decimal(given, "quantity")
        if not self._has_rate(trader.where):
            self._refuse(trader, side, "no_price")
            return 0
        quantity = nearest(asked, market.lot) if asked > 0 else self._size(trader, price)
        why = self._shape(side, price, quantity, stop, target)
        if why:
            self._refuse(trader, side, why)
            return 0
        parent, group = 0, None
        if trader.holding.quantity * side < 0:
            if trader.exit is None:
                self._send_exit(trader, abs(trader.holding.quantity), "reverse", now)
            assert trader.exit is not None
            parent = trader.exit.number
        if "after" in action:
            parent = numbers.get(action["after"], 0)
        if "group" in action and numbers.get(0) != 0:  # a refused first one has no group
            group = ("entries", numbers.get(0, self.last_number + 1))
        reserve = micros(quantity * self._unit_cost(trader, price))
        wish = self._send(
            trader, side, kind, given.get("tif", policy.entry_tif), "entry", "signal", quantity, now,
            limit=limit, stop=trigger, trail=trail, trail_pct=trail_pct, parent=parent, group=group,
            stop_loss=stop, take_profit=target, reserved=reserve,
        )  # fmt: skip
        trader.entries.append(wish)
        return wish.number

    @staticmethod
    def _shape(side: int, price: Decimal, quantity: Decimal, stop: Decimal, target: Decimal) -> str:
        if price <= 0:
            return "no_price"
        if quantity <= 0:
            return "bad_quantity"
        if stop > 0 and side * (price - stop) <= 0:
            return "bad_stop"
        if target > 0 and side * (target - price) <= 0:
            return "bad_target"
        return ""

    def _has_rate(self, where: int) -> bool:
        pair = self.markets[where].rate_from
        return pair is None or self.markets[pair].last is not None

    def _rate(self, where: int) -> Decimal:
        market = self.markets[where]
        if market.rate_from is None:
            return Decimal(1)
        price = self.markets[market.rate_from].last
        assert price is not None
        return 1 / price if market.rate_is_inverse else price

    def _unit_cost(self, trader: Trader, price: Decimal) -> Decimal:
        market, costs = self.markets[trader.where], self.exchange.costs
        value = price * market.multiplier * self._rate(trader.where)
        return (market.margin if market.is_margined else value) + value * costs.percent / HUNDRED + costs.per_unit

    def _size(self, trader: Trader, price: Decimal) -> Decimal:
        market, policy = self.markets[trader.where], trader.policy
        value = price * market.multiplier * self._rate(trader.where)
        if policy.sizing == "fixed":
            units = policy.size
        elif value <= 0:
            units = ZERO
        elif policy.sizing == "fixed_amount":
            units = policy.size / value
        else:
            equity = Decimal(self.account.equity)
            reserved = sum(wish.reserved for wish in self.live.values())
            power = (equity * self.leverage - self.account.blocked - reserved) / 1_000_000
            affordable = power / self._unit_cost(trader, price) if power > 0 else ZERO
            units = min(equity / 1_000_000 * policy.size / HUNDRED / value, affordable)
        return floor_to(units + market.lot * Decimal("1e-9"), market.lot)

    def _send(
        self, trader: Trader, side: int, kind: str, tif: str, intent: str, reason: str, quantity: Decimal, now: int,
        *, limit: Decimal = ZERO, stop: Decimal = ZERO, trail: Decimal = ZERO, trail_pct: Decimal = ZERO,
        parent: int = 0, group: object = None, stop_loss: Decimal = ZERO, take_profit: Decimal = ZERO,
        reserved: int = 0,
    ) -> Wish:  # fmt: skip
        self.last_number += 1
        wish = Wish(
            self.last_number, trader.where, trader.strategy, side, kind, tif, intent, reason, quantity,
            stop_loss, take_profit, trail, trail_pct, reserved, stop=stop,
        )  # fmt: skip
        self.live[wish.number] = wish
        reduces = intent != "entry"
        order = Order(
            wish.number, side, kind, tif, quantity, limit, stop, trail, trail_pct, reduces,
            ("reducers", trader.strategy, trader.where) if reduces else group, parent,
        )  # fmt: skip
        self.exchange.submit(trader.where, order, now)
        return wish

    def _refuse(self, trader: Trader, side: int, why: str) -> None:
        self.refused.append((trader.strategy, trader.where, side, why))

    def _mark(self, trader: Trader) -> None:
        last = self.markets[trader.where].last
        if last is not None and (trader.holding.quantity or trader.holding.value or trader.holding.notional):
            trader.holding.mark(last, self._rate(trader.where))

    @staticmethod
    def _decimal(given: dict[str, Any], name: str) -> Decimal:
        return Decimal(str(given.get(name, 0)))


def books_of(markets: list[Market]) -> list[Book]:
    """Return an empty book per instrument."""
    return [Book(market.tick, market.lot, market.multiplier) for market in markets]
