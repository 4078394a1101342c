"""From the core's commands to durable intents and requests on their way out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from tidemill.model.enums import CommandKind, Intent, OrderState, Side
from tidemill.model.journal import IntentRow, OrderRecord, OutboxRow
from tidemill.runtime.core import Command, Core
from tidemill.runtime.orders.book import LiveOrder, OrderBook
from tidemill.runtime.orders.identity import client_id
from tidemill.runtime.orders.translation import request_of, terms_of
from tidemill.runtime.record.journal import Journal

__all__ = ["Drafter", "Outgoing", "decimal_text", "order_record"]

_KINDS = {Intent.ENTRY: "entry", Intent.EXIT: "exit", Intent.PROTECT: "protect"}


@dataclass(slots=True)
class Outgoing:
    """One request on its way to the broker. ``action``: submit, cancel, replace.

    ``broker_id`` names one of several incarnations of an order; empty: the one we know.
    """

    action: str
    order: LiveOrder
    row: OutboxRow
    quantity: float = 0.0
    stop_price: float = 0.0
    is_known: bool = False  # decided before a restart: it is not written again
    broker_id: str = ""
    not_before_ns: int = 0  # monotonic; it waits until then


def decimal_text(value: float) -> str:
    """Return a number on the grid as the decimal text the store keeps; empty for NaN."""
    if value != value:  # noqa: PLR0124 - NaN
        return ""
    return _text_of(value) if value else _text_of.__wrapped__(value)  # zero and minus zero count as the same key


@lru_cache(maxsize=4096)
def _text_of(value: float) -> str:
    return format(Decimal(repr(value)).normalize(), "f")


def order_record(order: LiveOrder, run_id: str) -> OrderRecord:
    """Return an order as its row in the store."""
    request = order.request
    average = order.value / order.filled if order.filled > 0.0 else float("nan")
    return OrderRecord(
        client_id=request.client_id,
        run_id=run_id,
        broker_id=order.broker_id,
        symbol=request.symbol,
        side=request.side.name,
        type=request.type.name,
        tif=request.tif.name,
        intent=request.intent.name,
        reason=request.reason.name,
        quantity=decimal_text(order.quantity),
        filled=decimal_text(order.filled),
        average_price=decimal_text(average),
        limit_price=decimal_text(request.limit_price),
        stop_price=decimal_text(_trigger(order)),
        state=OrderState.HELD.name if (order.is_held or order.is_gone) and order.is_open else order.state.name,
        created_ns=request.created_ns,
        updated_ns=order.updated_ns or request.created_ns,
        text=order.text,
        strategy=order.strategy,
    )


def _trigger(order: LiveOrder) -> float:
    """Return the trigger an order has at the broker: that of the last replacement which was confirmed."""
    moved = order.wanted[1]
    is_confirmed = moved > 0.0 and order.state is not OrderState.REPLACE_PENDING
    return moved if is_confirmed else order.request.stop_price


class Drafter:
    """Turns commands into intents, order rows and outbox rows of the present transaction.

    Args:
        symbols: by instrument row. strategies: name of each strategy row.
        build: identity of the code, on every intent.
        ttl_ns: how long an entry may wait before it leaves.
    """

    def __init__(
        self,
        core: Core,
        book: OrderBook,
        journal: Journal,
        *,
        symbols: list[str],
        strategies: list[str],
        build: str,
        ttl_ns: int,
    ) -> None:
        self._core, self._book, self._journal = core, book, journal
        self._symbols, self._strategies, self._build, self._ttl_ns = symbols, strategies, build, ttl_ns

    def draft(self, seq: int, commands: list[Command], first_leg: int = 0) -> list[Outgoing]:
        """Write down what the core wants done; return it in the order it is to leave."""
        outgoing = []
        for leg, command in enumerate(commands, first_leg):
            kind = command.kind
            if kind == CommandKind.SUBMIT:
                outgoing.append(self._submit(seq, leg, command))
            elif kind in {CommandKind.CANCEL, CommandKind.REPLACE}:
                found = self._change(seq, leg, command)
                if found is not None:
                    outgoing.append(found)
            elif kind in {CommandKind.PROPOSE, CommandKind.NOTIFY}:
                self._tell(seq, command)
        return outgoing

    def _tell(self, seq: int, command: Command) -> None:
        """Put a proposal that waits for a gate, or a signal, on the store's tape."""
        names = ("quantity", "limit_price", "stop_price", "stop_loss", "take_profit", "price", "at_ns", "confidence")
        body: dict[str, object] = {name: getattr(command, name) for name in names}
        body["symbol"], body["side"] = self._symbols[command.instrument], Side(command.side).name
        body["proposal"] = command.order
        kind = "proposal" if command.kind == CommandKind.PROPOSE else "signal"
        self._journal.note(seq, "core", kind, str(command.order), json.dumps(body, sort_keys=True).encode())

    def _submit(self, seq: int, leg: int, command: Command) -> Outgoing:
        journal = self._journal
        name = client_id(journal.account, journal.run_id, seq, leg)
        symbol = self._symbols[command.instrument]
        request = request_of(command, name, symbol, self._book, self._ttl_ns)
        owner = self._owner(command.row)
        order = LiveOrder(request, command.instrument, command.row, self._strategies[owner], seq, leg, owner)
        order.quantity = request.quantity
        order.state = OrderState.SENDING
        self._book.add(order)
        terms = terms_of(request)
        row = OutboxRow(f"{name}/submit", journal.run_id, name, "submit", terms, "PENDING")
        known = journal.is_known(seq)
        if not known:
            journal.batch.intents.append(
                IntentRow(
                    client_id=name,
                    run_id=journal.run_id,
                    account=journal.account,
                    seq=seq,
                    leg=leg,
                    number=request.number,
                    strategy=order.strategy,
                    symbol=symbol,
                    kind=_KINDS[request.intent],
                    terms=terms,
                    created_ns=request.created_ns,
                    expires_ns=request.expires_ns,
                    build=self._build,
                )
            )
        return Outgoing("submit", order, row, is_known=known)

    def _owner(self, row: int) -> int:
        state = self._core.engine.state
        slot = int(state.tables["orders"][row]["slot"])
        return int(state.tables["slots"][slot]["strategy"])

    def _change(self, seq: int, leg: int, command: Command) -> Outgoing | None:
        order = self._book.by_number.get(command.order)
        if order is None:
            return None
        action = "cancel" if command.kind == CommandKind.CANCEL else "replace"
        order.state = OrderState.CANCEL_PENDING if action == "cancel" else OrderState.REPLACE_PENDING
        if action == "replace":
            order.wanted = (command.quantity, command.stop_price)
        name = order.request.client_id
        body = (
            json.dumps({"quantity": command.quantity, "stop_price": command.stop_price}) if action != "cancel" else ""
        )
        row = OutboxRow(f"{name}/{action}/{seq}.{leg}", self._journal.run_id, name, action, body, "PENDING")
        known = self._journal.is_known(seq)
        return Outgoing(action, order, row, command.quantity, command.stop_price, is_known=known)
