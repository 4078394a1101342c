"""Real prices that come with an ordinary dependency: a first backtest without a file and without a network."""

from __future__ import annotations

import csv
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tidemill.model.bars import DAY_NS, BarTable
from tidemill.model.daily import session_length_ns, session_start_ns
from tidemill.model.errors import DataError
from tidemill.model.fingerprint import bars_sha256
from tidemill.model.instrument import infer_instrument
from tidemill.model.quality import row_faults

__all__ = ["sample_bars"]

_PACKAGE = "hvsampledata"
_FILE = "apple_stocks.csv"


def sample_bars() -> BarTable:
    """Return Apple's daily bars of 2019 to 2024, adjusted for splits, from the package ``hvsampledata``.

    Raises:
        DataError: the package or its file is missing.
    """
    spec = find_spec(_PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    path = Path(folders[0]) / "_data" / _FILE if folders else Path(_FILE)
    if not path.is_file():
        raise DataError(f"The sample prices are missing; install the package {_PACKAGE} again.")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    instrument = infer_instrument("AAPL")
    days = np.array([(date.fromisoformat(row["date"][:10]) - date(1970, 1, 1)).days for row in rows], np.int64)
    columns = [np.array([float(row[name]) for row in rows]) for name in ("open", "high", "low", "close", "volume")]
    sound = row_faults(*columns) == 0
    ts = session_start_ns(instrument, days)[sound]
    bars = BarTable("AAPL", DAY_NS, session_length_ns(instrument), ts, *(column[sound] for column in columns))
    bars.meta = {
        "source": f"{_PACKAGE}: {_FILE}",
        "sha256": bars_sha256(bars),
        "rows_read": len(rows),
        "rows_quarantined": int(np.count_nonzero(~sound)),
        "rows_identical": 0,
        "simulated": False,
        "warnings": ["Prices are adjusted for splits, not for dividends."],
        "zone": instrument.zone,
    }
    return bars
