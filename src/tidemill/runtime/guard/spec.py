"""What a guard rule is, and what it says when it denies."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts, Scope
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["Check", "GuardRule", "LimitRule", "Part", "Reset", "SafetyRule", "Severity", "Violation"]

L = TypeVar("L")
L_contra = TypeVar("L_contra", contravariant=True)


class Severity(StrEnum):
    """How bad it is: WARNING is the ordinary course of a day, CRITICAL stops trading until a person looks."""

    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


class Reset(StrEnum):
    """When a rule that has denied lets orders through again."""

    CONDITION = "when the condition ends"
    DAY = "next trading day"
    WEEK = "next trading week"
    HUMAN = "when a named person clears it"


class Part(StrEnum):
    """Which orders a rule is asked about; cancels are never asked about."""

    EVERY = "every order"
    ENTRY = "orders that add risk"


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule's no.

    Args:
        code: name of the rule, a stable short word.
        severity: of this violation.
        sentence: what stood in the way and what to do.
        is_unknown: a fact was missing or absurd: it denies, but nothing is latched or halted for it.
    """

    code: str
    severity: Severity
    sentence: str
    is_unknown: bool = False


class Check(Protocol[L_contra]):
    """Answers None, or why the order must not leave; raising for a missing fact counts as a no."""

    def __call__(self, order: Candidate, facts: Facts, limits: L_contra, /) -> Violation | None:
        """Look at the order, the facts and the limits, at nothing else."""


@dataclass(frozen=True, slots=True)
class GuardRule(Generic[L]):
    """One rule of the guard.

    Args:
        name: stable code.
        check: the question.
        looks_at: facts it reads, for people.
        limits: names of the limits that switch it on; empty: always on.
        part: which orders it is asked about.
        severity: of a violation.
        reset: when it lets orders through again.
        owner: whose trading stops when it latches; None: the scope of the limits that were hit.
        is_account_wide: it is asked once with the limits of the account, whatever they are.
        is_standing: it can be asked without an order, after every trade and from time to time.
    """

    name: str
    check: Check[L]
    looks_at: str
    limits: tuple[str, ...] = ()
    part: Part = Part.ENTRY
    severity: Severity = Severity.ERROR
    reset: Reset = Reset.CONDITION
    owner: Scope | None = None
    is_account_wide: bool = False
    is_standing: bool = False

    def deny(self, sentence: str) -> Violation:
        """Return a no."""
        return Violation(self.name, self.severity, sentence)

    def unknown(self, sentence: str) -> Violation:
        """Return a no because a fact is missing or absurd."""
        return Violation(self.name, Severity.ERROR, sentence, is_unknown=True)


class LimitRule(GuardRule[Limits]):
    """A rule over what an owner allows: asked once for every scope in which it is limited."""

    __slots__ = ()


class SafetyRule(GuardRule[Tolerances]):
    """A rule over the machinery: asked once."""

    __slots__ = ()
