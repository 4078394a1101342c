"""``make bench-peers``: the same work through other engines, in turn with ours, in one run.

Every peer lives in an environment of its own under build/peers (made on the first run, which needs the network); data
goes over as .npy files. Each round starts a fresh process for each side, the order changing from round to round, and
gives one ratio; the table tells the median ratio and its range. Where both follow the same rules, equal results are
demanded: the command fails when they differ by a cent or a fill.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
HOMES = ROOT / "build" / "peers"
CENT = 0.01
Figures = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One piece of work: what it is called, who does it, by which of our workloads, how often within a process."""

    title: str
    peer: str
    work: str
    ours: tuple[str, ...]
    repeats: int
    is_same: bool  # whether both sides follow the same rules, so that results must be equal
    goal: float = 0.0  # the ratio it should be at least; 0 where none is set


CASES = [
    Case("W1, 1,000,000 bars", "vectorbt", "w1", ("w1",), 4, is_same=True, goal=5.0),
    Case("W1, 100,000 bars, same close", "nautilus", "w1_close", ("w1_close",), 1, is_same=True),
    Case("W2, 1,000 pairs x 100,000 bars", "vectorbt", "w2", ("w2", "w2_one_thread"), 1, is_same=True, goal=40.0),
    Case("W3, 100 symbols x 100,000 bars", "vectorbt", "w3", ("w3",), 2, is_same=False, goal=20.0),
    Case("W3, the same with cash for all", "vectorbt", "w3_free", ("w3_free",), 2, is_same=True, goal=20.0),
]


def environment(name: str) -> Path:
    """Return the Python of a peer's environment, building or renewing it when its requirements are newer."""
    home, wanted = HOMES / name, ROOT / "requirements" / f"peers-{name}.txt"
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = home / ".ready"
    if not stamp.exists() or stamp.stat().st_mtime < wanted.stat().st_mtime:
        print(f"Installing {name} into {home.relative_to(ROOT)} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-qq", "-r", str(wanted)], check=True)
        stamp.touch()
    return python


def told(command: list[str]) -> Figures:
    """Run one side and read the JSON line it ends with."""
    begin = time.time()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[1:3])} failed:\n{done.stderr}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    first = {"first": figures["first_at"] - begin} if "first_at" in figures else {}
    return {**figures, **first, "best": min(figures["seconds"])}


def one_round(case: Case, python: Path, folder: Path, number: int) -> dict[str, Figures]:
    """Measure both sides once; even rounds begin with ours."""
    repeats = str(case.repeats)
    sides = {name: [sys.executable, str(HERE / "peers_ours.py"), name, str(folder), repeats] for name in case.ours}
    theirs = {case.peer: [str(python), str(HERE / f"peers_{case.peer}.py"), case.work, str(folder), repeats]}
    order = {**sides, **theirs} if number % 2 == 0 else {**theirs, **sides}
    return {name: told(command) for name, command in order.items()}


def spread(values: list[float]) -> Figures:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def row_of(case: Case, name: str, rounds: list[dict[str, Figures]]) -> Figures:
    """Sum up all rounds of one of our workloads against the peer."""
    ours, theirs = [item[name] for item in rounds], [item[case.peer] for item in rounds]
    pairs = list(zip(ours, theirs, strict=True))
    row = {
        "title": case.title + (", one thread of ours" if name.endswith("one_thread") else ""),
        "peer": theirs[-1]["version"],
        "rounds": len(rounds),
        "ours_seconds": spread([item["best"] for item in ours]),
        "theirs_seconds": spread([item["best"] for item in theirs]),
        "ratio": spread([their["best"] / our["best"] for our, their in pairs]),
        "peak_mb": {"ours": max(o["peak_mb"] for o in ours), "theirs": max(t["peak_mb"] for t in theirs)},
        "equity": {"ours": ours[-1]["equity"], "theirs": theirs[-1]["equity"]},
        "fills": {"ours": ours[-1]["fills"], "theirs": theirs[-1]["fills"]},
        "equity_difference": max(abs(our["equity"] - their["equity"]) for our, their in pairs),
        "same_rules": case.is_same,
        "goal": case.goal,
    }
    if "without_curve" in theirs[-1]:
        row["theirs_without_curve_seconds"] = spread([item["without_curve"] for item in theirs])
    if "first" in theirs[-1]:
        sides = {"ours": ours, "theirs": theirs}
        row["first_result_seconds"] = {side: spread([item["first"] for item in found]) for side, found in sides.items()}
    row["agrees"] = row["equity_difference"] < CENT and all(our["fills"] == their["fills"] for our, their in pairs)
    return row


def agreement(row: Figures) -> str:
    """Say in words how far both results are the same."""
    fills = row["fills"]
    if not row["same_rules"]:
        return f"other rules: {fills['ours']:,} fills against {fills['theirs']:,}"
    kind = "equal" if row["agrees"] else "DIFFERENT"
    return f"{kind}: {fills['ours']:,} fills, equity {row['equity']['ours']:,.6f}, apart {row['equity_difference']:.1e}"


def shown(seconds: float) -> str:
    return f"{seconds * 1e3:,.1f} ms" if seconds < 1.0 else f"{seconds:,.2f} s"


def tell(rows: list[Figures]) -> None:
    print(f"{'work':<52}{'ours':>11}{'theirs':>11}{'ratio':>8}  {'range':<16}agreement")
    for row in rows:
        ratio = row["ratio"]
        print(
            f"{row['title']:<52}{shown(row['ours_seconds']['median']):>11}{shown(row['theirs_seconds']['median']):>11}"
            f"{ratio['median']:>8.1f}  {ratio['min']:<6.1f}to {ratio['max']:<7.1f}{agreement(row)}"
        )
        print(f"  against {row['peer']}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure other engines side by side with ours.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=[case.work for case in CASES], action="append")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench_peers.json")
    options = parser.parse_args()
    cases = [case for case in CASES if not options.only or case.work in options.only]
    pythons = {name: environment(name) for name in sorted({case.peer for case in cases})}
    rows = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        data = [sys.executable, str(HERE / "peers_ours.py"), "data", place, "0"]
        subprocess.run(data, check=True, stdout=subprocess.DEVNULL)
        for case in cases:
            print(f"{case.title}: {case.peer}, {options.rounds} rounds ...", flush=True)
            rounds = [one_round(case, pythons[case.peer], folder, number) for number in range(options.rounds)]
            rows += [row_of(case, name, rounds) for name in case.ours]
    today = dt.datetime.now(tz=dt.UTC).date().isoformat()
    machine = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"date": today, "machine": machine, "rows": rows}, indent=1) + "\n")
    tell(rows)
    if not all(row["agrees"] for row in rows if row["same_rules"]):
        raise SystemExit("Results differ where both sides follow the same rules: the ratio above means nothing.")


if __name__ == "__main__":
    main()
