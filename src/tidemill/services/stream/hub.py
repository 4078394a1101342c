"""The middle of the stream: one reader and one clock for everybody who watches, each frame encoded once.

Ten times a second the hub takes what the engine's process says right now, reads what is new in the database, and hands
each person's rows to the connections of that person. Nobody watches: nothing runs, nothing is read, and the engine
says nothing.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tidemill.adapters.sql.database import Database
from tidemill.model.errors import StoreError, TidemillError
from tidemill.model.people import Principal
from tidemill.ports.seams import Clock
from tidemill.runtime.record.writer import ThreadWriter
from tidemill.services.refusals import Refused
from tidemill.services.stream.book import Book, Event, frame, rows_of
from tidemill.services.stream.reader import Reader
from tidemill.services.stream.rows import iso
from tidemill.services.stream.snapshots import Rows, Snapshots
from tidemill.services.stream.topics import EVENTS, Found, Topic
from tidemill.services.stream.watcher import Asked, Ending, Watcher
from tidemill.services.stream.window import Said, Window

__all__ = ["Hub", "HubTerms"]

_CHECKS = 50  # turns in which every connection's right to be there is looked at once
_BEATS = 10  # turns between two heartbeats
_SIGNED_OUT = 4401  # of ours: sign in again


@dataclass(frozen=True, slots=True)
class HubTerms:
    """How a hub is set.

    Args:
        server_id: of this process; after a restart numbers begin anew. build: version that serves.
        every_s: between two turns. linger_s: for which somebody's events are kept after they left.
        most: connections of one person.
    """

    server_id: str
    build: str
    every_s: float = 0.1
    linger_s: float = 30.0
    most: int = 32


class Hub:
    """Serves all who watch.

    Args:
        database, clock: of the installation. window: what the engine's process says right now.
    """

    def __init__(self, database: Database, clock: Clock, window: Window, terms: HubTerms) -> None:
        self._database, self._clock, self._window = database, clock, window
        self.terms = terms
        self.watchers: dict[Watcher, None] = {}
        self._books: dict[int, Book] = {}
        self._left: dict[int, int] = {}  # person to when their last connection went, monotonic
        self._seqs: dict[int, int] = {}
        self._turns = 0
        self._begun: dict[Asked, list[str]] = {}
        self._writer: ThreadWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._reader = Reader(database, clock)
        self._snapshots = Snapshots(database, self._reader)

    # --- coming and going

    def enter(self, watcher: Watcher) -> bool:
        """Take a connection in; False: its person has too many. The first one wakes the hub."""
        user_id = watcher.user_id
        if sum(other.user_id == user_id for other in self.watchers) >= self.terms.most:
            return False
        self.watchers[watcher] = None
        self._left.pop(user_id, None)
        book = self._books.setdefault(user_id, Book(self._seqs.get(user_id, 0)))
        watcher.event(frame("hello", **self._words(), seq=book.seq, heartbeat_ms=1000, user_id=user_id))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._serve(), name="stream")
        return True

    def _words(self) -> dict[str, str | None]:
        return {"server_id": self.terms.server_id, "server_time": self._now(), "build": self.terms.build}

    def _now(self) -> str | None:
        return iso(self._clock.now_ns())

    def leave(self, watcher: Watcher) -> None:
        """Let a connection go."""
        self.watchers.pop(watcher, None)
        if all(other.user_id != watcher.user_id for other in self.watchers):
            self._left[watcher.user_id] = self._clock.monotonic_ns()

    def close(self) -> None:
        """Say goodbye to everybody: the process ends."""
        for watcher in list(self.watchers):
            watcher.end(Ending(1001, "going_away"))

    # --- turns

    async def _serve(self) -> None:
        """Turn until nobody is left."""
        self._reader = Reader(self._database, self._clock)
        self._snapshots = Snapshots(self._database, self._reader)
        self._writer = ThreadWriter("stream")
        try:
            with self._window:
                while self._books:
                    began = self._clock.monotonic_ns()
                    await self.turn()
                    spent_s = (self._clock.monotonic_ns() - began) / 1e9
                    await self._clock.sleep(max(0.001, self.terms.every_s - spent_s))
        finally:
            for watcher in self.watchers:
                watcher.end(Ending(1011, "defect"))  # the hub never ends before its watchers, unless it is broken
            writer, self._writer, self._task = self._writer, None, None
            writer.soon(self._database.release)
            writer.close()

    async def turn(self) -> None:
        """Look once, and tell everybody."""
        self._turns += 1
        self._forget()
        wishes = [watcher for watcher in self.watchers if watcher.wish is not None]
        asked = [watcher.wish for watcher in wishes if watcher.wish is not None]
        said = list(self._window.looked())  # older than what the database is about to say
        self._begun.clear()
        try:
            found, snapshots = await self._run(asked)
        except StoreError:
            found, snapshots, wishes = [], {}, []  # locked or gone for now: the next turn looks again
        self._take(found, said)
        await self._check()
        self._tell()
        for watcher in wishes:
            self._begin(watcher, snapshots)
        if self._turns % _BEATS == 0:
            beat = frame("heartbeat", server_time=self._now())
            for watcher in self.watchers:
                watcher.values(beat)

    async def _run(
        self, wishes: Sequence[tuple[Asked, int]]
    ) -> tuple[list[Found], dict[Asked, dict[Topic, Rows] | None]]:
        users = frozenset(self._books)
        if self._writer is None:
            return self._look(users, wishes)
        return await self._writer.run(lambda: self._look(users, wishes))

    def _look(
        self, users: frozenset[int], wishes: Sequence[tuple[Asked, int]]
    ) -> tuple[list[Found], dict[Asked, dict[Topic, Rows] | None]]:
        """Read what is new, then what those see who begin now: on one thread, so nothing comes in between."""
        found = self._reader.look(users)
        return found, {asked: self._snapshot(asked) for asked, _ in wishes}

    def _snapshot(self, asked: Asked) -> dict[Topic, Rows] | None:
        runs = sorted(asked.runs)
        if runs and not self._snapshots.owns(asked.user_id, runs):
            return None
        topics = [topic for topic in Topic if topic in asked.topics & EVENTS]
        return {topic: self._snapshots.read(asked.user_id, topic, runs) for topic in topics}

    def _take(self, found: Iterable[Found], said: Iterable[Said]) -> None:
        """Put rows into the books of those they belong to."""
        owners = self._reader.runs.owners
        for topic, key, row, run_id in said:
            user_id = owners.get(run_id)
            if user_id is not None and user_id in self._books:
                self._books[user_id].merge(topic, key, row, user_id, run_id)
        for item in found:
            if item.topic is Topic.RUNS and not item.row["is_active"] and item.user_id in self._books:
                self._books[item.user_id].end_run(item.run_id)
            for book in [self._books[item.user_id]] if item.user_id in self._books else self._audience(item):
                book.take(item)

    def _audience(self, item: Found) -> list[Book]:
        """Return who sees a row that belongs to nobody: a halt of everything, a line of the audit log."""
        return list(self._books.values()) if item.user_id == 0 else []

    # --- telling

    def _tell(self) -> None:
        """Hand what changed to everybody it was asked for by."""
        rooms: dict[Asked, list[Watcher]] = defaultdict(list)
        for watcher in self.watchers:
            if watcher.asked is not None:
                rooms[watcher.asked].append(watcher)
        turned = {user_id: book.turned() for user_id, book in self._books.items()}
        for asked, watchers in rooms.items():
            changed, fresh = turned[asked.user_id]
            self._tell_room(asked, watchers, changed, fresh)

    def _tell_room(self, asked: Asked, watchers: list[Watcher], changed: list[Found], fresh: list[Event]) -> None:
        events = _events(asked, fresh)
        if events:
            encoded = frame("delta", seq=fresh[-1].seq, events=events)
            for watcher in watchers:
                watcher.event(encoded)
        rows = rows_of(item for item in changed if asked.wants_found(item))
        encoded = frame("values", topics=rows) if rows else ""
        whole = ""
        for watcher in watchers:
            outlet = watcher.outlet
            if outlet.is_behind and outlet.is_idle and not outlet.is_over:
                whole = whole or self._whole(asked)
                outlet.is_behind = False
                watcher.values(whole)
            elif encoded:
                watcher.values(encoded)

    def _whole(self, asked: Asked) -> str:
        """Return every newest value that is asked for, as one frame."""
        newest = self._books[asked.user_id].newest.values()
        return frame("values", is_whole=True, topics=rows_of(item for item in newest if asked.wants_found(item)))

    def _begin(self, watcher: Watcher, snapshots: dict[Asked, dict[Topic, Rows] | None]) -> None:
        """Let a connection see what it asked for: what it missed if that is known, else everything as it stands."""
        if watcher.wish is None or watcher.wish[0] not in snapshots:
            return  # it asked for something else in the meantime
        (asked, seq), watcher.wish = watcher.wish, None
        topics = snapshots[asked]
        if topics is None:
            watcher.event(frame("error", code="no_such_run", message="You have no such run; look at /v1/runs."))
            return
        book = self._books[asked.user_id]
        missed = book.since(seq) if seq >= 0 else None
        if missed is not None:
            watcher.event(frame("resumed", seq=book.seq))
            if events := _events(asked, missed):
                watcher.event(frame("delta", seq=book.seq, events=events))
        else:
            for encoded in self._snapshot_frames(asked, topics, book.seq):
                watcher.event(encoded)
        watcher.event(self._whole(asked))
        watcher.asked = asked

    def _snapshot_frames(self, asked: Asked, topics: dict[Topic, Rows], seq: int) -> list[str]:
        """Return a snapshot as frames, one for each topic; many who begin in one turn share them."""
        if asked not in self._begun:
            self._begun[asked] = [frame("snapshot", topic=name, seq=seq, rows=rows) for name, rows in topics.items()]
        return self._begun[asked]

    # --- rights

    async def _check(self) -> None:
        """Look at some connections' rights, at everybody's in five seconds: tokens end, sessions are revoked."""
        watchers = list(self.watchers)
        turn = self._turns % _CHECKS
        due = {watcher.token: watcher for at, watcher in enumerate(watchers) if at % _CHECKS == turn}
        for token, shown in due.items():
            try:
                principal = await self._principal(shown)
            except Refused as refused:
                ending = Ending(_SIGNED_OUT, refused.code)
            except TidemillError:
                continue  # the database is busy: looked at again
            else:
                ending = Ending(_SIGNED_OUT, "not_allowed")
                for watcher in self.watchers:
                    if watcher.token == token:
                        watcher.principal = principal
                        if watcher.asked is not None and not watcher.may(watcher.asked.topics):
                            watcher.end(ending)
                continue
            for watcher in self.watchers:
                if watcher.token == token:
                    watcher.end(ending)
                    watcher.asked = None

    async def _principal(self, watcher: Watcher) -> Principal:
        if self._writer is None:
            return watcher.known(watcher.token)
        return await self._writer.run(lambda: watcher.known(watcher.token))

    def _forget(self) -> None:
        """Let go of the books of those who left long enough ago."""
        now = self._clock.monotonic_ns()
        for user_id in [user for user, left in self._left.items() if now - left > self.terms.linger_s * 1e9]:
            del self._left[user_id]
            self._seqs[user_id] = (
                self._books.pop(user_id).seq + 1
            )  # whoever comes back with the old one has missed some


def _events(asked: Asked, events: Iterable[Event]) -> list[dict[str, object]]:
    return [
        {"seq": event.seq, "topic": event.topic, "row": event.row}
        for event in events
        if asked.wants(event.topic, event.run_id)
    ]
