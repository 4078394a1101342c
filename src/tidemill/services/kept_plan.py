"""What a run was planned with, kept beside its tape: instruments, bar sizes, strategy files; its data may go away."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tidemill.model.bars import BarTable
from tidemill.model.errors import StoreError
from tidemill.model.instrument import AssetClass, Instrument

__all__ = ["KeptPlan", "keep_plan", "kept_strategies", "read_plan"]

_PLAN = "plan.json"
_STRATEGIES = "strategies"


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """What the plan of a run needs from its data.

    Args:
        instruments: in the core's order.
        bars: tables of two bars without prices: size, first and last start.
        is_known: the data were the whole future of the run. is_simulated: prices in them are made up.
    """

    instruments: Sequence[Instrument]
    bars: Sequence[BarTable]
    is_known: bool
    is_simulated: bool


def kept_strategies(folder: Path) -> Path:
    """Return where a run keeps the files of its strategies."""
    return folder / _STRATEGIES


def keep_plan(folder: Path, plan: KeptPlan, strategies: Mapping[str, Path]) -> None:
    """Keep what a run is planned with, whatever becomes of its files.

    Args:
        folder: of the run. plan: of its bars only the ends are kept. strategies: files by their hash.
    """
    tables = [
        [table.symbol, table.interval_ns, table.duration_ns, int(table.ts[0]), int(table.ts[-1])]
        for table in plan.bars
        if len(table)
    ]
    body = {
        "instruments": [asdict(item) for item in plan.instruments],
        "tables": tables,
        "is_known": plan.is_known,
        "is_simulated": plan.is_simulated,
    }
    own = kept_strategies(folder)
    own.mkdir(parents=True, exist_ok=True)
    for digest, path in strategies.items():
        (own / f"{digest}.py").write_bytes(path.read_bytes())
    draft = folder / f"{_PLAN}.new"
    draft.write_text(json.dumps(body), encoding="utf-8")
    draft.replace(folder / _PLAN)


def read_plan(folder: Path) -> KeptPlan | None:
    """Return what a run was planned with; None when nothing was kept.

    Raises:
        StoreError: it cannot be read.
    """
    path = folder / _PLAN
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        items = [Instrument(**{**v, "asset_class": AssetClass(v["asset_class"])}) for v in values["instruments"]]
        tables = [_span(*table) for table in values["tables"]]
        return KeptPlan(items, tables, values["is_known"], values["is_simulated"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} cannot be read ({error}); delete it, then the run's own files are read.") from None


def _span(symbol: str, interval_ns: int, duration_ns: int, first_ns: int, last_ns: int) -> BarTable:
    ts = np.unique(np.array([first_ns, last_ns], np.int64))
    return BarTable(symbol, interval_ns, duration_ns, ts, *(np.full(len(ts), np.nan),) * 5)
