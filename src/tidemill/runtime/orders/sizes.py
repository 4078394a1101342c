"""An order's size here is the core's: what one of a group fills, the others can no longer."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from tidemill.runtime.orders.book import LiveOrder, OrderBook

__all__ = ["follow_size", "follow_sizes", "is_in_core"]


def is_in_core(rows: NDArray[Any], order: LiveOrder) -> bool:
    """Tell whether the core has not let go of an order yet; ``rows``: its orders."""
    numbers, number = rows["id"], order.request.number
    return bool(numbers[order.row] == number) or bool((numbers == number).any())


def follow_size(rows: NDArray[Any], order: LiveOrder) -> None:
    """Let an order shrink with the core's.

    A report of another size may be older than what the core has made of the order since.
    """
    row = rows[order.row]
    if int(row["id"]) == order.request.number and float(row["quantity"]) < order.quantity:
        order.quantity = float(row["quantity"])


def follow_sizes(rows: NDArray[Any], book: OrderBook, filled: LiveOrder) -> None:
    """Let our orders shrink with the core's after a fill of one of them."""
    for order in book.live.values():
        if order.instrument == filled.instrument and order is not filled:
            follow_size(rows, order)
