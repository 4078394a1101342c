"""What people and programs ask a run for: taken from the store in order, answered once, put into the inbox."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.enums import EventKind, Intent, Operator, Side, Verdict
from tidemill.model.errors import GuardRefusal, TidemillError, UnknownName
from tidemill.model.instrument import Instrument
from tidemill.model.records import EVENT
from tidemill.ports.seams import Clock
from tidemill.ports.store import CommandRow, Store
from tidemill.runtime.inbox import Inbox
from tidemill.runtime.writer import Writer

__all__ = [
    "POLL_S",
    "AdjustWord",
    "CancelWord",
    "CommandPoller",
    "IntentWord",
    "OperatorWord",
    "StopWord",
    "VerdictWord",
    "intent_row",
    "verdict_row",
]

POLL_S = 0.1
_ON_GRID = 1e-6  # share of a tick
_LOT_SLACK = 1e-9  # binary noise of a decimal quantity
_STALE_NS = 60_000_000_000  # an order nobody took for so long is not wanted any more
_OPERATORS = {"pause": Operator.PAUSE, "go_on": Operator.GO_ON}
_KINDS = ("adjust", "cancel", "go_on", "order", "pause", "stop", "tick", "verdict")


@dataclass(frozen=True, slots=True)
class OperatorWord:
    """What a person (or the watchdog) orders: who, what, why.

    Args:
        key: of the command, empty when there was none.
        order: number of the order, or row of the strategy, where the word concerns one.
        done: told once the turn is on the disk.
    """

    code: Operator
    by: str
    reason: str = ""
    key: str = ""
    order: int = 0
    done: Callable[[], None] | None = None


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
class VerdictWord:
    """What a gate (a person, a model, an analyst) says to a proposal: a VERDICT row."""

    row: NDArray[Any]
    by: str
    key: str


@dataclass(frozen=True, slots=True)
class AdjustWord:
    """A difference from the broker's record that a person acknowledges: signed units at a price, to be booked."""

    instrument: int
    units: float
    price: float
    by: str
    key: str
    strategy: int = 0


@dataclass(frozen=True, slots=True)
class StopWord:
    """The run is to end."""

    by: str
    key: str = ""


def _number(body: Mapping[str, Any], name: str) -> float:
    """Return a number of a body that may be left out; zero stands for none."""
    try:
        return float(body.get(name) or 0.0)
    except (TypeError, ValueError):
        raise GuardRefusal("not_a_number", f"{name} must be a number, not {body.get(name)!r}.") from None


def _price(body: Mapping[str, Any], name: str, item: Instrument) -> float:
    """Return a price that may be left out; zero means none."""
    if body.get(name) is None:
        return 0.0
    price = _number(body, name)
    if not (0.0 < price < float("inf")):
        raise GuardRefusal("bad_price", f"{name} must be above zero, not {body[name]!r}; leave it out for none.")
    if item.tick_size and abs(price / item.tick_size - round(price / item.tick_size)) > _ON_GRID:
        sentence = f"{name} {price:g} does not lie on the {item.tick_size:g} grid of {item.symbol}."
        raise GuardRefusal("off_tick", sentence)
    return price


def _quantity(body: Mapping[str, Any], item: Instrument) -> float:
    quantity = _number(body, "quantity")
    if not (0.0 < quantity < float("inf")):
        raise GuardRefusal("no_quantity", f"The quantity must be above zero, not {body.get('quantity')!r}.")
    lots = quantity / item.lot_size
    if abs(lots - round(lots)) > _LOT_SLACK * max(1.0, lots):
        code = "fraction" if item.lot_size == 1.0 else "off_lot"
        sentence = f"{item.symbol} is traded in multiples of {item.lot_size:g}, and {quantity:g} is none."
        raise GuardRefusal(code, sentence)
    return quantity


