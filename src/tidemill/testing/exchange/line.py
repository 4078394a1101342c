"""The line to the scripted exchange: how long a question takes, and all the ways in which it goes unanswered."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextvars import Context
from typing import TypeVar

from tidemill.model.errors import (
    AmbiguousOutcome,
    LinkDown,
    NotAuthorised,
    RateLimited,
    TidemillError,
)
from tidemill.testing.exchange.exchange import ScriptedExchange

__all__ = ["Line"]

T = TypeVar("T")
_SECOND_NS = 1_000_000_000
_HALF = 0.5
_HEARTBEAT_NS = 10 * _SECOND_NS  # a silent line is given up after that


class Line:
    """Carries questions to the exchange and answers back.

    Args:
        exchange: at the other end.
        latency_s: one way.
    """

    def __init__(self, exchange: ScriptedExchange, latency_s: float) -> None:
        self._exchange, self._faults, self._clock = exchange, exchange.faults, exchange.clock
        self._latency_s = latency_s
        self._deadline_s = exchange.rules.submit_deadline_ns / _SECOND_NS
        self.is_open = False
        self._down_ns = 0  # monotonic instants
        self._dies_ns = 0
        self._dead_ns = 0

    @property
    def is_dead(self) -> bool:
        """Tell whether nothing passes, although the line looks open for some seconds more."""
        return self._dead_ns > self._clock.monotonic_ns()

    def drop(self, seconds: float) -> None:
        """Lose the connection for a while; it has to be opened again."""
        self._down_ns = self._clock.monotonic_ns() + round(seconds * _SECOND_NS)
        self.is_open = False

    def disconnect(self) -> None:
        """Close the line."""
        self.is_open = False

    async def connect(self) -> None:
        """Open the line.

        Raises:
            LinkDown, NotAuthorised: it is not open.
        """
        await self._clock.sleep(self._latency_s)
        if (
            self.is_dead
            or self._down_ns > self._clock.monotonic_ns()
            or self._faults.fires("N1")
            or self._faults.fires("N23")
        ):
            raise LinkDown("The broker does not answer; nothing was sent.")
        if self._faults.fires("B21"):
            raise NotAuthorised("The broker does not accept the key any more.")
        if self._faults.fires("B18"):
            raise NotAuthorised("The session is in use by somebody else.")
        self.is_open = True

    def _refuse(self) -> None:
        """Raise when the question does not leave, or is turned down at the door."""
        faults = self._faults
        if faults.fires("N14"):
            self.drop(faults.value("N14"))
        if self.is_dead and self._clock.monotonic_ns() >= self._dies_ns:
            self.is_open = False
        if not self.is_open or faults.fires("N23"):
            raise LinkDown("There is no connection to the broker; nothing was sent.")
        if faults.fires("B21"):
            raise NotAuthorised("The broker does not accept the key any more.")
        for name in ("B1", "B2"):
            if faults.fires(name):
                raise RateLimited("The broker asks to wait.", faults.value(name))
        if faults.fires("N2"):
            if faults.draw("N2") < _HALF:
                raise LinkDown("The connection was cut before anything was sent.")
            raise AmbiguousOutcome("The connection was cut while the request was sent.")

    async def _wait_out(self, text: str) -> None:
        """Wait until the deadline and give up."""
        await self._clock.sleep(self._deadline_s)
        raise AmbiguousOutcome(text)

    async def ask(self, what: str, work: Callable[[], T], *, pause_s: float = 0.0, answers: bool = True) -> T:
        """Have ``work`` done at the exchange and return its answer.

        Args:
            what: name of the question, counted when it arrives.
            work: what the exchange does.
            pause_s: how much longer the reply takes.
            answers: whether there is a reply at all.

        Raises:
            TidemillError: what the exchange answered, or what became of the line.
        """
        self._refuse()
        faults = self._faults
        if faults.fires("N5"):
            self._dies_ns = self._clock.monotonic_ns() + _HEARTBEAT_NS
            self._dead_ns = self._clock.monotonic_ns() + round(faults.value("N5") * _SECOND_NS)
        if self.is_dead:
            await self._wait_out("The broker does not answer; the request may never have arrived.")
        if faults.fires("N20"):
            raise AmbiguousOutcome("A web page came in place of the broker's answer.")
        if faults.fires("N17"):
            loop, slow = asyncio.get_running_loop(), faults.value("N17")
            # it has left the machine: in a context of its own, so that the end of its sender does not stop it
            loop.call_later(slow, self._arrive_late, what, work, context=Context())
            await self._wait_out(f"No answer within {self._deadline_s:g} s.")
        await self._clock.sleep(self._latency_s)
        for name, text in (("B3", "The broker's server failed."), ("B20", "The token expired on the way.")):
            if faults.fires(name):
                if faults.draw(name) < _HALF:
                    self._arrive_late(what, work)
                raise AmbiguousOutcome(text)
        return await self._answer(what, work, pause_s, answers=answers)

    def _arrive_late(self, what: str, work: Callable[[], T]) -> None:
        """Arrive without an answer that anybody hears."""
        with contextlib.suppress(TidemillError):
            self._work(what, work)

    def _work(self, what: str, work: Callable[[], T]) -> T:
        requests = self._exchange.truth.requests
        requests[what] = requests.get(what, 0) + 1
        return work()

    async def _answer(self, what: str, work: Callable[[], T], pause_s: float, *, answers: bool) -> T:
        """Do the work and bring the answer back, or lose it."""
        faults = self._faults
        result: T
        failure: TidemillError | None = None
        try:
            result = self._work(what, work)
        except TidemillError as error:
            failure = error
        if not answers:
            await self._wait_out(f"No answer within {self._deadline_s:g} s.")
        if faults.fires("N3"):
            raise AmbiguousOutcome("The connection was cut before the answer came.")
        if faults.fires("N4"):
            await self._wait_out(f"No answer within {self._deadline_s:g} s.")
        await self._clock.sleep(self._latency_s + pause_s)
        if failure is not None:
            raise failure
        return result
