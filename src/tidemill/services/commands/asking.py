"""Use case: ask runs for something on behalf of many people at once.

Wishes of a moment are stored in one transaction. They need not wait for the disk: the answer, which is durable, is
written by the engine after the wish, so whoever has an answer has a wish that survives. Whoever does not wait for an
answer waits for the disk instead.
"""

from __future__ import annotations

import hashlib
import json
import queue
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tidemill.adapters.sql.database import Database
from tidemill.adapters.sql.opening import open_store
from tidemill.model.errors import StoreError
from tidemill.model.people import UserScope
from tidemill.ports.seams import Clock, Ids
from tidemill.ports.store import CommandRow
from tidemill.runtime.doorbell import Doorbell, ring
from tidemill.services.fleet.refusals import not_now
from tidemill.services.fleet.runs import Runs
from tidemill.services.home import Home
from tidemill.services.hosting.bells import answer_bell, engine_bell
from tidemill.services.hosting.builds import Handshake
from tidemill.services.operating import Answer
from tidemill.services.refusals import Kind, Refused

__all__ = ["Asked", "Asking"]

_GATHER_S = 0.001  # a wish waits so long for others to share its transaction
_MOST = 256  # wishes of one transaction
_LOOK_S = 0.02  # between two looks for answers when no bell rings
_STORE_S = 15.0  # for a wish to be stored
_FRESH_NS = 500_000_000  # a run that was at work is taken to be for so long
_REMEMBERED = 10_000
_ANSWERED = ("DONE", "REFUSED")


@dataclass(frozen=True, slots=True)
class _Wish:
    """A wish on its way: stored, then answered; each is told once, and only the answer is usually waited for."""

    row: CommandRow
    stored: Future[CommandRow] = field(default_factory=Future)
    answered: Future[CommandRow] = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class Asked(Answer):
    """What became of a wish; ``is_replay``: it was asked for before under its key."""

    is_replay: bool = False


