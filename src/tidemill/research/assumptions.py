"""What a run assumed, in sentences a trader can check: fills, costs, sessions, gaps, look-ahead."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tidemill.engine.engine import Engine
from tidemill.model.answers import REFUSALS
from tidemill.model.bars import DAY_NS, BarTable
from tidemill.model.enums import FillTiming, PathRule, Refusal, Slippage
from tidemill.model.settings import Costs, FillRules, RunSettings

__all__ = ["describe_run"]

_PATHS = {
    PathRule.STOP_FIRST: "when one bar touches stop and target, the stop fills first",
    PathRule.TARGET_FIRST: "when one bar touches stop and target, the target fills first",
    PathRule.WORST: "the worst path inside each bar: stops first, limits only when traded through",
    PathRule.BEST: "the best path inside each bar: targets first (results are optimistic)",
}


def _fill_sentence(rules: FillRules) -> str:
    timing = "at the next bar's open" if rules.timing is FillTiming.NEXT_OPEN else "at the same bar's close"
    touch = "traded through" if rules.limit_through else "touched"
    return f"Decisions on bar close; market orders fill {timing}; limits fill when {touch}; {_PATHS[rules.path]}."


def _cost_sentence(costs: Costs) -> str:
    parts = []
    if costs.commission_per_unit:
        parts.append(f"{costs.commission_per_unit:g} per unit")
    if costs.commission_pct:
        parts.append(f"{costs.commission_pct:g} % of the value")
    if costs.commission_minimum:
        parts.append(f"at least {costs.commission_minimum:g} per order")
    commission = "Commission " + (", ".join(parts) if parts else "none")
    slips = {
        Slippage.NONE: "none",
        Slippage.FIXED: f"{costs.slippage_value:g} points",
        Slippage.PROPORTIONAL: f"{costs.slippage_value:g} % of the price, growing with size",
        Slippage.HALF_SPREAD: f"half a spread of {costs.slippage_value:g} points",
    }
    return f"{commission}; slippage {slips[costs.slippage]} on market and stop fills, none on limits."


def _data_sentence(bars: Sequence[BarTable]) -> str:
    rows = sum(len(table) for table in bars)
    gaps = 0
    for table in bars:
        if table.interval_ns < DAY_NS and len(table) > 1:
            gaps += int((np.diff(table.ts) > table.interval_ns).sum())
    text = f"{rows:,} bars of {', '.join(table.symbol for table in bars)}"
    return text + (f"; {gaps:,} places where bars are missing or the market was closed." if gaps else ".")


def _prefix_sentence(invariant: bool | None) -> str:
    if invariant is None:
        return "The look-ahead check was not run."
    if invariant:
        return "Look-ahead check passed: decisions on truncated data equal those of the full run."
    return "LOOK-AHEAD FOUND: decisions change when later data are cut off; the results are not to be trusted."


def describe_run(
    run: RunSettings, engine: Engine, bars: Sequence[BarTable], invariant: bool | None
) -> tuple[list[str], list[str]]:
    """Return the assumptions and the warnings of a finished run."""
    rules = run.fills
    cap = f"at most {rules.volume_cap_ratio:.0%} of a bar's volume" if rules.volume_cap_ratio else "no volume cap"
    assumptions = [
        _fill_sentence(rules),
        _cost_sentence(run.costs),
        f"Order latency {rules.latency_ms:g} ms; {cap}; gaps fill at the open.",
        f"Buying power is equity times {run.leverage:g}; no interest, borrow cost or financing is charged.",
        "An open position is marked at the last close; daily figures use the last mark of each trading day.",
        _data_sentence(bars),
        _prefix_sentence(invariant),
    ]
    warnings = [step.note for step in engine.steps if step.note]
    for table in bars:
        warnings += [str(text) for text in table.meta.get("warnings", ())]
        if table.meta.get("simulated"):
            warnings.append(f"{table.symbol} is SIMULATED data: no result on it says anything about a market.")
    header = engine.state.header
    if int(header["quarantined"][0]) or int(header["late_fills"][0]):
        warnings.append("Some reports of the exchange did not match an order; please report this run.")
    warnings += _refusal_warnings(engine)
    low = engine.tape.rows("fills")["cash_after"].min(initial=0)
    if low < 0:
        warnings.append(
            f"Cash fell to {low / 1e6:,.2f} {run.currency}: an order filled above the price it was sized at, or "
            "leverage is on."
        )
    if not len(engine.tape.rows("fills")):
        warnings.append("The run made no trade: nothing below says anything about the strategy.")
    return assumptions, warnings


def _refusal_warnings(engine: Engine) -> list[str]:
    codes, counts = np.unique(engine.tape.rows("refusals")["refusal"], return_counts=True)
    named = [(Refusal(int(code)), int(count)) for code, count in zip(codes, counts, strict=True)]
    return [
        f"{count:,} {'proposal was' if count == 1 else 'proposals were'} refused: {REFUSALS[code]} ({code.name})"
        for code, count in named
    ]
