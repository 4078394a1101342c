"""Figures of the kill switch and of restarts: halt to last send, halt to cancels, kill to READY; real processes."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/e2e"))

import up_scene

AGENTS = (("halted", "moving_average_crossover"),)


def _running(folder: Path) -> up_scene.Up:
    agents = [up_scene.write_agent(folder, name, strategy) for name, strategy in AGENTS]
    scene = up_scene.Up(folder, agents, hang_s=60.0, cancel_s=50.0)
    scene.wait_ready(seconds=300.0)
    return scene


def halts(repeats: int = 7) -> dict[str, Any]:
    """Return milliseconds from the start of a halt to the last request that left, and to the last cancel.

    The guard reads the halt's file before every send, so nothing leaves later than the file is there; orders asked for
    while the halt is made would show it if something did. Cancels are stamped by the tape's row of the answer.
    Few orders each time: the guard allows a strategy thirty a minute.
    """
    from tidemill.runtime.guard.halts import Halts, Rung
    from tidemill.services.halting import halt, resume
    from tidemill.services.operating import ask_order, ask_tick

    sends, cancels = [], []
    with tempfile.TemporaryDirectory() as text:
        scene = _running(Path(text))
        try:
            run = scene.run_of("halted")
            ask_tick(scene.home, "SPY", 500.0, run_id=run, wait_s=5.0)
            for number in range(repeats):
                body = {"symbol": "SPY", "side": "buy", "quantity": 10 * number + 1, "limit_price": 400.0}
                ask_order(scene.home, body, run_id=run)
                for more in range(2, 5):  # these are on their way while the halt is made
                    body = {"symbol": "SPY", "side": "buy", "quantity": 10 * number + more, "limit_price": 400.0}
                    ask_order(scene.home, body, run_id=run, wait_s=0.0)
                began = time.time_ns()
                Halts(scene.home.halts).halt(f"run:{run}", Rung.CANCEL, "bench", "bench", began)
                stands = time.time_ns()
                halt(scene.home, f"run:{run}", Rung.CANCEL, wait_s=10.0)
                with scene.store() as store:
                    orders = store.orders(run)
                    rows = [row.wall_ns for row in store.tape(run) if row.kind == "CANCELLED" and row.wall_ns > began]
                late = [
                    stands,
                    *(row.created_ns for row in orders if row.created_ns > began and row.state != "REJECTED"),
                ]
                sends.append(max((stamp - began) / 1e6 for stamp in late))
                cancels.append(max((stamp - began) / 1e6 for stamp in rows))
                for item in Halts(scene.home.halts).standing():
                    resume(scene.home, item.scope, "bench")
                time.sleep(0.3)
        finally:
            scene.stop()
    return {"halt_last_send_ms": max(sends), "halt_cancels_ms": max(cancels), "sends": sends, "cancels": cancels}


def restarts(repeats: int = 20) -> dict[str, Any]:
    """Return seconds from SIGKILL of an engine to READY; the worst of 20 is their 99th percentile by nearest rank."""
    spans = []
    with tempfile.TemporaryDirectory() as text:
        for number in range(repeats // 2):
            folder = Path(text) / str(number)
            folder.mkdir()
            scene = _running(folder)
            try:
                for _ in range(2):  # the third death within ten minutes would leave it down
                    ready = scene.lines().count("READY")
                    scene.kill(scene.run_of("halted"))
                    spans.append(scene.wait_ready(ready + 1, 60.0))
            finally:
                scene.stop()
    return {"kill_to_ready_p99_s": max(spans), "median_s": sorted(spans)[len(spans) // 2], "spans": spans}


def main() -> None:
    print(json.dumps({**halts(), **restarts()}, indent=1))


if __name__ == "__main__":
    main()
