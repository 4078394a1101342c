"""What happens in a run, told to whoever listens: fourteen kinds of notice, handlers that cannot hurt each other."""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tidemill.model.errors import InvariantBroken

__all__ = ["EventBus", "FillNotHandled", "HandlerFailure", "Notice", "Topic"]

Handler = Callable[["Notice"], Awaitable[None] | None]


class Topic(StrEnum):
    """The kinds of notice."""

    TICK_RECEIVED = "tick_received"
    CANDLE_COMPLETED = "candle_completed"
    SETUP_DETECTED = "setup_detected"
    SETUP_INVALIDATED = "setup_invalidated"
    ORDER_PLACED = "order_placed"
    ORDER_FILLED = "order_filled"
    ORDER_REJECTED = "order_rejected"
    ORDER_CANCELLED = "order_cancelled"
    POSITION_OPENED = "position_opened"
    POSITION_CLOSED = "position_closed"
    WEBSOCKET_CONNECTED = "websocket_connected"
    WEBSOCKET_DISCONNECTED = "websocket_disconnected"
    CIRCUIT_BREAKER_TRIGGERED = "circuit_breaker_triggered"
    SAFE_MODE_ENTERED = "safe_mode_entered"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that happened.

    Args:
        topic: its kind.
        at_ns: when, UTC.
        symbol: the instrument concerned, empty if none.
        values: what else is to be known, plain values.
    """

    topic: Topic
    at_ns: int
    symbol: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HandlerFailure:
    """A handler that raised: which, on what, and how."""

    handler: str
    notice: Notice
    error: BaseException


class FillNotHandled(InvariantBroken):
    """A handler of a fill failed: what we hold is no longer known for sure, so trading stops."""


class EventBus:
    """Hands notices to handlers, sync or async.

    A failing handler is counted and reported and disturbs no other. One that fails on a fill is raised to the caller
    once all others have been told.

    Args:
        on_failure: told of every failure; it must not raise.
        history: notices kept, at most 1000.
    """

    def __init__(self, on_failure: Callable[[HandlerFailure], None], *, history: int = 1000) -> None:
        self._on_failure = on_failure
        self._handlers: dict[Topic, list[Handler]] = {topic: [] for topic in Topic}
        self._later: deque[tuple[Handler, Notice, Awaitable[None]]] = deque()
        self._wake: asyncio.Future[None] | None = None
        self.history: deque[Notice] = deque(maxlen=min(history, 1000))
        self.emitted = dict.fromkeys(Topic, 0)
        self.failures = dict.fromkeys(Topic, 0)

    def subscribe(self, topic: Topic | None, handler: Handler) -> Callable[[], None]:
        """Hand notices of a kind (None: of every kind) to a handler, sync or async; return what ends that."""
        topics = list(Topic) if topic is None else [topic]
        for item in topics:
            self._handlers[item].append(handler)

        def end() -> None:
            for item in topics:
                if handler in self._handlers[item]:
                    self._handlers[item].remove(handler)

        return end

    def on(self, topic: Topic | None = None) -> Callable[[Handler], Handler]:
        """Decorate a handler with the kind of notice it wants."""

        def decorate(handler: Handler) -> Handler:
            self.subscribe(topic, handler)
            return handler

        return decorate

    def emit(self, notice: Notice) -> None:
        """Tell all handlers and do not wait: async ones run inside ``run``.

        Raises:
            FillNotHandled: a sync handler of a fill raised.
        """
        failed: HandlerFailure | None = None
        for handler, later in self._told(notice):
            if isinstance(later, HandlerFailure):
                failed = failed or later
            elif later is not None:
                self._later.append((handler, notice, later))
        if self._later and self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
        self._raise_if_fill(failed)

    async def emit_and_wait(self, notice: Notice) -> None:
        """Tell all handlers and wait until every one is done.

        Raises:
            FillNotHandled: a handler of a fill raised.
        """
        failed: HandlerFailure | None = None
        for handler, later in self._told(notice):
            outcome = later
            if later is not None and not isinstance(later, HandlerFailure):
                outcome = await self._finish(handler, notice, later)
            if isinstance(outcome, HandlerFailure):
                failed = failed or outcome
        self._raise_if_fill(failed)

    async def run(self) -> None:
        """Run async handlers that ``emit`` left behind, one after another, until cancelled.

        Raises:
            FillNotHandled: a handler of a fill raised.
        """
        while True:
            while self._later:
                self._raise_if_fill(await self._finish(*self._later.popleft()))
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake

    def wants(self, topic: Topic) -> bool:
        """Tell whether anybody listens to a kind: the hot path asks before it makes a notice of a tick."""
        return bool(self._handlers[topic])

    @property
    def waiting(self) -> int:
        """How many async handlers still have to run."""
        return len(self._later)

    def _told(self, notice: Notice) -> list[tuple[Handler, Awaitable[None] | HandlerFailure | None]]:
        """Call every handler; return what each left: nothing, something to await, or its failure."""
        self.emitted[notice.topic] += 1
        self.history.append(notice)
        told: list[tuple[Handler, Awaitable[None] | HandlerFailure | None]] = []
        for handler in tuple(self._handlers[notice.topic]):
            try:
                left = handler(notice)
            except Exception as error:  # noqa: BLE001 - a handler is foreign code; its failure is counted and told
                told.append((handler, self._fail(handler, notice, error)))
            else:
                told.append((handler, left if inspect.isawaitable(left) else None))
        return told

    async def _finish(self, handler: Handler, notice: Notice, later: Awaitable[None]) -> HandlerFailure | None:
        try:
            await later
        except Exception as error:  # noqa: BLE001 - as above
            return self._fail(handler, notice, error)
        return None

    def _fail(self, handler: Handler, notice: Notice, error: Exception) -> HandlerFailure:
        failure = HandlerFailure(getattr(handler, "__qualname__", repr(handler)), notice, error)
        self.failures[notice.topic] += 1
        self._on_failure(failure)
        return failure

    def _raise_if_fill(self, failed: HandlerFailure | None) -> None:
        if failed is not None and failed.notice.topic is Topic.ORDER_FILLED:
            raise FillNotHandled(
                f"{failed.handler} failed on a fill ({failed.error}); trading stops until the books are checked."
            ) from failed.error
