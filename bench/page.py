"""Writes the measured blocks of docs/benchmarks.md from build/bench.json and build/bench_peers.json, by hand none.

Run ``python bench/page.py`` after ``make bench`` or ``make bench-peers``; a block whose file is missing stays as it is.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from run import TARGETS

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
OURS = "| figure | measured | spread | must | aim | falls short |\n|---|---|---|---|---|---|\n"
PEERS = "| work | against | ours | theirs | ratio | goal | equity and fills |\n|---|---|---|---|---|---|---|\n"
STARTS = "| work | first result, ours | first result, theirs | peak memory, ours | theirs |\n|---|---|---|---|---|\n"
GROUPS = {
    "W1: moving-average cross, 1,000,000 bars": ("w1_seconds", "w1_peak_mb"),
    "W2: 1,000 parameter pairs over 100,000 bars": ("w2_seconds",),
    "W3: 100 symbols, shared cash": ("w3_seconds",),
    "W4: a plain Python strategy": ("w4_seconds",),
    "W5: 10,000,000 trades to minute bars": ("w5_seconds",),
    "W6: one bar in, order out": ("w6_p50_us",),
    "Live: from a tick to an order on a socket, durable on the way": ("live_order_p50_ms", "live_order_p99_ms"),
    "Live: throughput": ("live_market_p50_us", "live_ticks_per_second", "live_replay_per_second"),
    "Live: halts and restarts": ("halt_last_send_ms", "halt_cancels_ms", "kill_to_ready_p99_s"),
    "Live: simulation": ("simulated_days_per_second",),
    "The stream: 200 who watch": ("stream_200_viewers_cpu_pct",),
    "The service: 50 callers": (
        "api_order_p50_ms",
        "api_order_p99_ms",
        "api_fills_p99_ms",
        "api_reads_per_second",
        "api_pressed_lag_ratio",
    ),
    "Whole processes": ("first_result_warm_seconds", "cold_compile_seconds", "help_seconds"),
}


_UNITS = {"_us": "{:.2f} µs", "_ms": "{:,.1f} ms", "_pct": "{:.1f} %", "_mb": "{:.0f} MiB", "_ratio": "{:.2f} x"}


def amount(value: float, key: str) -> str:
    """Return a figure with the unit its name ends with."""
    for ending, text in _UNITS.items():
        if key.endswith(ending):
            return text.format(value)
    if key.endswith("_per_second"):
        return f"{value:,.0f}" if value >= 100.0 else f"{value:.1f}"
    return f"{value * 1e3:,.1f} ms" if value < 1.0 else f"{value:,.2f} s"


def range_of(key: str, details: dict[str, Any]) -> str:
    """Return what else is known of a figure: its range, or the 99th percentile."""
    known = details.get(key.removesuffix("_seconds").removesuffix("_p50_us"), {})
    if "p99_us" in known:
        return f"99th percentile {known['p99_us']:.2f} µs"
    if "max" in known:
        return f"{amount(known['min'], key)} to {amount(known['max'], key)}, median {amount(known['median'], key)}"
    return "one run"


def shortfall(value: float, must: float, aim: float) -> str:
    if aim > must:  # more is better
        value, must, aim = 1.0 / value, 1.0 / must, 1.0 / aim
    if value <= aim:
        return "nothing"
    return f"{value / aim:.1f} x the aim" if value <= must else f"**{value / must:.2f} x what it must be**"


def ours(found: dict[str, Any], day: str) -> str:
    """Return one table per workload."""
    parts = [f"`make bench`, {day}, Python {found['machine']['python']} on {found['machine']['machine']}."]
    for title, keys in GROUPS.items():
        rows = ""
        for key in keys:
            must, aim = TARGETS[key]
            value, spread = found[key], range_of(key, found["details"])
            bounds = f"{amount(must, key)} | {amount(aim, key)}"
            rows += f"| `{key}` | {amount(value, key)} | {spread} | {bounds} | {shortfall(value, must, aim)} |\n"
        parts.append(f"### {title}\n\n{OURS}{rows.rstrip()}")
    return "\n\n".join(parts)


def peers(found: dict[str, Any]) -> str:
    """Return ratios with their range, then what one waits and what it takes of memory."""
    table, starts = PEERS, STARTS
    for row in found["rows"]:
        ratio, mid = row["ratio"], {side: amount(row[f"{side}_seconds"]["median"], "") for side in ("ours", "theirs")}
        fills = f"{row['fills']['ours']:,} fills"
        same = f"equal: {fills}, {row['equity']['ours']:,.6f}, {row['equity_difference']:.0e} apart"
        verdict = same if row["agrees"] else f"other rules: {fills} against {row['fills']['theirs']:,}"
        span = f"**{ratio['median']:,.1f}** ({ratio['min']:,.1f} to {ratio['max']:,.1f})"
        goal = row["goal"]
        wanted = "–" if not goal else f"{goal:g}" if ratio["median"] >= goal else f"**short of {goal:g}**"
        table += (
            f"| {row['title']} | {row['peer']} | {mid['ours']} | {mid['theirs']} | {span} | {wanted} | {verdict} |\n"
        )
        known = row.get("first_result_seconds")
        first = [amount(known[side]["median"], "") if known else "–" for side in ("ours", "theirs")]
        peak = [f"{row['peak_mb'][side]:,.0f} MiB" for side in ("ours", "theirs")]
        starts += f"| {row['title']} | {first[0]} | {first[1]} | {peak[0]} | {peak[1]} |\n"
    machine = found["machine"]
    head = f"`make bench-peers`, {found['date']}, {found['rows'][0]['rounds']} rounds, Python {machine['python']}"
    return f"{head}, {machine['cores']} cores of {machine['machine']}.\n\n{table}\n{starts.rstrip()}"


def put(page: str, name: str, text: str) -> str:
    """Replace what stands between a block's two marks."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, _, rest = page.partition(begin)
    return f"{before}{begin}\n\n{text}\n\n{end}{rest.partition(end)[2]}"


def main() -> None:
    page = PAGE.read_text(encoding="utf-8")
    own, other = ROOT / "build" / "bench.json", ROOT / "build" / "bench_peers.json"
    if own.exists():
        day = dt.datetime.fromtimestamp(own.stat().st_mtime, tz=dt.UTC).date().isoformat()
        page = put(page, "ours", ours(json.loads(own.read_text(encoding="utf-8")), day))
    if other.exists():
        page = put(page, "peers", peers(json.loads(other.read_text(encoding="utf-8"))))
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
