"""Corporate actions as events of the merged stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.records import EVENT

__all__ = ["action_events"]


def action_events(actions: NDArray[Any], symbols: Sequence[str]) -> NDArray[Any]:
    """Return EVENT rows for the splits and dividends of traded symbols, in time order.

    They are known at the start of the ex-date's session, before its first bar closes and before its open is matched.
    """
    chosen = actions[np.isin(actions["symbol"], list(symbols))]
    chosen = chosen[np.argsort(chosen["ts_ns"], kind="stable")]
    rows = np.zeros(len(chosen), EVENT)
    rows["kind"] = chosen["kind"]
    rows["instrument"] = [list(symbols).index(symbol) for symbol in chosen["symbol"]]
    rows["ts_ns"] = chosen["ts_ns"]
    rows["now_ns"] = chosen["ts_ns"]
    rows["close"] = chosen["value"]
    rows["row"] = -1
    return rows
