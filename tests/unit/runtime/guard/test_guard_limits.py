"""Limits as users write them: documented defaults, bounds, profiles, and that none can be lost by mistake."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from tidemill.model.errors import ConfigError, UnknownName
from tidemill.runtime.guard.account_rules import AccountRule, Action, RuleType, Unit, pre_trade
from tidemill.runtime.guard.breaches import breaches
from tidemill.runtime.guard.chain import RULES
from tidemill.runtime.guard.correlation import correlations, portfolio_correlation
from tidemill.runtime.guard.faces import PROFILES, AgentLimits, GuardrailLimits, LiveStrategyLimits, SessionLimits
from tidemill.runtime.guard.facts import Scope
from tidemill.runtime.guard.halts import Halts
from tidemill.runtime.guard.limits import BOUNDS, Limits, Window, combine, no_limits
from tidemill.runtime.guard.rates import SlidingCount
from tidemill.runtime.guard.scaling import drawdown_scale
from tidemill.runtime.guard.send_guard import SendGuard
from tidemill.runtime.guard.tolerances import Tolerances
from unit.runtime.guard.guard_facts import (
    EQUITY,
    MICROS,
    account,
    baseline,
    facts,
    order,
    refusal,
    scope_facts,
    symbol_facts,
)

NAN = float("nan")
ABSURD = [NAN, float("inf"), float("-inf"), -1.0, 1e300, True, "5"]


@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize("value", ABSURD)
def test_every_limit_is_a_number_within_its_bounds_114_o2(name: str, value) -> None:
    with pytest.raises(ConfigError, match=name):
        Limits(Scope.ACCOUNT, **{name: value})


@pytest.mark.parametrize("name", sorted(set(BOUNDS) - {"max_correlation", "min_confidence"}))
def test_zero_is_no_way_to_write_no_limit_114(name: str) -> None:
    with pytest.raises(ConfigError, match="None: no limit"):
        Limits(Scope.ACCOUNT, **{name: 0})


@pytest.mark.parametrize("value", [*ABSURD, None, 0])
def test_tolerances_cannot_be_switched_off(value) -> None:
    for item in fields(Tolerances):
        if item.type in {"float", "int"}:
            with pytest.raises(ConfigError, match=item.name):
                Tolerances(**{item.name: value})


def test_every_limit_is_asked_by_a_rule() -> None:
    asked = {name for rule in RULES for name in rule.limits}
    assert set(BOUNDS) - asked == {"half_size_drawdown_pct"}  # read by position_size
    assert {"windows", "extended_hours"} <= asked


def test_combining_takes_the_tighter_and_none_loses() -> None:
    loose = account(max_position_usd=100.0, max_trades_per_day=None, min_confidence=10.0, extended_hours=True)
    tight = account(max_position_usd=50.0, max_trades_per_day=3, min_confidence=20.0, extended_hours=False)
    for both in (combine(loose, tight), combine(tight, loose)):
        assert (both.max_position_usd, both.max_trades_per_day, both.min_confidence) == (50.0, 3, 20.0)
        assert both.extended_hours is False
    assert combine(loose, no_limits(Scope.ACCOUNT)) == loose
    assert combine(no_limits(Scope.ACCOUNT), account(windows=(Window("09:30-16:00"),))).windows
    with pytest.raises(ConfigError):
        combine(loose, no_limits(Scope.AGENT))
    with pytest.raises(ConfigError):
        combine(account(windows=(Window("09:30-16:00"),)), account(windows=(Window("10:00-16:00"),)))


def test_windows_are_checked_trap_6() -> None:
    for bad in (
        {"hours": "9-17"},
        {"hours": "09:30-09:30"},
        {"hours": "09:30"},
        {"hours": "25:00-26:00"},
        {"zone": "Mars/Base"},
        {"days": ()},
        {"days": ("1",)},
    ):
        with pytest.raises(ConfigError):
            Window(**bad)
    assert Window("18:00-24:00").minutes() == (1_080, 1_440)


def test_agent_limits_as_documented_113() -> None:
    limits = AgentLimits().limits()
    assert limits.scope is Scope.AGENT
    assert (limits.max_position_usd, limits.max_daily_loss_usd, limits.max_concurrent_positions) == (10_000, 500, 5)
    assert (limits.min_confidence, limits.max_exposure_pct, limits.max_correlation) == (75, 50, 0.7)


@pytest.mark.parametrize(
    "changes",
    [
        {"max_position_usd": 0},
        {"max_daily_loss_usd": -5},
        {"max_concurrent_positions": 0},
        {"max_concurrent_positions": 2.5},
        {"min_confidence": 101},
        {"max_exposure_pct": 0},
        {"max_exposure_pct": 101},
        {"max_correlation": 1.1},
        {"max_position_usd": None},
    ],
)
def test_agent_limits_are_checked_on_create_and_update_114(changes: dict) -> None:
    with pytest.raises(ConfigError):
        AgentLimits().merged(changes)


def test_agent_limits_merge_into_the_old_114() -> None:
    merged = AgentLimits(max_position_usd=5_000).merged({"min_confidence": 0})
    assert (merged.max_position_usd, merged.min_confidence, merged.max_daily_loss_usd) == (5_000, 0, 500)
    with pytest.raises(UnknownName, match="max_position_usd"):
        AgentLimits().merged({"max_position_use": 1})


@pytest.mark.parametrize(
    "bad", [{"max_positions": 0}, {"max_positions": 21}, {"position_size_pct": 0.09}, {"position_size_pct": 50.1}]
)
def test_live_strategy_limits_117(bad: dict) -> None:
    good = {"max_position_usd": 1_000.0, "max_positions": 20, "daily_loss_limit_usd": 100.0}
    assert LiveStrategyLimits(**good).limits().max_concurrent_positions == 20
    with pytest.raises(ConfigError):
        LiveStrategyLimits(**(good | bad))


def test_session_limits_mirror_the_settings_87_92() -> None:
    limits = SessionLimits().limits()
    assert (limits.max_position_pct, limits.max_concurrent_positions, limits.extended_hours) == (25.0, 10, False)
    assert limits.windows == (Window("09:30-16:00", "America/New_York", ("MON", "TUE", "WED", "THU", "FRI")),)
    assert limits.max_daily_loss_pct is None and limits.max_daily_loss_usd is None
    assert SessionLimits(daily_loss_pct=2.0, daily_loss_usd=300.0).limits().max_daily_loss_usd == 300.0


def test_guardrails_and_profiles_122_126() -> None:
    default, dev, prod = PROFILES["default"], PROFILES["dev"], PROFILES["prod"]
    assert default == GuardrailLimits()
    assert [face.daily_loss_cap_usd for face in (dev, prod, default)] == [500, 200, 300]
    assert [face.trades_per_day for face in (dev, prod, default)] == [10, 5, 5]
    assert [face.max_contracts for face in (dev, prod, default)] == [10, 5, 5]
    assert [face.position_limit_pct for face in (dev, prod, default)] == [20, 10, 10]
    assert [face.max_position_usd for face in (dev, prod, default)] == [50_000, 25_000, 50_000]
    assert [face.max_daily_volume_usd for face in (dev, prod, default)] == [100_000, 50_000, 100_000]
    assert [face.windows[0].hours for face in (dev, prod, default)] == ["06:00-20:00", "09:30-16:00", "08:30-15:00"]
    assert prod.windows[0].days == ("MON", "TUE", "WED", "THU", "FRI") and not prod.windows[0].zone
    assert default.limits().auto_halt and default.violation_cooldown_s == 300
    with pytest.raises(ConfigError):
        GuardrailLimits(daily_loss_cap_usd=None)  # type: ignore[arg-type]


def test_one_nq_contract_passes_the_default_guardrails_trap_41() -> None:
    limits = GuardrailLimits().limits()
    present = facts()
    present.scopes[Scope.GUARDRAIL] = scope_facts()
    book = {Scope.ACCOUNT: no_limits(Scope.ACCOUNT), Scope.GUARDRAIL: limits}

    def make(_limits: Limits | None, tolerances: Tolerances, halts: Halts) -> SendGuard:
        return SendGuard(RULES, book, halts, tolerances=tolerances)

    assert refusal(order(1.0, symbol="NQ"), present, make=make) == ""
    assert refusal(order(6.0, symbol="NQ"), present, make=make) == "position_size"


# --- rules of an account


def rule(kind: RuleType, unit: Unit, threshold: float, action: Action = Action.BLOCK) -> AccountRule:
    return AccountRule(f"{kind}", kind, unit, threshold, action)


def test_account_rules_become_limits_the_tightest_holds_119_120() -> None:
    rules = [
        rule(RuleType.POSITION_SIZE, Unit.DOLLARS, 5_000.0),
        rule(RuleType.POSITION_SIZE, Unit.DOLLARS, 4_000.0, Action.REDUCE_SIZE),
        rule(RuleType.DAILY_LOSS, Unit.PERCENT, 2.0, Action.CLOSE_ALL),
        rule(RuleType.LEVERAGE, Unit.RATIO, 2.0, Action.ALERT),
        rule(RuleType.POSITION_LIMIT, Unit.COUNT, 7.0),
    ]
    blocking, warning = pre_trade(rules)
    assert blocking == {
        Scope.ACCOUNT: account(max_position_usd=4_000.0, max_daily_loss_pct=2.0, max_concurrent_positions=7)
    }
    assert warning == {Scope.ACCOUNT: account(max_leverage=2.0)}


@pytest.mark.parametrize(
    ("kind", "unit", "threshold"),
    [
        (RuleType.LEVERAGE, Unit.DOLLARS, 2.0),
        (RuleType.DRAWDOWN, Unit.PERCENT, 0.0),
        (RuleType.POSITION_LIMIT, Unit.COUNT, 2.5),
        (RuleType.CORRELATION, Unit.RATIO, 1.5),
        (RuleType.DAILY_LOSS, Unit.PERCENT, NAN),
    ],
)
def test_account_rules_are_checked_120(kind: RuleType, unit: Unit, threshold: float) -> None:
    with pytest.raises(ConfigError):
        rule(kind, unit, threshold)


def test_breaches_after_a_trade_120() -> None:
    held = {"AAPL": symbol_facts(), "MSFT": symbol_facts(name="MSFT", sector="soft")}
    book = scope_facts(
        units={"AAPL": 100.0, "MSFT": -50.0},
        equity_micros=EQUITY - 3_000 * MICROS,
        baseline=baseline(peak_micros=EQUITY),
    )
    rules = [
        rule(RuleType.POSITION_SIZE, Unit.DOLLARS, 9_000.0, Action.REDUCE_SIZE),
        rule(RuleType.POSITION_SIZE, Unit.PERCENT, 50.0, Action.CLOSE_POSITION),
        rule(RuleType.DAILY_LOSS, Unit.DOLLARS, 2_500.0, Action.CLOSE_ALL),
        rule(RuleType.DAILY_LOSS, Unit.PERCENT, 3.5, Action.CLOSE_ALL),
        rule(RuleType.DRAWDOWN, Unit.PERCENT, 2.9, Action.ALERT),
        rule(RuleType.LEVERAGE, Unit.RATIO, 0.1),
        rule(RuleType.POSITION_LIMIT, Unit.COUNT, 2.0),
        rule(RuleType.SECTOR_LIMIT, Unit.PERCENT, 10.0),
    ]
    found = breaches(rules, facts(held, book))
    assert [(breach.rule.type, breach.symbol) for breach in found] == [
        (RuleType.POSITION_SIZE, "AAPL"),
        (RuleType.DAILY_LOSS, ""),
        (RuleType.DRAWDOWN, ""),
        (RuleType.LEVERAGE, ""),
        (RuleType.SECTOR_LIMIT, ""),
    ]
    assert found[1].value == 3_000.0


def test_nothing_is_closed_on_doubt() -> None:
    rules = [rule(RuleType.POSITION_SIZE, Unit.PERCENT, 1.0), rule(RuleType.DAILY_LOSS, Unit.DOLLARS, 1.0)]
    doubtful = scope_facts(units={"AAPL": 100.0}, equity_micros=None)
    assert breaches(rules, facts(scope=doubtful)) == ()


# --- small parts


@pytest.mark.parametrize(
    ("fall", "scale"), [(0.0, 1.0), (14.99, 1.0), (15.0, 0.5), (24.99, 0.5), (25.0, 0.0), (99.0, 0.0)]
)
def test_sizes_shrink_with_the_drawdown_128(fall: float, scale: float) -> None:
    assert drawdown_scale(fall) == scale
    assert np.isnan(drawdown_scale(NAN))


def test_a_sliding_count_forgets_what_is_older_than_its_window() -> None:
    count = SlidingCount(10.0)
    for second in (0, 1, 9, 10):
        count.add(second * 1_000_000_000)
    assert count.count(10 * 1_000_000_000) == 3
    assert count.count(19 * 1_000_000_000) == 1
    assert count.count(20 * 1_000_000_000) == 0


def test_correlations_agree_with_numpy_and_leave_out_what_is_not_known() -> None:
    returns = np.random.default_rng(5).normal(0.0, 0.02, (90, 3))
    returns[:, 1] += returns[:, 0]
    matrix = correlations(["A", "B", "C"], returns)
    expected = np.corrcoef(returns.T)
    assert matrix.between("A", "B") == pytest.approx(expected[0, 1], abs=1e-12)
    assert matrix.between("C", "B") == pytest.approx(expected[1, 2], abs=1e-12)
    assert matrix.between("A", "A") == 1.0
    assert np.isnan(matrix.between("A", "Z"))
    holes = returns.copy()
    holes[:75, 2] = NAN
    holes[:, 1] = 0.0
    thin = correlations(["A", "B", "C"], holes)
    assert np.isnan(thin.between("A", "C")) and np.isnan(thin.between("A", "B"))
    with pytest.raises(ConfigError):
        correlations(["A"], returns)


def test_correlation_with_what_is_held_is_weighted_by_exposure() -> None:
    returns = np.random.default_rng(5).normal(0.0, 0.02, (90, 3))
    matrix = correlations(["A", "B", "C"], returns)
    ab, ac = matrix.between("A", "B"), matrix.between("A", "C")
    assert portfolio_correlation(matrix, "A", 1, {"B": 300.0, "C": -100.0}) == pytest.approx(0.75 * ab - 0.25 * ac)
    assert portfolio_correlation(matrix, "A", -1, {"B": 300.0, "A": 900.0}) == pytest.approx(-ab)
    assert portfolio_correlation(matrix, "A", 1, {}) == -1.0
    assert np.isnan(portfolio_correlation(matrix, "A", 1, {"Z": 1.0}))


def test_correlations_of_real_daily_closes(shared_data: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    files = [shared_data / "equity/1d" / f"{name}.parquet" for name in ("SPY", "QQQ", "AAPL")]
    joined = " join ".join(
        f"(select timestamp, close as c{at} from '{path}') t{at}" + (" using (timestamp)" if at else "")
        for at, path in enumerate(files)
    )
    closes = np.array(duckdb.sql(f"select c0, c1, c2 from {joined} order by timestamp").fetchall(), np.float64)
    returns = np.diff(closes, axis=0) / closes[:-1]
    matrix = correlations(["SPY", "QQQ", "AAPL"], returns)
    expected = np.corrcoef(returns.T)
    assert len(returns) > 250
    assert matrix.between("SPY", "QQQ") == pytest.approx(expected[0, 1], abs=1e-12)
    assert matrix.between("SPY", "QQQ") > matrix.between("SPY", "AAPL") > 0.1  # two indexes are more alike