def _check_sides(side: Side, prices: Mapping[str, float]) -> None:
    """Refuse protection on the wrong side of the entry, as far as the order itself tells its price."""
    entry = prices["limit_price"] or prices["stop_price"]
    stop, target = prices["stop_loss"], prices["take_profit"]
    name = side.name.lower()
    if stop and entry and not (side * (entry - stop) > 0.0):
        raise GuardRefusal("stop_side", f"The stop {stop:g} of a {name} at {entry:g} is on the wrong side; swap it.")
    if target and entry and not (side * (target - entry) > 0.0):
        raise GuardRefusal("target_side", f"The target {target:g} of a {name} at {entry:g} is on the wrong side.")
    if stop and target and not (side * (target - stop) > 0.0):
        raise GuardRefusal("stop_side", f"Stop {stop:g} and target {target:g} of a {name} are the wrong way round.")


def intent_row(body: Mapping[str, Any], instruments: Sequence[Instrument], strategies: Sequence[str]) -> NDArray[Any]:
    """Return the INTENT event of an order somebody asks for.

    Args:
        body: symbol, side (buy or sell), quantity; optional limit_price, stop_price (trigger), stop_loss, take_profit,
            strategy (the first of the run when left out), closes (true: reduce what is open).

    Raises:
        GuardRefusal: something cannot be traded as asked for; its code names what.
    """
    symbols = [item.symbol for item in instruments]
    symbol, strategy = str(body.get("symbol", "")), str(body.get("strategy") or strategies[0])
    if symbol not in symbols:
        raise GuardRefusal("unknown_symbol", str(UnknownName("symbol in this run", symbol, symbols)))
    if strategy not in strategies:
        raise GuardRefusal("unknown_strategy", str(UnknownName("strategy in this run", strategy, strategies)))
    try:
        side = Side[str(body.get("side", "")).upper()]
    except KeyError:
        raise GuardRefusal("bad_side", f"side must be buy or sell, not {body.get('side')!r}.") from None
    item = instruments[symbols.index(symbol)]
    quantity = _quantity(body, item)
    prices = {name: _price(body, name, item) for name in ("limit_price", "stop_price", "stop_loss", "take_profit")}
    _check_sides(side, prices)
    row = np.zeros(1, EVENT)
    row["kind"] = int(EventKind.INTENT)
    row["instrument"] = symbols.index(symbol)
    row["order"] = list(strategies).index(strategy)
    row["code"] = int(side)
    row["extra"] = int(Intent.EXIT if body.get("closes") else Intent.ENTRY)
    row["volume"] = quantity
    row["bid"], row["ask"] = prices["limit_price"], prices["stop_price"]
    row["low"], row["high"] = prices["stop_loss"], prices["take_profit"]
    return row


def verdict_row(body: Mapping[str, Any]) -> NDArray[Any]:
    """Return the VERDICT event of an answer to a proposal.

    Args:
        body: proposal (its number), answer (approve, veto or scale), ratio (of a scale: 0 to 1), confidence (0 to 100).

    Raises:
        GuardRefusal: the answer is none.
    """
    name = str(body.get("answer", "")).upper()
    if name not in Verdict.__members__:
        raise GuardRefusal("bad_answer", f"A gate answers approve, veto or scale, not {body.get('answer')!r}.")
    ratio, confidence = _number(body, "ratio"), _number(body, "confidence")
    if name == Verdict.SCALE.name and not (0.0 < ratio <= 1.0):
        raise GuardRefusal("bad_ratio", f"A gate may only scale down: ratio above 0 and at most 1, not {ratio:g}.")
    if not (0.0 <= confidence <= 100.0):
        raise GuardRefusal("bad_confidence", f"confidence lies between 0 and 100, not {confidence:g}.")
    number = _number(body, "proposal")
    if not (1.0 <= number < 2.0**53) or number != int(number):
        raise GuardRefusal("bad_proposal", f"{body.get('proposal')!r} is no number of a proposal.")
    row = np.zeros(1, EVENT)
    row["kind"] = int(EventKind.VERDICT)
    row["instrument"] = -1
    row["order"] = int(number)
    row["code"] = int(Verdict[name])
    row["volume"] = ratio
    row["close"] = confidence
    return row


