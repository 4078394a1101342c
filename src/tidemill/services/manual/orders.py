"""Orders of people: placed on their desk, cancelled, and everything closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidemill.model.errors import GuardRefusal
from tidemill.model.people import Principal, UserScope
from tidemill.ports.seams import Clock, Ids
from tidemill.services.commands.asking import Asking
from tidemill.services.fleet.facts import Facts
from tidemill.services.fleet.refusals import live_refused
from tidemill.services.manual.desk import Desk, Desks
from tidemill.services.manual.order_pages import OrderPages
from tidemill.services.manual.stopping import Stopping
from tidemill.services.manual.trade_logs import Noted, TradeLogs
from tidemill.services.manual.wanted import Placed, Wanted
from tidemill.services.operating import Answer
from tidemill.services.refusals import Kind, Refused

__all__ = ["Orders"]

_ASK_S = 10.0
_LONG_AGO_NS = 3_600_000_000_000  # entered so long before it is sent, a trade is one of the past
_SKEW_NS = 5_000_000_000


class Orders:
    """Orders of everybody; each call sees those of one.

    Args:
        clock, ids: of the installation. desks, pages, facts, asking, logs, stopping: what it works with.
    """

    def __init__(
        self,
        clock: Clock,
        ids: Ids,
        *,
        desks: Desks,
        pages: OrderPages,
        facts: Facts,
        asking: Asking,
        logs: TradeLogs,
        stopping: Stopping,
    ) -> None:
        self._clock, self._ids = clock, ids
        self._desks, self._pages, self._facts = desks, pages, facts
        self._asking, self._logs, self._stopping = asking, logs, stopping

    def place(self, principal: Principal, wanted: Wanted, key: str = "") -> Placed:
        """Send an order to somebody's desk; the same key sends it once.

        Raises:
            Refused: it is for real money, for another account, of a symbol not on the list, or of the future.
            TradingHalted: a halt stands in the way. GuardRefusal: a rule says no; its code names which.
        """
        self._check(principal.scope, wanted)
        is_past = self._is_past(wanted)
        symbol = self._desks.check_symbol(principal.scope, wanted.symbol, is_traded=not is_past)
        if is_past:
            return self._record(principal.scope, wanted, symbol, key)
        desk = self._desks.find(principal.scope)
        self._stopping.check(desk.run if desk is not None else None, symbol)
        desk = self._desks.ensure(principal)
        if wanted.account and wanted.account != desk.run.account:
            raise _wrong_account(wanted.account, desk.run.account)
        body = self._body(desk, wanted, symbol)
        answer = self._asking.ask(
            principal.scope, desk.run.run_id, "order", body, key=key, user=principal.username, wait_s=_ASK_S
        )
        placed = self._answered(desk, answer, symbol)
        if not body.get("closes") and placed.order_id:
            self._note(principal.scope, desk, wanted, symbol, placed.order_id)
        return placed

    def _check(self, scope: UserScope, wanted: Wanted) -> None:
        if wanted.mode != "paper" or wanted.expected_mode not in {"", "paper"}:
            raise live_refused()
        if self._desks.broker != "paper":
            raise Refused(
                Kind.CONFLICT,
                "no_adapter",
                f"BROKER is {self._desks.broker[:32]}, and there is no adapter for it; nothing falls back to paper by "
                "itself. Set BROKER=paper.",
            )
        desk = self._desks.find(scope)
        if wanted.account and (desk is None or (desk.run.is_active and wanted.account != desk.run.account)):
            raise _wrong_account(wanted.account, desk.run.account if desk else "none yet")

    def _is_past(self, wanted: Wanted) -> bool:
        """Tell whether a trade is one of the past: it is said so, or was entered more than an hour ago."""
        now = self._clock.now_ns()
        if wanted.entered_ns > now + _SKEW_NS:
            raise Refused(
                Kind.INVALID, "in_the_future", "entered_at lies in the future; write when it was, in UTC.", field="body"
            )
        said = wanted.features.get("is_backfill")
        if isinstance(said, bool):
            return said
        return bool(wanted.entered_ns) and now - wanted.entered_ns > _LONG_AGO_NS

    def _record(self, scope: UserScope, wanted: Wanted, symbol: str, key: str) -> Placed:
        """Write a trade of the past down; nothing is traded for it today."""
        order_id = f"backfill-{scope.user_id}-{key}" if key else self._ids.fresh("backfill-")
        noted = Noted(
            order_id,
            "",
            symbol,
            wanted.side.upper(),
            wanted.quantity,
            wanted.source,
            wanted.price,
            wanted.stop_loss,
            wanted.take_profit,
            {**wanted.features, "is_backfill": True},
            wanted.notes,
            wanted.entered_ns or self._clock.now_ns(),
            is_backfill=True,
            exit_price=wanted.exit_price,
            exited_ns=wanted.exited_ns,
            outcome=wanted.outcome,
        )
        self._logs.note(scope, noted)
        text = "A trade of the past: written down for statistics and training; nothing was traded today."
        return Placed(order_id, "RECORDED", text, "", is_backfill=True)

    def _note(self, scope: UserScope, desk: Desk, wanted: Wanted, symbol: str, order_id: str) -> None:
        noted = Noted(
            order_id,
            desk.run.run_id,
            symbol,
            wanted.side.upper(),
            wanted.quantity,
            wanted.source,
            wanted.price,
            wanted.stop_loss,
            wanted.take_profit,
            {**wanted.features, "is_backfill": False},
            wanted.notes,
            wanted.entered_ns,
        )
        self._logs.note(scope, noted)

    def _body(self, desk: Desk, wanted: Wanted, symbol: str) -> dict[str, Any]:
        """Return an order as a run takes it; what is held decides whether a plain sell closes or opens."""
        held = sum(item.quantity for item in self._facts.positions([desk.run]) if item.symbol == symbol)
        sign = 1.0 if wanted.side == "buy" else -1.0
        against = max(-held * sign, 0.0)  # units it would close
        quantity, closes = wanted.quantity, wanted.effect == "close"
        if wanted.effect == "net" and against > 0.0:
            closes = quantity <= against
            quantity = quantity if closes else quantity - against
        if closes and against == 0.0:
            raise GuardRefusal("nothing_to_close", f"{symbol}: there is no position this order would close.")
        if closes and (wanted.trigger_price or wanted.entry):
            raise GuardRefusal("exit_type", "What closes is a market or limit order; give the stop with the entry.")
        values: dict[str, Any] = {
            "symbol": symbol,
            "side": wanted.side,
            "quantity": quantity,
            "entry_price": wanted.entry,
            "limit_price": wanted.limit_price,
            "stop_price": wanted.trigger_price,
            "stop_loss": None if closes else wanted.stop_loss,
            "take_profit": None if closes else wanted.take_profit,
            "time_in_force": wanted.time_in_force,
            "closes": True if closes else None,
            "confidence": wanted.confidence,
        }
        return {name: value for name, value in values.items() if value is not None}

    def _answered(self, desk: Desk, answer: Answer, symbol: str) -> Placed:
        if answer.state == "REFUSED":
            code, _, sentence = answer.text.partition(": ")
            if code == "halted":
                self._stopping.check(desk.run, symbol)
            plain = code if sentence and code.replace("_", "").isalnum() else "refused"
            raise GuardRefusal(plain, sentence or answer.text)
        if answer.state != "DONE":
            text = "No engine has answered yet; it is dropped after a minute. Ask again with the same key."
            return Placed("", "PENDING", text, desk.run.run_id)
        order_id, _, state = answer.text.partition(" ")
        return Placed(order_id, state.split(" ")[0] or "WORKING", answer.text, desk.run.run_id)

    def cancel(self, principal: Principal, order_id: str) -> Answer:
        """Cancel an order; a halt does not stand in the way.

        Raises:
            Refused: there is no such order, or its run is over.
        """
        row, run = self._pages.get(principal.scope, order_id)
        return self._asking.ask(
            principal.scope,
            run.run_id,
            "cancel",
            {"client_id": row["client_id"]},
            user=principal.username,
            wait_s=_ASK_S,
        )

    def flatten(self, principal: Principal, symbol: str = "") -> tuple[list[str], list[str], list[Answer]]:
        """Cancel working entries and close positions of somebody's desk; a halt does not stand in the way.

        Args:
            symbol: only of it; empty: everything.

        Returns:
            Entries cancelled, symbols closed, and what the engine said.
        """
        desk = self._desks.find(principal.scope)
        if desk is None or not desk.run.is_active:
            return [], [], []
        run = desk.run
        entries = [
            row["client_id"]
            for row in self._facts.orders([run], 1_000)
            if row["client_id"] in self._desks.working(run) and symbol in {"", row["symbol"]}
        ]
        held = [item for item in self._facts.positions([run]) if symbol in {"", item.symbol}]
        wishes: list[tuple[str, str, Mapping[str, Any]]] = [
            (run.run_id, "cancel", {"client_id": name}) for name in entries
        ]
        wishes += [
            (
                run.run_id,
                "order",
                {
                    "symbol": item.symbol,
                    "side": "sell" if item.quantity > 0.0 else "buy",
                    "quantity": abs(item.quantity),
                    "closes": True,
                },
            )
            for item in held
        ]
        if not wishes:
            return [], [], []
        answers = self._asking.ask_many(principal.scope, wishes, user=principal.username, wait_s=_ASK_S)
        return entries, [item.symbol for item in held], answers


def _wrong_account(given: str, own: str) -> Refused:
    sentence = f"The account {given[:80]} is not your desk's ({own}); leave it out, or write that one."
    return Refused(Kind.CONFLICT, "wrong_account", sentence, field="body.account", details={"account": own})
