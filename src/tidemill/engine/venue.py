"""The simulated exchange as a block, built from costs and fill rules."""

from __future__ import annotations

import numpy as np

from tidemill.engine.blocks import Block
from tidemill.engine.plan import EnginePlan
from tidemill.model.records import EVENT, VENUE, VENUE_BOOK, VENUE_ORDER

__all__ = ["build_venue"]


def build_venue(plan: EnginePlan, orders: int) -> Block:
    """Return a fresh exchange for a plan, with room for as many orders as the core can have alive."""
    block = Block(
        VENUE,
        [
            ("books", VENUE_BOOK, len(plan.instruments)),
            ("orders", VENUE_ORDER, orders),
            ("reports", EVENT, 8 * orders + 64),
        ],
    )
    rules, costs = plan.run.fills, plan.run.costs
    header = block.header
    header["version"] = 1
    header["latency_ns"] = round(rules.latency_ms * 1_000_000)
    header["fill_timing"] = int(rules.timing)
    header["path_rule"] = int(rules.path)
    header["limit_through"] = int(rules.limit_through)
    header["volume_cap"] = rules.volume_cap_ratio
    header["allow_partial"] = int(rules.allow_partial)
    table = block.tables["orders"]
    table["next"] = np.arange(1, orders + 1)
    table["next"][-1] = -1
    books = block.tables["books"]
    for row, instrument in enumerate(plan.instruments):
        books[row]["tick"] = instrument.tick_size
        books[row]["lot"] = instrument.lot_size
        books[row]["multiplier"] = instrument.multiplier
    books["first"] = -1
    books["slippage"] = int(costs.slippage)
    books["slippage_value"] = costs.slippage_value
    books["fee_unit"] = costs.commission_per_unit
    books["fee_pct"] = costs.commission_pct
    books["fee_minimum"] = costs.commission_minimum
    books["last"] = np.nan
    books["bid"] = np.nan
    books["ask"] = np.nan
    return block
