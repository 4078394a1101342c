"""Where words are taken from: the store, in order, each put into the inbox once and answered once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from tidemill.model.enums import Operator
from tidemill.model.errors import GuardRefusal, StoreBusy, TidemillError, UnknownName
from tidemill.model.instrument import Instrument
from tidemill.model.journal import AnswerRow
from tidemill.ports.seams import Clock
from tidemill.ports.store import CommandRow, Store
from tidemill.runtime.guard.relimits import face_limits
from tidemill.runtime.inbox import Inbox
from tidemill.runtime.record.writer import Writer
from tidemill.runtime.words.bodies import intent_row, number_of, verdict_row
from tidemill.runtime.words.protecting import protect_word
from tidemill.runtime.words.words import (
    AdjustWord,
    CancelWord,
    IntentWord,
    LimitsWord,
    OperatorWord,
    StopWord,
    VerdictWord,
)

__all__ = ["POLL_S", "CommandPoller"]

POLL_S = 0.1
_REMEMBERED = 4096  # keys of answered commands: more than one look at the store can hold
_STALE_NS = 60_000_000_000  # an order nobody took for so long is not wanted any more
_OPERATORS = {"pause": Operator.PAUSE, "go_on": Operator.GO_ON}
_KINDS = ("adjust", "cancel", "go_on", "limits", "order", "pause", "protect", "stop", "tick", "verdict")


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
        told: called when answers of this poller are on the disk.
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
        told: Callable[[], object] = lambda: None,
    ) -> None:
        self._run_id, self._store, self._writer, self._clock = run_id, store, writer, clock
        self._inbox, self._instruments, self._strategies, self._push = inbox, instruments, strategies, push
        self._seen, self._refused = set(seen), refused
        self._waiting: set[str] = set()
        self._answered: dict[str, None] = {}
        self._told = told

    async def serve(self) -> None:
        """Look until cancelled; a locked database is looked at again."""
        while True:
            with suppress(StoreBusy):
                await self.look()
            await self._clock.sleep(POLL_S)

    async def look(self) -> None:
        """Take what is new, oldest first; a command that cannot be obeyed is refused with its reason."""
        await self.take(await self._writer.run(partial(self._store.new_commands, self._run_id)))

    async def take(self, commands: Sequence[CommandRow]) -> None:
        """Take commands that were read from the store, in this order; one that was read twice is taken once."""
        answers = []
        for command in commands:
            if command.key in self._waiting or command.key in self._answered:
                continue
            answer = self._answer_at_once(command)
            if answer is None:
                self._waiting.add(command.key)
            else:
                self.settled(command.key)
                answers.append(answer)
        if answers:
            await self._writer.surely(partial(self._store.answer_commands, answers))
            self._told()

    def _answer_at_once(self, command: CommandRow) -> AnswerRow | None:
        """Put a command into the inbox; return its answer, None while its turn is to come."""
        if command.key in self._seen:
            return AnswerRow(command.key, "DONE", "taken before a restart")
        try:
            answer = self._take(command)
        except GuardRefusal as error:
            return self._refuse(command, f"{error.code}: {error}")
        except (TidemillError, ValueError, TypeError, KeyError) as error:
            return self._refuse(command, f"bad_command: {error}")
        return AnswerRow(command.key, "DONE", answer) if answer else None

    def _refuse(self, command: CommandRow, reason: str) -> AnswerRow:
        self._refused(command, reason)
        return AnswerRow(command.key, "REFUSED", reason)

    def settled(self, key: str) -> None:
        """Note that a command is answered; an older look at the store may still show it."""
        if key:
            self._waiting.discard(key)
            self._answered[key] = None
            if len(self._answered) > _REMEMBERED:
                del self._answered[next(iter(self._answered))]

    def _take(self, command: CommandRow) -> str:
        """Put a command into the inbox; return the answer if it has one at once."""
        body: dict[str, Any] = json.loads(command.body or "{}")
        kind, by, key = command.kind, command.user, command.key
        if kind == "verdict":
            if not self._inbox.command(VerdictWord(verdict_row(body), by, key)):
                raise GuardRefusal("busy", "Too many commands wait; try again.")
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
            self._inbox.operator(self._operator_word(command, body))
        return ""

    def _operator_word(self, command: CommandRow, body: dict[str, Any]) -> Any:
        """Return the word of a command that waits behind nothing. Raises UnknownName: there is no such command."""
        kind, by, key = command.kind, command.user, command.key
        if kind == "cancel":
            return CancelWord(str(body["client_id"]), by, key)
        if kind in _OPERATORS:
            return OperatorWord(_OPERATORS[kind], by, str(body.get("reason", "")), key)
        if kind == "stop":
            return StopWord(by, key)
        if kind == "limits":
            return LimitsWord(face_limits(body), command.body, by, key)
        if kind == "protect":
            return protect_word(body, self._instruments, self._strategies, by, key)
        if kind == "adjust":
            return self._adjustment(body, by, key)
        raise UnknownName("command", kind, _KINDS)

    def _adjustment(self, body: Mapping[str, Any], by: str, key: str) -> AdjustWord:
        """Return the adjustment a person asks for; its key is its identity, so it is booked once."""
        symbols = [item.symbol for item in self._instruments]
        symbol, units, price = str(body["symbol"]), number_of(body, "units"), number_of(body, "price")
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
