"""What a risk rule exports, and the order in which rules are asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tidemill.model.enums import Refusal

__all__ = ["RuleSpec"]


@dataclass(frozen=True, slots=True)
class RuleSpec:
    """One rule that every entry must pass; exits and protection never meet it.

    Args:
        name: as in the entry-point table.
        rank: rules with smaller ranks are asked first, so a refusal names the most fundamental reason.
        refusals: every answer it can give besides 0.
        settings: the settings it reads.
        sentence: what it says to an operator.
        check: a ``kernel`` function ``check(state, ticket index)`` that returns 0 or a Refusal.
    """

    name: str
    rank: int
    refusals: tuple[Refusal, ...]
    settings: tuple[str, ...]
    sentence: str
    check: Any
