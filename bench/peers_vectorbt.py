"""vectorbt's side of ``make bench-peers``: its public interface, its compiled Rust engine, numpy arrays in.

Signals seen at a close are shifted by one bar and filled at that bar's open: what "filled at the next open" means here.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import vectorbt as vbt

FEES = 0.0005
CASH = 1_000_000.0
COLUMNS = 5  # pairs simulated at once: larger blocks leave the processor's cache and were slower
Figures = dict[str, Any]

vbt.settings["engine"] = "rust"


def load(folder: Path, name: str) -> list[np.ndarray]:
    return [np.load(folder / f"{name}_{field}.npy") for field in ("open", "high", "low", "close")]


def shifted(signal: np.ndarray) -> np.ndarray:
    """Move a signal from the close that shows it to the open that can act on it."""
    moved = np.zeros(signal.shape, bool)
    moved[1:] = signal[:-1]
    return moved


def crossing_up(fast: np.ndarray, slow: np.ndarray) -> np.ndarray:
    """Tell on which closes the fast line stands above the slow one and did not a bar before."""
    fresh = np.zeros(fast.shape, bool)
    fresh[1:] = (fast > slow)[1:] & (fast <= slow)[:-1]
    return fresh


def averages(close: np.ndarray, windows: list[int]) -> np.ndarray:
    """Return one column per window."""
    values = vbt.MA.run(close, windows).ma.to_numpy()
    return values.reshape(len(close), -1)


def state_portfolio(opens: np.ndarray, close: np.ndarray, fast: np.ndarray, slow: np.ndarray) -> Any:
    return vbt.Portfolio.from_signals(
        close[:, None],
        shifted(fast > slow),
        shifted(fast < slow),
        price=opens[:, None],
        size=1.0,
        fees=FEES,
        init_cash=CASH,
    )


def spans_of(warm: Callable[[], Any], work: Callable[[], Any], repeats: int) -> tuple[float, list[float]]:
    """Return the wall-clock time of the first result and the seconds of each repeat after it."""
    warm()
    first = time.time()
    spans = []
    for _ in range(repeats):
        gc.collect()
        begin = time.perf_counter()
        work()
        spans.append(time.perf_counter() - begin)
    return first, spans


def measured(build: Callable[[], Any], repeats: int) -> Figures:
    """Time portfolio, fills and equity curve; the portfolio alone is told beside it."""
    last: list[Any] = []
    alone: list[float] = []

    def work() -> None:
        last.clear()
        begin = time.perf_counter()
        portfolio = build()
        alone.append(time.perf_counter() - begin)
        last.extend([portfolio, portfolio.value(), portfolio.order_records])

    first, spans = spans_of(work, work, repeats)
    figures = {"seconds": spans, "first_at": first, "without_curve": min(alone[1:])}
    return {**figures, "equity": float(last[1].to_numpy().ravel()[-1]), "fills": len(last[2])}


def w1(folder: Path, repeats: int) -> Figures:
    opens, _, _, close = load(folder, "w1")
    return measured(lambda: state_portfolio(opens, close, averages(close, [10]), averages(close, [30])), repeats)


def w2(folder: Path, repeats: int) -> Figures:
    opens, _, _, close = load(folder, "w2")
    pairs = np.load(folder / "w2_pairs.npy").tolist()
    blocks = [pairs[at : at + COLUMNS] for at in range(0, len(pairs), COLUMNS)]
    totals: list[tuple[float, int]] = []

    def block(chosen: list[list[int]]) -> tuple[float, int]:
        fast, slow = (averages(close, [pair[side] for pair in chosen]) for side in (0, 1))
        portfolio = state_portfolio(opens, close, fast, slow)
        return float(np.sum(portfolio.final_value().to_numpy())), len(portfolio.order_records)

    def work() -> None:
        found = [block(chosen) for chosen in blocks]
        totals.append((sum(item[0] for item in found), sum(item[1] for item in found)))

    _, spans = spans_of(lambda: block(blocks[0]), work, repeats)
    return {"seconds": spans, "equity": totals[-1][0], "fills": totals[-1][1]}


def w3(folder: Path, repeats: int, cash: float = CASH) -> Figures:
    opens, high, low, close = load(folder, "w3")

    def build() -> Any:
        fast, slow = averages(close, [10]), averages(close, [30])
        return vbt.Portfolio.from_signals(
            close,
            shifted(crossing_up(fast, slow)),
            False,  # no exit signals: stop and target do it
            open=opens,
            high=high,
            low=low,
            price=opens,
            size=100_000.0,
            size_type="value",
            fees=FEES,
            sl_stop=0.02,
            tp_stop=0.04,
            stop_entry_price="FillPrice",
            init_cash=cash,
            cash_sharing=True,
            group_by=True,
            allow_partial=False,
            call_seq="auto",
        )

    return measured(build, repeats)


WORK: dict[str, Callable[[Path, int], Figures]] = {
    "w1": w1,
    "w2": w2,
    "w3": w3,
    "w3_free": lambda folder, repeats: w3(folder, repeats, 1_000_000_000.0),
}


def main() -> None:
    work, folder, repeats = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    figures = WORK[work](folder, repeats)
    figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures["version"] = f"vectorbt {version('vectorbt')}, vectorbt-rust {version('vectorbt-rust')}"
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
