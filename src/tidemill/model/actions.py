"""Splits and dividends as one plain table."""

from __future__ import annotations

import numpy as np

__all__ = ["CORPORATE_ACTION"]

# One row per event. `ts_ns` is the start of the session on the ex-date: from then on prices are without the event.
# `kind` is EventKind.SPLIT or EventKind.DIVIDEND; `value` is new shares per old share, or cash per share.
CORPORATE_ACTION = np.dtype([("symbol", "U32"), ("ex_day", "<i8"), ("ts_ns", "<i8"), ("kind", "u1"), ("value", "<f8")])
