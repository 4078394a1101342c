"""Every error of Tidemill, grouped by what the caller must do.

    TidemillError
    ├─ ConfigError            fix the settings; nothing was run
    │   ├─ UnknownName        a strategy, parameter or setting of that name does not exist (nearest names offered)
    │   ├─ StrategyError      the strategy does not compile, or it raised
    │   └─ PluginError        a plug-in is missing or breaks its contract
    ├─ DataError              the data cannot be used as given
    │   ├─ BadBar             one row is impossible; it is quarantined and counted
    │   ├─ OutOfOrder         stamps are unsorted or duplicate
    │   └─ StaleData          the data are older than allowed
    ├─ OutputError            a result could not be written
    ├─ BrokerError            the broker said no, for certain: the core is told
    │   ├─ OrderRejected      the order never became live
    │   ├─ UnknownOrder       the broker has no such order
    │   └─ NotAuthorised      the account may not do this, or is not the account that was promised
    ├─ TransientError         nothing happened; it may be tried again, but never an order by itself
    │   ├─ LinkDown           no connection: not a byte of the request left
    │   └─ RateLimited        the broker asks to wait
    ├─ AmbiguousOutcome       the request may or may not have arrived: reconcile, never repeat
    ├─ GuardRefusal           a limit, a halt or doubt stood in the way; nothing was sent
    ├─ StoreError             the durable record cannot be written or read: no new risk
    │   ├─ AlreadyThere       a row with that name or key exists; nothing was written
    │   ├─ StoreBusy          locked or full: nothing was written, and the same write may work later
    │   ├─ LeaseLost          another engine owns the account
    │   ├─ StoreMismatch      the database belongs to another version or build
    │   └─ TapeBroken         the record does not add up: a hash, a gap, a changed row
    └─ InvariantBroken        the program contradicts itself; stop and report

Each class carries the exit code of the command line, distinct per group.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "AlreadyThere",
    "AmbiguousOutcome",
    "BadBar",
    "BrokerError",
    "ConfigError",
    "DataError",
    "GuardRefusal",
    "InvariantBroken",
    "LeaseLost",
    "LinkDown",
    "NotAuthorised",
    "OrderRejected",
    "OutOfOrder",
    "OutputError",
    "PluginError",
    "RateLimited",
    "StaleData",
    "StoreBusy",
    "StoreError",
    "StoreMismatch",
    "StrategyError",
    "TapeBroken",
    "TidemillError",
    "TransientError",
    "UnknownName",
    "UnknownOrder",
]


class TidemillError(Exception):
    """Anything Tidemill refuses to do, in one sentence that says what is wrong and what to do."""

    exit_code = 1


class ConfigError(TidemillError):
    """A setting, flag or file is wrong; nothing was run."""

    exit_code = 3


class UnknownName(ConfigError):
    """A name that does not exist, with the nearest ones that do."""

    exit_code = 4

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(near)}?" if near else f"known: {', '.join(names)}."
        super().__init__(f"There is no {kind} named {name!r}; {hint}")
        self.kind, self.name, self.near = kind, name, near


class StrategyError(ConfigError):
    """A strategy does not compile or raised; the message names its own file and line."""

    exit_code = 5


class PluginError(ConfigError):
    """A plug-in is missing or breaks its contract."""

    exit_code = 6


class DataError(TidemillError):
    """The data cannot be used as given."""

    exit_code = 7


class BadBar(DataError):
    """One row is impossible: it goes to quarantine with its reason."""

    exit_code = 8


class OutOfOrder(DataError):
    """Stamps are unsorted or duplicate."""

    exit_code = 9


class StaleData(DataError):
    """The data are older than allowed."""

    exit_code = 10


class OutputError(TidemillError):
    """A result could not be written."""

    exit_code = 11


class BrokerError(TidemillError):
    """The broker refused, for certain; nothing of the request is live."""

    exit_code = 12


class OrderRejected(BrokerError):
    """The order never became live; the message carries the broker's reason."""

    exit_code = 13


class UnknownOrder(BrokerError):
    """The broker has no order of that id (now: it may still show up)."""

    exit_code = 14


class NotAuthorised(BrokerError):
    """The account may not do this, or the broker's answer names another account or environment than promised."""

    exit_code = 15


class TransientError(TidemillError):
    """Nothing happened and it may be tried again; an order is never repeated by itself."""

    exit_code = 16


class LinkDown(TransientError):
    """There is no connection; not a byte of the request left the machine."""

    exit_code = 17


class RateLimited(TransientError):
    """The broker asks to wait.

    Args:
        message: what was asked too often.
        retry_after_s: seconds to wait before the next request.
    """

    exit_code = 18

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class AmbiguousOutcome(TidemillError):
    """A request may or may not have arrived; the truth has to be asked for, never guessed, never repeated."""

    exit_code = 19


class GuardRefusal(TidemillError):
    """A limit, a halt or doubt stood in the way of an order; nothing was sent.

    Args:
        code: stable name of the rule, for example ``price_collar``.
        message: what stood in the way and what to do.
    """

    exit_code = 20

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class StoreError(TidemillError):
    """The durable record cannot be written or read; no new risk is taken until it can.

    Attributes:
        is_unknown: nobody knows whether the last commit was written; it is read again by key before it is repeated.
        may_pass: the same write may work later.
    """

    exit_code = 21
    is_unknown = False
    may_pass = False


class AlreadyThere(StoreError):
    """A row with that name or key exists already; nothing was written."""

    exit_code = 25


class StoreBusy(StoreError):
    """The database is locked by somebody else, full or out of something; nothing was written, and later it may be."""

    exit_code = 26


class LeaseLost(StoreError):
    """Another engine owns the account, or this one was asleep too long to be sure that it still does."""

    exit_code = 22


class StoreMismatch(StoreError):
    """The database belongs to another version or build of Tidemill."""

    exit_code = 23


class TapeBroken(StoreError):
    """The record of a run does not add up: a hash differs, rows are missing, something was changed by hand."""

    exit_code = 24


class InvariantBroken(TidemillError):
    """The program contradicts itself: a defect of Tidemill, never of the user."""

    exit_code = 70
