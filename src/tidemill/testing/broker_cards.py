"""The contract of a broker adapter: every card that it must pass."""

from __future__ import annotations

from typing import Final

from tidemill.model.enums import OrderType
from tidemill.testing.cards import fills, life
from tidemill.testing.cards.desk import Card, Desk, run_card

__all__ = ["CARDS", "Card", "Desk", "run_card"]

CARDS: Final = (
    Card("B01", life.opens, is_opened=False),
    Card("B02", life.is_closed, is_opened=False),
    Card("B03", life.acks),
    Card("B04", life.dedupes, lambda rules: rules.dedupes_client_ids),
    Card("B05", life.finds, lambda rules: rules.finds_by_client_id),
    Card("B06", life.cancels),
    Card("B07", life.cancels_once),
    Card("B08", life.knows_nothing),
    Card("B09", fills.fills_once),
    Card("B10", fills.fills_in_parts),
    Card("B11", fills.keeps_limits),
    Card("B12", fills.stops, lambda rules: OrderType.STOP in rules.order_types),
    Card("B13", fills.trails, lambda rules: OrderType.TRAILING_STOP in rules.order_types),
    Card("B14", life.takes_its_types),
    Card("B15", life.takes_its_times),
    Card("B16", life.refuses_the_rest),
    Card("B17", life.rejects),
    Card("B18", fills.exits),
    Card("B19", fills.replaces),
    Card("B20", fills.moves_stops, lambda rules: OrderType.STOP in rules.order_types),
    Card("B21", fills.links_exits, lambda rules: rules.links_orders),
    Card("B22", fills.holds_children, lambda rules: rules.links_orders),
    Card("B23", fills.drops_children, lambda rules: rules.links_orders),
    Card("B24", life.lists),
    Card("B25", fills.pays),
    Card("B26", life.outlives_us, lambda rules: not rules.is_instant),
    Card("B27", fills.keeps_apart, lambda rules: OrderType.STOP in rules.order_types),
)  # fmt: skip
