"""One connection that watches: who it is, what it asked for, and what waits to be sent to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tidemill.model.people import Principal, Role
from tidemill.services.stream.outlet import Outlet
from tidemill.services.stream.topics import FOR_ADMINS, Found, Topic

__all__ = ["Asked", "Ending", "Watcher"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to watch; connections that ask for the same are sent the same frames.

    Args:
        user_id: who. topics: what. runs: of these runs only; empty: of all of theirs that are at work.
    """

    user_id: int
    topics: frozenset[Topic]
    runs: frozenset[str] = frozenset()

    def wants(self, topic: Topic, run_id: str) -> bool:
        """Tell whether a row of a topic and run is asked for."""
        return topic in self.topics and (not self.runs or not run_id or run_id in self.runs)

    def wants_found(self, found: Found) -> bool:
        """Tell whether a value is asked for."""
        return self.wants(found.topic, found.run_id)


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a connection ends: a close code of RFC 6455 7.4 or of ours, and one word."""

    code: int
    reason: str


@dataclass(eq=False)
class Watcher:
    """One connection.

    Args:
        principal: who it is; token: by what word. known: tells who is behind a token, raises Refused for nobody.
        outlet: what waits.
        asked: what it is sent now. wish: what it asked for since, with the number to go on from, -1: a snapshot.
    """

    principal: Principal
    token: str
    known: Callable[[str], Principal]
    outlet: Outlet = field(default_factory=Outlet)
    asked: Asked | None = None
    wish: tuple[Asked, int] | None = None
    ending: Ending | None = None
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def user_id(self) -> int:
        """Return whose rows it may see."""
        return self.principal.user_id

    def may(self, topics: frozenset[Topic]) -> bool:
        """Tell whether it may watch all of these."""
        return not topics & FOR_ADMINS or self.principal.may(Role.ADMIN)

    def event(self, frame: str) -> None:
        """Have a frame sent that must arrive; without room for it the connection ends."""
        if not self.outlet.put_event(frame):
            self.end(Ending(1013, "too_slow"))
        self._wake.set()

    def values(self, frame: str) -> None:
        """Have a frame sent if there is room."""
        if self.outlet.put_state(frame):
            self._wake.set()

    def end(self, ending: Ending) -> None:
        """End the connection after what waits."""
        self.ending = self.ending or ending
        self._wake.set()

    async def serve(self, send: Callable[[str], Awaitable[None]]) -> Ending:
        """Send what waits, as fast as the other end takes it, until the connection is to end; return why."""
        while True:
            while (frame := self.outlet.take()) is not None:
                await send(frame)
            if self.ending is not None:
                return self.ending
            self._wake.clear()
            await self._wake.wait()