class CommandPoller:
    """Looks for commands, and puts each into the inbox once.

    A command is answered after its turn is on the disk. Died the engine in between, the tape knows its key: it is
    answered then, and never obeyed twice.

    Args:
        run_id: whose commands. store, writer, clock, inbox: of the run.
        instruments, strategies: what may be named.
        push: takes a tick from outside: symbol, price, size, time; raises ConfigError when the run takes none.
        refused: told of every command that cannot be obeyed, with the reason.
        seen: keys of commands that are on the tape already.
    """

    def __init__(  # noqa: PLR0913 - a command may concern anything
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
        refused: Callable[[CommandRow, str], None],
        seen: Iterable[str] = (),
    ) -> None:
        self._run_id, self._store, self._writer, self._clock = run_id, store, writer, clock
        self._inbox, self._instruments, self._strategies, self._push = inbox, instruments, strategies, push
        self._seen, self._refused = set(seen), refused
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
            except GuardRefusal as error:
                await self._refuse(command, f"{error.code}: {error}")
            except (TidemillError, ValueError, TypeError, KeyError) as error:
                await self._refuse(command, f"bad_command: {error}")
            else:
                if answer:
                    await self.answer(command.key, "DONE", answer)
                else:
                    self._waiting.add(command.key)

    async def _refuse(self, command: CommandRow, reason: str) -> None:
        self._refused(command, reason)
        await self.answer(command.key, "REFUSED", reason)

    async def answer(self, key: str, state: str, text: str) -> None:
        """Write down what became of a command; an empty key belongs to none."""
        if key:
            self._waiting.discard(key)
            await self._writer.run(partial(self._store.answer_command, key, state, text))

    def _take(self, command: CommandRow) -> str:
        """Put a command into the inbox; return the answer if it has one at once."""
        body: dict[str, Any] = json.loads(command.body or "{}")
        kind, by, key = command.kind, command.user, command.key
        if kind == "cancel":
            self._inbox.operator(CancelWord(str(body["client_id"]), by, key))
        elif kind in _OPERATORS:
            self._inbox.operator(OperatorWord(_OPERATORS[kind], by, str(body.get("reason", "")), key))
        elif kind == "verdict":
            if not self._inbox.command(VerdictWord(verdict_row(body), by, key)):
                raise GuardRefusal("busy", "Too many commands wait; try again.")
        elif kind == "stop":
            self._inbox.operator(StopWord(by, key))
        elif kind == "adjust":
            self._inbox.operator(self._adjustment(body, by, key))
        elif kind == "tick":
            return self._take_tick(body)
        elif kind == "order":
            age_s = (self._clock.now_ns() - command.at_ns) / 1e9
            if age_s * 1e9 > _STALE_NS and not body.get("closes"):
                raise GuardRefusal(
                    "stale_order", f"Nobody took the order for {age_s:.0f} s; ask again if it is wanted."
                )
            word = IntentWord(intent_row(body, self._instruments, self._strategies), by, key)
            if not self._inbox.command(word):
                raise GuardRefusal("busy", "Too many commands wait; try again.")
        else:
            raise UnknownName("command", kind, _KINDS)
        return ""

    def _adjustment(self, body: Mapping[str, Any], by: str, key: str) -> AdjustWord:
        """Return the adjustment a person asks for; its key is its identity, so it is booked once."""
        symbols = [item.symbol for item in self._instruments]
        symbol, units, price = str(body["symbol"]), _number(body, "units"), _number(body, "price")
        if symbol not in symbols:
            raise UnknownName("symbol", symbol, symbols)
        if not (0.0 < abs(units) < float("inf") and 0.0 < price < float("inf")):
            raise GuardRefusal("bad_adjustment", "An adjustment needs units other than zero and a price above zero.")
        strategy = str(body.get("strategy") or self._strategies[0])
        if strategy not in self._strategies:
            raise UnknownName("strategy", strategy, self._strategies)
        return AdjustWord(symbols.index(symbol), units, price, by, key, self._strategies.index(strategy))

    def _take_tick(self, body: Mapping[str, Any]) -> str:
        """Push a tick; what the border sets aside is refused by the name of its fault."""
        border = self._inbox.border
        before = border.total
        self._push(str(body["symbol"]), float(body["price"]), float(body.get("size", 1.0)), int(body.get("ts_ns", 0)))
        if border.total > before:
            fault = border.recent[-1].fault.name.lower()
            raise GuardRefusal(
                fault, f"The tick was set aside: {fault.replace('_', ' ')}; it is counted and changes nothing."
            )
        return "taken"
