"""What a way of telling people something has to do: mail, webhooks, and whatever a plug-in brings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["Channel", "Letter", "Outcome"]


@dataclass(frozen=True, slots=True)
class Letter:
    """One thing to be told to one place.

    Args:
        number: of the delivery, the same at every attempt: whoever receives it twice knows by it.
        event: what happened, ``bot.started`` and the like. title, text: for people.
        body: for programs, JSON. at_s: when it is sent, UTC seconds.
        address: where to. secret: signs the body, where a channel signs; never shown.
    """

    number: int
    event: str
    title: str
    text: str
    body: str
    at_s: int
    address: str
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt.

    Args:
        is_done: it arrived. code: what the other side answered, 0: nothing. error: one sentence, empty when it
            arrived. is_final: another attempt would end the same.
    """

    is_done: bool
    code: int = 0
    error: str = ""
    is_final: bool = False


class Channel(Protocol):
    """One way of telling people something."""

    @property
    def name(self) -> str:
        """Return the name it goes by, as of its entry point."""

    def check(self, address: str) -> str:
        """Return what is wrong with an address, in one sentence; empty when it may be tried."""

    def send(self, letter: Letter) -> Outcome:
        """Try once, within seconds; whatever goes wrong is an outcome, nothing is raised."""
