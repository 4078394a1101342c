"""The runs on which loop, one-by-one, interpreted and JIT-off must agree byte for byte."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tidemill import BarTable, Costs, FillRules, Instrument, RunSettings, Sizing, StrategySettings, load_strategy
from tidemill.adapters.calendars import get_calendar
from tidemill.adapters.files import read_bars
from tidemill.authoring.rulebook import load_rules
from tidemill.engine.engine import Engine
from tidemill.model.bars import MINUTE_NS
from tidemill.model.enums import EventKind, FillTiming, PathRule, Rebalance, Slippage, TimeInForce
from tidemill.model.instrument import infer_instrument
from tidemill.research.backtest import BacktestJob, run_engine
from tidemill.research.planning import Entrant, plan_run


@dataclass
class Case:
    """One run: strategies, bars, settings."""

    name: str
    strategies: list[tuple[str, dict]]
    bars: list[BarTable]
    run: RunSettings
    instruments: list[Instrument] = field(default_factory=list)
    actions: np.ndarray | None = None

    def job(self, form: str = "auto") -> BacktestJob:
        entrants = []
        for name, params in self.strategies:
            spec = load_strategy(name)
            entrants.append(Entrant(spec, spec.read_params(params)))
        symbols = list(dict.fromkeys(table.symbol for table in self.bars))
        instruments = self.instruments or [infer_instrument(symbol) for symbol in symbols]
        return BacktestJob(
            entrants, self.bars, instruments, self.run, load_rules(), get_calendar, self.actions, form, False
        )

    def finish(self, form: str = "auto", *, one_by_one: bool = False) -> Engine:
        job = self.job(form)
        plan = plan_run(job.entrants, job.bars, job.instruments, job.run, job.calendars)
        return run_engine(job, plan, job.bars, one_by_one=one_by_one)


def walk(seed: int, symbol: str, count: int, *, missing: int = 0, minutes: int = 1) -> BarTable:
    """Return a lively random walk of minute bars with some bars missing."""
    generator = np.random.default_rng(seed)
    close = np.round(100.0 * np.exp(np.cumsum(generator.normal(0, 0.003, count))), 2)
    opens = np.round(np.concatenate([[100.0], close[:-1]]) * (1 + generator.normal(0, 0.001, count)), 2)
    high = np.round(np.maximum(opens, close) * (1 + np.abs(generator.normal(0, 0.001, count))), 2)
    low = np.round(np.minimum(opens, close) * (1 - np.abs(generator.normal(0, 0.001, count))), 2)
    high, low = np.maximum(high, np.maximum(opens, close)), np.minimum(low, np.minimum(opens, close))
    start = 1_704_205_800_000_000_000  # 2024-01-02 14:30 UTC
    ts = start + np.arange(count, dtype=np.int64) * MINUTE_NS * minutes
    keep = np.sort(generator.choice(count, count - missing, replace=False))
    volume = generator.integers(0, 5_000, count).astype(float)
    size = MINUTE_NS * minutes
    return BarTable(symbol, size, size, ts[keep], *(c[keep] for c in (opens, high, low, close, volume)))


def _settings(**values: object) -> RunSettings:
    costs = values.pop("costs", Costs())
    fills = values.pop("fills", FillRules())
    leverage = values.pop("leverage", 1.0)
    return RunSettings(leverage=leverage, settings=StrategySettings(**values), costs=costs, fills=fills)


CROSS = ("moving_average_crossover", {"fast_window": 5, "slow_window": 15})
TREE = """{
  "buy_conditions": {"type": "and", "children": [
    {"type": "indicator", "indicator": {"type": "macd", "condition": "crossesAboveSignal"}},
    {"type": "not", "child": {"type": "indicator", "indicator": {"type": "rsi", "condition": "overbought"}}},
    {"type": "indicator", "indicator": {"type": "vwap", "period": 40, "condition": "below", "value": "sma(9, high)"}}
  ]},
  "sell_conditions": [
    {"type": "indicator", "indicator": {"type": "bollingerBands", "condition": "priceAboveUpper"}},
    {"type": "indicator", "indicator": {"type": "ema", "period": 30, "condition": "crossesAbove", "value": "price"}}
  ]
}"""


def random_cases(count: int = 3_000) -> list[Case]:
    """Return cases on random streams, one per corner of the engine."""
    three = [walk(k, f"T{k}", count, missing=k * 40) for k in range(3)]
    crypto = [Instrument(t.symbol, tick_size=0.01, lot_size=1e-4, calendar="24/7", zone="UTC") for t in three]
    actions = np.zeros(2, [("symbol", "U32"), ("ex_day", "<i8"), ("ts_ns", "<i8"), ("kind", "u1"), ("value", "<f8")])
    actions[0] = ("T0", 0, int(three[0].ts[count // 2]), int(EventKind.SPLIT), 2.0)
    actions[1] = ("T0", 0, int(three[0].ts[count // 3]), int(EventKind.DIVIDEND), 0.35)
    bracket = {"stop_loss_pct": 0.8, "take_profit_pct": 1.2}
    percent = {"sizing": Sizing.PERCENT, "size_value": 30.0}
    return [
        Case("plain", [CROSS], three[:1], _settings(**percent), crypto[:1]),
        Case("bracket", [CROSS], three[:1], _settings(**percent, **bracket), crypto[:1]),
        Case(
            "condition tree", [("conditions", {"tree": TREE})], three[:1], _settings(**percent, **bracket), crypto[:1]
        ),
        Case("many", [CROSS], three, _settings(**percent, **bracket, max_open_positions=2), crypto),
        Case(
            "two strategies",
            [CROSS, ("mean_reversion", {"window": 10, "threshold": 0.004})],
            three,
            _settings(**percent),
            crypto,
        ),
        Case(
            "trailing, costs, cap, latency",
            [CROSS],
            three,
            _settings(
                **percent,
                trailing_stop_pct=0.7,
                costs=Costs(Slippage.PROPORTIONAL, 0.05, 0.005, 0.02, 1.0),
                fills=FillRules(volume_cap_ratio=0.1, latency_ms=300, path=PathRule.TARGET_FIRST),
            ),
            crypto,
        ),
        Case("same close", [CROSS], three, _settings(**percent, fills=FillRules(timing=FillTiming.SAME_CLOSE)), crypto),
        Case("splits", [CROSS], three, _settings(**percent, **bracket), crypto, actions),
        Case(
            "time, rebalance, loss limits",
            [CROSS],
            three,
            _settings(
                **percent,
                max_bars_held=20,
                rebalance=Rebalance.DAILY,
                daily_loss_pct=1.0,
                daily_loss_flatten=True,
                max_trades_per_day=15,
            ),
            crypto,
        ),
        Case(
            "two intervals",
            [CROSS],
            [three[0], walk(9, "T0", count // 5, minutes=5)],
            _settings(**percent, **bracket),
            crypto[:1],
        ),
        Case(
            "limit entries, day orders",
            [CROSS],
            three,
            _settings(**percent, entry_type=1, limit_offset_pct=-0.1, entry_tif=TimeInForce.DAY),
            crypto,
        ),
        Case(
            "rules with shorts",
            [("rule_based", {})],
            three,
            _settings(**percent, allow_short=True, leverage=2.0),
            crypto,
        ),
        Case(
            "only sure signals",
            [("rule_based", {})],
            three,
            _settings(**percent, allow_short=True, leverage=2.0, min_confidence=60.0),
            crypto,
        ),
        Case("momentum", [("momentum", {})], three, _settings(**percent), crypto),
        Case("bands", [("bollinger_bands", {"window": 15})], three, _settings(**percent), crypto),
        Case(
            "breakout",
            [("breakout", {"breakout_threshold": 0.0005, "min_volume_ratio": 1.0})],
            three,
            _settings(**percent),
            crypto,
        ),
    ]


def real_cases(data: Path) -> list[Case]:
    """Return cases on real files: stocks, a future, FX, crypto; minutes, hours and days."""
    spy = read_bars(data / "equity/1min/SPY.parquet", symbol="SPY")
    nq = read_bars(data / "future/1min/NQ_front.parquet", symbol="NQ")
    ibm = read_bars(data / "equity/1d/IBM.parquet", symbol="IBM")
    btc = read_bars(data / "crypto/1min/BTCUSD_coinbase.parquet", symbol="BTCUSD")
    regular = {"extended_hours": False, "flat_before_close_min": 5.0, "sizing": Sizing.PERCENT, "size_value": 50.0}
    one = {"sizing": Sizing.FIXED, "size_value": 1.0}
    return [
        Case("SPY minutes", [("opening_range_breakout", {})], spy, _settings(**regular)),
        Case("NQ minutes", [("opening_range_breakout", {})], nq, _settings(**one, allow_short=True)),
        Case("IBM days", [CROSS], ibm, _settings(sizing=Sizing.RISK_PERCENT, size_value=1.0, stop_loss_pct=3.0)),
        Case("BTC minutes", [CROSS], btc, _settings(sizing=Sizing.KELLY, size_value=0.5)),
        Case(
            "SPY and NQ",
            [CROSS],
            spy + nq,
            _settings(**one, leverage=4.0, window="09:45-15:30", window_days=("MON", "TUE", "FRI")),
        ),
    ]


def digest(engine: Engine) -> str:
    """Return one hash over a finished engine's tape and lasting state."""
    return hashlib.sha256(engine.tape.content() + engine.fingerprint()).hexdigest()


if __name__ == "__main__":
    for case in random_cases(int(sys.argv[1])):
        sys.stdout.write(f"{case.name}\t{digest(case.finish())}\n")
