"""What a run can be asked for, one word for each kind of wish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from tidemill.model.enums import Operator
from tidemill.runtime.guard.limits import Limits

__all__ = ["AdjustWord", "CancelWord", "IntentWord", "LimitsWord", "OperatorWord", "StopWord", "VerdictWord"]


@dataclass(frozen=True, slots=True)
class OperatorWord:
    """What a person (or the watchdog) orders: who, what, why.

    Args:
        key: of the command, empty when there was none.
        order: number of the order, or row of the strategy, where the word concerns one.
        done: told once the turn is on the disk.
    """

    code: Operator
    by: str
    reason: str = ""
    key: str = ""
    order: int = 0
    done: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class IntentWord:
    """A proposal from outside: an INTENT row, who made it, under which command."""

    row: NDArray[Any]
    by: str
    key: str


@dataclass(frozen=True, slots=True)
class CancelWord:
    """One order is to be cancelled."""

    client_id: str
    by: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class LimitsWord:
    """What the guard is to allow from now on: the limits of one scope, and their text for the record."""

    limits: Limits
    text: str
    by: str
    key: str


@dataclass(frozen=True, slots=True)
class VerdictWord:
    """What a gate (a person, a model, an analyst) says to a proposal: a VERDICT row."""

    row: NDArray[Any]
    by: str
    key: str


@dataclass(frozen=True, slots=True)
class AdjustWord:
    """A difference from the broker's record that a person acknowledges: signed units at a price, to be booked."""

    instrument: int
    units: float
    price: float
    by: str
    key: str
    strategy: int = 0


@dataclass(frozen=True, slots=True)
class AccountWord:
    """What the broker says it grants: buying power, micros; negative when it does not tell."""

    buying_power_micros: int
    by: str = "broker"
    key: str = ""


@dataclass(frozen=True, slots=True)
class StopWord:
    """The run is to end."""

    by: str
    key: str = ""
