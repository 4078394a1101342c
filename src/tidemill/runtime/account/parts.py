"""What the outside side of a run is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tidemill.ports.broker import Broker
from tidemill.ports.seams import Clock
from tidemill.runtime.account.lease import LeaseKeeper
from tidemill.runtime.core import Core
from tidemill.runtime.inbox import Inbox
from tidemill.runtime.orders.approver import Approver
from tidemill.runtime.orders.book import OrderBook
from tidemill.runtime.orders.present import Present
from tidemill.runtime.record.journal import Journal

__all__ = ["OutsideParts"]


@dataclass(frozen=True, slots=True)
class OutsideParts:
    """What the outside side of a run is made of.

    Args:
        broker, clock, inbox: of the run. core, book, journal, present, approver: of the run.
        keeper: of the account's lease.
        symbols: by instrument row.
        alert: told severity, kind and sentence.
        now: wall and monotonic clock.
    """

    broker: Broker
    clock: Clock
    inbox: Inbox
    core: Core
    book: OrderBook
    journal: Journal
    present: Present
    approver: Approver
    keeper: LeaseKeeper
    symbols: Sequence[str]
    alert: Callable[[int, str, str], None]
    now: Callable[[], tuple[int, int]]