class Asking:
    """Asks runs, from any number of threads.

    Args:
        home, database, clock, ids: of the installation. runs: tells whose a run is.
    """

    def __init__(self, home: Home, database: Database, runs: Runs, clock: Clock, ids: Ids) -> None:
        self._home, self._database, self._runs, self._clock, self._ids = home, database, runs, clock, ids
        self._wishes: queue.SimpleQueue[_Wish | None] = queue.SimpleQueue()
        self._waiting: dict[str, list[Future[CommandRow]]] = {}
        self._handshake = Handshake(home, clock)
        self._seen: dict[tuple[int, str], int] = {}
        self._turn = threading.Lock()
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []

    def ask(
        self,
        scope: UserScope,
        run_id: str,
        kind: str,
        body: Mapping[str, Any],
        *,
        key: str = "",
        user: str = "",
        wait_s: float = 10.0,
    ) -> Asked:
        """Ask a run for something and wait for its answer; the same key asks once, however often it is sent.

        Args:
            scope: whose run it is. run_id: which.
            kind: order, cancel, tick, pause, go_on, verdict, adjust or stop. body: as the run takes it.
            key: idempotency key; empty: a new one. user: name of who asks.
            wait_s: for the answer; 0: only until the wish is safe.

        Returns:
            The answer; state NEW: nobody has answered yet, and the wish stands.

        Raises:
            Refused: the run is not theirs, not at work, or the key was used for another wish.
            StoreError: nothing was asked.
        """
        self._check(scope, run_id)
        self._handshake.check(kind)
        wish = self._send(self._row(scope, run_id, kind, body, key, user))
        stored = self._await_answers([wish], wait_s)[0]
        if stored.body_hash != wish.row.body_hash:
            raise Refused(
                Kind.CONFLICT, "key_reused", "That idempotency key was used for another request; take a new key."
            )
        return Asked(key or stored.key, run_id, stored.state, stored.answer, stored.at_ns != wish.row.at_ns)

    def ask_many(
        self, scope: UserScope, wishes: Sequence[tuple[str, str, Mapping[str, Any]]], *, user: str = "", wait_s: float
    ) -> list[Answer]:
        """Ask for several things at once, taken in this order; as ``ask``, each under a key of its own.

        Args:
            wishes: run, kind and body of each.
        """
        for run_id in dict.fromkeys(run_id for run_id, _, _ in wishes):
            self._check(scope, run_id)
        for kind in dict.fromkeys(kind for _, kind, _ in wishes):
            self._handshake.check(kind)
        sent = [self._send(self._row(scope, *wish, "", user)) for wish in wishes]
        answered = self._await_answers(sent, wait_s)
        return [Answer(row.key, row.run_id, row.state, row.answer) for row in answered]

    def _check(self, scope: UserScope, run_id: str) -> None:
        """Refuse a run that is somebody else's or not at work; what was seen a moment ago is not asked again."""
        now = self._clock.monotonic_ns()
        if self._seen.get((scope.user_id, run_id), 0) > now:
            return
        run = self._runs.get(scope, run_id)
        if not run.is_active:
            raise not_now(f"The run {run_id} is {run.status}; start it first.")
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()
        self._seen[scope.user_id, run_id] = now + _FRESH_NS

    def _row(
        self, scope: UserScope, run_id: str, kind: str, body: Mapping[str, Any], key: str, user: str
    ) -> CommandRow:
        text = json.dumps(body, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(f"{kind}|{run_id}|{text}".encode()).hexdigest()
        name = f"u{scope.user_id}/{key}" if key else self._ids.fresh("api-")  # keys of two people never meet
        who = user or f"user:{scope.user_id}"
        return CommandRow(name, who, run_id, kind, text, digest, "NEW", "", self._clock.now_ns())

    def _send(self, row: CommandRow) -> _Wish:
        self._begin()
        wish = _Wish(row)
        self._wishes.put(wish)
        return wish

    def _await_answers(self, wishes: Sequence[_Wish], wait_s: float) -> list[CommandRow]:
        """Wait for answers; wishes without one in time are made safe. Raises StoreError: one was not stored."""
        until = time.monotonic() + wait_s
        try:
            return [wish.answered.result(max(until - time.monotonic(), 0.0)) for wish in wishes]
        except TimeoutError:
            keys = [_stored(wish).key for wish in wishes]
            self._database.store.heartbeat("api", self._clock.now_ns(), "{}")  # a durable commit: the wishes are safe
            newest = {row.key: row for row in self._database.store.commands(keys)}
            return [newest.get(key, wish.stored.result()) for key, wish in zip(keys, wishes, strict=True)]
        finally:
            for wish in wishes:
                if not wish.answered.done():
                    self._forget(wish)

    def _forget(self, wish: _Wish) -> bool:
        """Look for no answer to a wish any more; return whether one was looked for: then nobody else tells it."""
        with self._turn:
            waiting = self._waiting.get(wish.row.key, [])
            if wish.answered not in waiting:
                return False
            waiting.remove(wish.answered)
            if not waiting:
                del self._waiting[wish.row.key]
            return True

    # --- threads

    def _begin(self) -> None:
        with self._turn:
            if self._closing.is_set():
                raise StoreError("This process is ending; nothing was asked.")
            living = {thread.name: thread for thread in self._threads if thread.is_alive()}
            for name, work in {"commands": self._write, "answers": self._watch}.items():
                if name not in living:  # not begun yet, or it ended because the database could not be opened
                    living[name] = threading.Thread(target=work, name=name, daemon=True)
                    living[name].start()
            self._threads = list(living.values())

    def _write(self) -> None:
        """Store wishes, those of a millisecond together."""
        engine = engine_bell(self._home)
        with suppress(StoreError), open_store(self._home.url, verify=False, relaxed=True) as store:
            while (first := self._wishes.get()) is not None:
                wishes = self._gathered(first)
                rows = {wish.row.key: wish.row for wish in reversed(wishes)}
                with self._turn:  # before the engine can answer
                    for wish in wishes:
                        self._waiting.setdefault(wish.row.key, []).append(wish.answered)
                try:
                    found = {row.key: row for row in store.put_commands(list(rows.values()))}
                except StoreError as error:
                    for wish in wishes:
                        wish.stored.set_exception(error)
                        if self._forget(wish):
                            wish.answered.set_exception(error)
                    continue
                ring(engine)
                for wish in wishes:
                    self._tell_stored(wish, found[wish.row.key])

    def _tell_stored(self, wish: _Wish, row: CommandRow) -> None:
        """Say that a wish is stored; one that was answered before, or is another under a used key, is over."""
        wish.stored.set_result(row)
        is_over = row.state in _ANSWERED or row.body_hash != wish.row.body_hash
        if is_over and self._forget(wish):
            wish.answered.set_result(row)

    def _gathered(self, first: _Wish) -> list[_Wish]:
        wishes, until = [first], time.monotonic() + _GATHER_S
        while len(wishes) < _MOST:
            try:
                item = self._wishes.get(timeout=max(until - time.monotonic(), 0.0))
            except queue.Empty:
                break
            if item is None:
                self._wishes.put(None)
                break
            wishes.append(item)
        return wishes

    def _watch(self) -> None:
        """Look for the answers of all who wait, with one question."""
        with (
            suppress(StoreError),
            Doorbell(answer_bell(self._home)) as bell,
            open_store(self._home.url, verify=False) as store,
        ):
            while not self._closing.is_set():
                bell.hear(_LOOK_S)
                with self._turn:
                    keys = list(self._waiting)
                if not keys:
                    continue
                try:
                    rows = store.commands(keys)
                except StoreError:
                    continue  # looked for again
                self._hand_out([row for row in rows if row.state in _ANSWERED])

    def _hand_out(self, rows: list[CommandRow]) -> None:
        for row in rows:
            with self._turn:
                waiting = self._waiting.pop(row.key, [])
            for future in waiting:
                future.set_result(row)

    def close(self) -> None:
        """Stop the threads; wishes that wait are stored first."""
        self._closing.set()
        self._wishes.put(None)
        for thread in self._threads:
            thread.join()


def _stored(wish: _Wish) -> CommandRow:
    """Return a wish as it is stored. Raises StoreError: nothing was stored, or nobody knows."""
    try:
        return wish.stored.result(_STORE_S)
    except TimeoutError:
        raise StoreError("The database took nothing for a while; ask again with the same key.") from None
