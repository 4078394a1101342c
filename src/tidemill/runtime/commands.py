"""What people and programs ask a run for: taken from the store in order, answered once, put into the inbox."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.enums import EventKind, Intent, Operator, Side
from tidemill.model.errors import ConfigError, TidemillError, UnknownName
from tidemill.model.instrument import Instrument
from tidemill.model.records import EVENT
from tidemill.ports.seams import Clock
from tidemill.ports.store import CommandRow, Store
from tidemill.runtime.inbox import Inbox
from tidemill.runtime.writer import Writer

__all__ = ["POLL_S", "CancelWord", "CommandPoller", "IntentWord", "OperatorWord", "StopWord", "intent_row"]

POLL_S = 0.1
_ON_GRID = 1e-6  # share of a tick
_OPERATORS = {
    "halt": Operator.HALT,
    "resume": Operator.RESUME,
    "cancel_all": Operator.CANCEL_ALL,
    "flatten": Operator.FLATTEN,
}


@dataclass(frozen=True, slots=True)
class OperatorWord:
    """What a person (or the watchdog) orders: who, what, why; ``key`` of the command, empty when there was none."""

    code: Operator
    by: str
    reason: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class IntentWord:
    """A proposal from outside: an INTENT row, who made it, under which command."""

    row: NDArray[Any]
    by: str
    key: str


@dataclass(frozen=True, slots=True)
class CancelWord:
    """One order is to be cancelled."""

    client_id: str
    by: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class StopWord:
    """The run is to end."""

    by: str
    key: str = ""


def _price(body: Mapping[str, Any], name: str) -> float:
    """Return a price that may be left out; zero means none."""
    value = body.get(name)
    if value is None:
        return 0.0
    number = float(value)
    if not (0.0 < number < float("inf")):
        raise ConfigError(f"{name} must be a price above zero, not {value!r}; leave it out for none.")
    return number


def intent_row(body: Mapping[str, Any], instruments: list[Instrument], strategies: list[str]) -> NDArray[Any]:
    """Return the INTENT event of an order somebody asks for.

    Args:
        body: symbol, side (buy or sell), quantity; optional limit_price, stop_price (trigger), stop_loss, take_profit,
            strategy (the first of the run when left out), closes (true: reduce what is open).

    Raises:
        ConfigError: something cannot be traded as asked for.
    """
    symbols = [item.symbol for item in instruments]
    symbol = str(body.get("symbol", ""))
    if symbol not in symbols:
        raise UnknownName("symbol in this run", symbol, symbols)
    side = str(body.get("side", "")).upper()
    if side not in {"BUY", "SELL"}:
        raise ConfigError(f"side must be buy or sell, not {body.get('side')!r}.")
    strategy = str(body.get("strategy") or strategies[0])
    if strategy not in strategies:
        raise UnknownName("strategy in this run", strategy, strategies)
    item = instruments[symbols.index(symbol)]
    quantity = float(body.get("quantity", 0.0))
    lots = quantity / item.lot_size
    if not (0.0 < quantity < float("inf")) or abs(lots - round(lots)) > 1e-9 * max(1.0, lots):
        raise ConfigError(
            f"quantity of {symbol} must be a multiple of {item.lot_size:g} above zero, not {body.get('quantity')!r}."
        )
    prices = {name: _price(body, name) for name in ("limit_price", "stop_price", "stop_loss", "take_profit")}
    for name, price in prices.items():
        if price and item.tick_size and abs(price / item.tick_size - round(price / item.tick_size)) > _ON_GRID:
            raise ConfigError(f"{name} {price:g} does not lie on the {item.tick_size:g} grid of {symbol}.")
    row = np.zeros(1, EVENT)
    row["kind"] = int(EventKind.INTENT)
    row["instrument"] = symbols.index(symbol)
    row["order"] = strategies.index(strategy)
    row["code"] = int(Side[side])
    row["extra"] = int(Intent.EXIT if body.get("closes") else Intent.ENTRY)
    row["volume"] = quantity
    row["bid"], row["ask"] = prices["limit_price"], prices["stop_price"]
    row["low"], row["high"] = prices["stop_loss"], prices["take_profit"]
    return row


class CommandPoller:
    """Looks for commands, and puts each into the inbox once.

    A command is answered after its turn is on the disk. Died the engine in between, the tape knows its key: it is
    answered then, and never obeyed twice.

    Args:
        run_id: whose commands. store, writer, clock, inbox: of the run.
        instruments, strategies: what may be named.
        push: takes a tick from outside: symbol, price, size, time; raises ConfigError when the run takes none.
        seen: keys of commands that are on the tape already.
    """

    def __init__(
        self,
        run_id: str,
        *,
        store: Store,
        writer: Writer,
        clock: Clock,
        inbox: Inbox,
        instruments: list[Instrument],
        strategies: list[str],
        push: Callable[[str, float, float, int], None],
        seen: Iterable[str] = (),
    ) -> None:
        self._run_id, self._store, self._writer, self._clock = run_id, store, writer, clock
        self._inbox, self._instruments, self._strategies, self._push = inbox, instruments, strategies, push
        self._seen = set(seen)
        self._waiting: set[str] = set()

    async def serve(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await self._clock.sleep(POLL_S)

    async def look(self) -> None:
        """Take what is new, oldest first; a command that cannot be obeyed is refused with its reason."""
        for command in await self._writer.run(partial(self._store.new_commands, self._run_id)):
            if command.key in self._waiting:
                continue
            if command.key in self._seen:
                await self.answer(command.key, "DONE", "taken before a restart")
                continue
            try:
                answer = self._take(command)
            except (TidemillError, ValueError, TypeError, KeyError) as error:
                await self.answer(command.key, "REFUSED", str(error))
                continue
            if answer:
                await self.answer(command.key, "DONE" if answer == "taken" else "REFUSED", answer)
            else:
                self._waiting.add(command.key)

    async def answer(self, key: str, state: str, text: str) -> None:
        """Write down what became of a command; an empty key belongs to none."""
        if key:
            self._waiting.discard(key)
            await self._writer.run(partial(self._store.answer_command, key, state, text))

    def _take(self, command: CommandRow) -> str:
        """Put a command into the inbox; return the answer if it has one at once."""
        body: dict[str, Any] = json.loads(command.body or "{}")
        kind, by, key = command.kind, command.user, command.key
        if kind in _OPERATORS:
            self._inbox.operator(OperatorWord(_OPERATORS[kind], by, str(body.get("reason", "")), key))
        elif kind == "cancel":
            self._inbox.operator(CancelWord(str(body["client_id"]), by, key))
        elif kind == "stop":
            self._inbox.operator(StopWord(by, key))
        elif kind == "tick":
            stamp = int(body.get("ts_ns", 0))
            self._push(str(body["symbol"]), float(body["price"]), float(body.get("size", 1.0)), stamp)
            return "taken"
        elif kind == "order":
            word = IntentWord(intent_row(body, self._instruments, self._strategies), by, key)
            if not self._inbox.command(word):
                return "busy: too many commands wait; try again"
        else:
            raise UnknownName("command", kind, [*_OPERATORS, "cancel", "order", "stop", "tick"])
        return ""
