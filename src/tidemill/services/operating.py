"""Use cases of people at work: orders by hand, cancels, ticks; each asked once, each answered."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tidemill.adapters.sql.opening import open_store
from tidemill.adapters.sql.store import SqlStore
from tidemill.kernel.transitions import is_final
from tidemill.model.enums import OrderState
from tidemill.model.errors import GuardRefusal, StoreError, UnknownName
from tidemill.ports.store import CommandRow
from tidemill.runtime.clock import SystemClock, SystemIds
from tidemill.runtime.words.bodies import intent_row, verdict_row
from tidemill.services.desks import find_desk, who
from tidemill.services.home import Home, read_store

__all__ = ["Answer", "ask_cancel", "ask_order", "ask_tick", "ask_word"]

_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request. ``state``: DONE, REFUSED, or NEW when nobody has answered yet."""

    key: str
    run_id: str
    state: str
    text: str


@contextlib.contextmanager
def _counted(home: Home, kind: str, body: Mapping[str, Any], user: str, run_id: str) -> Iterator[None]:
    """Write what is refused into the record, so that it is counted; a record that cannot be written changes nothing."""
    try:
        yield
    except GuardRefusal as error:
        row = _row(SystemIds().fresh("refused-"), user, run_id, kind, body, "REFUSED", f"{error.code}: {error}")
        with contextlib.suppress(StoreError), open_store(home.url, verify=False) as store:
            store.put_command(row)
        raise


def _row(
    key: str, user: str, run_id: str, kind: str, body: Mapping[str, Any], state: str = "NEW", answer: str = ""
) -> CommandRow:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(f"{kind}|{run_id}|{text}".encode()).hexdigest()
    return CommandRow(key, user, run_id, kind, text, digest, state, answer, SystemClock().now_ns())


def _ask(store: SqlStore, command: CommandRow, wait_s: float) -> Answer:
    """Put a command, once, and wait for its answer."""
    stored = store.put_command(command)
    if stored.body_hash != command.body_hash:
        sentence = f"The key {command.key} was used for another request; take a new key, nothing was done."
        raise GuardRefusal("key_reused", sentence)
    until = time.monotonic() + wait_s
    while stored.state not in {"DONE", "REFUSED"} and time.monotonic() < until:
        time.sleep(_POLL_S)
        stored = store.command(command.key) or stored
    return Answer(stored.key, stored.run_id, stored.state, stored.answer)


def ask_order(
    home: Home,
    body: Mapping[str, Any],
    *,
    run_id: str | None = None,
    key: str = "",
    user: str = "",
    wait_s: float = 10.0,
) -> Answer:
    """Ask a run for an order; the same key asks once, however often it is sent.

    Args:
        body: as ``intent_row`` takes it.
        key: idempotency key; empty: a new one.
        wait_s: for the answer; 0: do not wait.

    Raises:
        GuardRefusal: it cannot be traded as asked for, or the key was used for something else; nothing was asked.
        StoreError: the database took nothing.
    """
    user = user or who()
    plain = {name: value for name, value in body.items() if value is not None}
    with _counted(home, "order", plain, user, run_id or ""):
        desk = find_desk(home, run_id)
        intent_row(plain, desk.instruments, desk.strategies)
        with read_store(home) as store:
            return _ask(store, _row(key or SystemIds().fresh("cli-"), user, desk.run_id, "order", plain), wait_s)


def ask_tick(
    home: Home,
    symbol: str,
    price: float,
    size: float = 0.0,
    ts_ns: int = 0,
    *,
    run_id: str | None = None,
    wait_s: float,
) -> Answer:
    """Push a trade to a run that listens to pushed ticks; errors as of ``ask_order``."""
    body = {"symbol": symbol, "price": price, "size": size, "ts_ns": ts_ns}
    user = who()
    with _counted(home, "tick", body, user, run_id or ""):
        desk = find_desk(home, run_id)
        symbols = [item.symbol for item in desk.instruments]
        if symbol not in symbols:
            raise GuardRefusal("unknown_symbol", str(UnknownName("symbol in this run", symbol, symbols)))
        with read_store(home) as store:
            return _ask(store, _row(SystemIds().fresh("cli-"), user, desk.run_id, "tick", body), wait_s)


def ask_word(
    home: Home, kind: str, body: Mapping[str, Any], *, run_id: str | None = None, user: str = "", wait_s: float = 10.0
) -> Answer:
    """Ask a run to pause, to go on, or give it a gate's verdict; errors as of ``ask_order``."""
    user = user or who()
    with _counted(home, kind, body, user, run_id or ""):
        if kind == "verdict":
            verdict_row(body)
        desk = find_desk(home, run_id)
        with read_store(home) as store:
            return _ask(store, _row(SystemIds().fresh("cli-"), user, desk.run_id, kind, body), wait_s)


def ask_cancel(
    home: Home, client_id: str | None = None, *, run_id: str | None = None, user: str = "", wait_s: float = 10.0
) -> list[Answer]:
    """Cancel one order by its id, or every working entry of a run; protection is cancelled by its own id only.

    Raises:
        GuardRefusal: there is no such order or run. StoreError: the database took nothing.
    """
    user = user or who()
    with _counted(home, "cancel", {"client_id": client_id}, user, run_id or ""), read_store(home) as store:
        if client_id is not None:
            runs = [run_id] if run_id else [row.run_id for row in store.runs()]
            owner = next((run for run in runs if any(o.client_id == client_id for o in store.orders(run))), None)
            if owner is None:
                raise GuardRefusal("unknown_order", f"There is no order {client_id}; `tidemill orders` lists them.")
            wanted = [(owner, client_id)]
        else:
            desk = find_desk(home, run_id)
            wanted = [
                (desk.run_id, order.client_id)
                for order in store.orders(desk.run_id)
                if order.intent == "ENTRY" and not is_final(OrderState[order.state])
            ]
        rows = [_row(SystemIds().fresh("cli-"), user, run, "cancel", {"client_id": name}) for run, name in wanted]
        for row in rows:
            store.put_command(row)
        return [_ask(store, row, wait_s) for row in rows]
