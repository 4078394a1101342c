"""Rebuilds a paper broker after a restart, by feeding it again what it was fed before the engine died."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from numpy.typing import NDArray

from tidemill.adapters.paper.broker import PaperBroker
from tidemill.adapters.paper.market import PhaseKind
from tidemill.model.broker import OrderRequest
from tidemill.model.errors import AmbiguousOutcome, OrderRejected, TapeBroken, UnknownOrder

__all__ = ["CancelSent", "GroupBegun", "PaperInput", "ReplaceSent", "ReportTaken", "RowTaken", "TimeTold", "restore"]


@dataclass(frozen=True, slots=True)
class GroupBegun:
    """The events of one instant were given to the exchange: EVENT rows, as to ``PaperBroker.begin``."""

    rows: NDArray[Any]


@dataclass(frozen=True, slots=True)
class RowTaken:
    """The core took the next row of the group."""


@dataclass(frozen=True, slots=True)
class ReportTaken:
    """The core took the oldest report."""


@dataclass(frozen=True, slots=True)
class CancelSent:
    """A cancel was sent."""

    client_id: str


@dataclass(frozen=True, slots=True)
class ReplaceSent:
    """A replacement was sent; ``stop_price`` NaN keeps the trigger."""

    client_id: str
    quantity: float
    stop_price: float


@dataclass(frozen=True, slots=True)
class TimeTold:
    """A turn that neither market nor report brought told its time."""

    at_ns: int


PaperInput: TypeAlias = GroupBegun | RowTaken | ReportTaken | OrderRequest | CancelSent | ReplaceSent | TimeTold


def restore(broker: PaperBroker, inputs: Iterable[PaperInput]) -> None:
    """Feed a fresh, open paper broker what an earlier one was fed, in the same order.

    Afterwards it stands where that one stood, in the middle of a group if need be: ``step`` goes on from there. Orders
    refused then are refused again and leave nothing behind.

    Raises:
        TapeBroken: the inputs cannot have come about in this order.
    """
    for item in inputs:
        if isinstance(item, GroupBegun):
            _finish(broker)
            broker.begin(item.rows)
        elif isinstance(item, RowTaken):
            _step_to_row(broker)
        elif isinstance(item, ReportTaken):
            _take_report(broker)
        elif isinstance(item, TimeTold):
            broker.tell_time(item.at_ns)
        else:
            with contextlib.suppress(OrderRejected, AmbiguousOutcome, UnknownOrder):
                _send(broker, item)


def _send(broker: PaperBroker, item: OrderRequest | CancelSent | ReplaceSent) -> None:
    if isinstance(item, OrderRequest):
        broker.accept(item)
    elif isinstance(item, CancelSent):
        broker.accept_cancel(item.client_id)
    else:
        broker.accept_replace(item.client_id, item.quantity, item.stop_price)


def _finish(broker: PaperBroker) -> None:
    """Step past what paused nobody then: everything of the group was taken."""
    while (phase := broker.step()) is not None:
        if phase.kind is not PhaseKind.MARK:
            raise TapeBroken("The record begins a new instant before the last one was over; restore a backup.")


def _step_to_row(broker: PaperBroker) -> None:
    while (phase := broker.step()) is not None:
        if phase.kind is PhaseKind.FEED:
            return
        if phase.kind is PhaseKind.REPORTS:
            break
    raise TapeBroken("The record takes a market event where the paper exchange has another; restore a backup.")


def _take_report(broker: PaperBroker) -> None:
    while broker.take_report() is None:
        phase = broker.step()
        if phase is None or phase.kind is PhaseKind.FEED:
            raise TapeBroken("The record takes a report that the paper exchange does not have; restore a backup.")
