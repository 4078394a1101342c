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
from dataclasses import dataclass
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

_Wish = tuple[CommandRow, "Future[CommandRow]"]


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
        wish = self._row(scope, run_id, kind, body, key, user)
        stored = _stored(self._send(wish))
        if stored.body_hash != wish.body_hash:
            raise Refused(
                Kind.CONFLICT, "key_reused", "That idempotency key was used for another request; take a new key."
            )
        if stored.state not in _ANSWERED:
            stored = self._await_answers([stored], time.monotonic() + wait_s)[0]
        return Asked(key or stored.key, run_id, stored.state, stored.answer, stored.at_ns != wish.at_ns)

    def ask_many(
        self, scope: UserScope, wishes: Sequence[tuple[str, str, Mapping[str, Any]]], *, user: str = "", wait_s: float
    ) -> list[Answer]:
        """Ask for several things at once, taken in this order; as ``ask``, each under a key of its own.

        Args:
            wishes: run, kind and body of each.
        """
        for run_id in dict.fromkeys(run_id for run_id, _, _ in wishes):
            self._check(scope, run_id)
        futures = [self._send(self._row(scope, *wish, "", user)) for wish in wishes]
        stored = [_stored(future) for future in futures]
        until = time.monotonic() + wait_s
        answered = self._await_answers(stored, until)
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

    def _send(self, wish: CommandRow) -> Future[CommandRow]:
        self._begin()
        future: Future[CommandRow] = Future()
        self._wishes.put((wish, future))
        return future

    def _await_answers(self, stored: Sequence[CommandRow], until: float) -> list[CommandRow]:
        """Wait for answers until a moment of the monotonic clock; wishes without one are made safe."""
        futures: list[Future[CommandRow]] = [Future() for _ in stored]
        with self._turn:
            for row, future in zip(stored, futures, strict=True):
                self._waiting.setdefault(row.key, []).append(future)
        ring(engine_bell(self._home))
        try:
            return [future.result(max(until - time.monotonic(), 0.0)) for future in futures]
        except TimeoutError:
            self._database.store.heartbeat("api", self._clock.now_ns(), "{}")  # a durable commit: the wishes are safe
            newest = {row.key: row for row in self._database.store.commands([row.key for row in stored])}
            return [newest.get(row.key, row) for row in stored]
        finally:
            with self._turn:
                for row, future in zip(stored, futures, strict=True):
                    left = [item for item in self._waiting.pop(row.key, []) if item is not future]
                    if left:
                        self._waiting[row.key] = left

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
        with suppress(StoreError), open_store(self._home.url, verify=False, relaxed=True) as store:
            while (first := self._wishes.get()) is not None:
                wishes = self._gathered(first)
                rows = {wish.key: wish for wish, _ in reversed(wishes)}
                try:
                    found = {row.key: row for row in store.put_commands(list(rows.values()))}
                except StoreError as error:
                    for _, future in wishes:
                        future.set_exception(error)
                    continue
                for wish, future in wishes:
                    future.set_result(found[wish.key])

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
                if not future.done():
                    future.set_result(row)

    def close(self) -> None:
        """Stop the threads; wishes that wait are stored first."""
        self._closing.set()
        self._wishes.put(None)
        for thread in self._threads:
            thread.join()


def _stored(future: Future[CommandRow]) -> CommandRow:
    """Return a wish as it is stored. Raises StoreError: nothing was stored, or nobody knows."""
    try:
        return future.result(_STORE_S)
    except TimeoutError:
        raise StoreError("The database took nothing for a while; ask again with the same key.") from None
