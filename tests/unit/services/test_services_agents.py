"""An agent survives the way into the record and back; whatever decides its trading decides its hash."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tidemill.model.agent import AgentSpec, FeedSpec, Schedule
from tidemill.model.enums import Sizing
from tidemill.model.errors import ConfigError, NotAuthorised, StoreError, StoreMismatch, StrategyError, UnknownName
from tidemill.model.settings import Costs, RunSettings, StrategySettings
from tidemill.runtime.guard.facts import Arming, Scope
from tidemill.services.agents import (
    check_armed,
    limits_of,
    requests_of,
    spec_hash,
    spec_of_text,
    spec_text,
    tolerances_of,
    uses_of,
)
from tidemill.services.entries import StrategyRequest

OWN = '''"""One strategy."""

from tidemill import Strategy, buy


class Once(Strategy):
    """Buy."""

    def step(me, bar, order):
        buy(order)
'''


def agent(**changes: object) -> AgentSpec:
    settings = StrategySettings(sizing=Sizing.RISK_PERCENT, size_value=1.0, stop_loss_pct=2.0)
    spec = AgentSpec(
        "tester",
        uses_of([StrategyRequest("momentum", {"rsi_window": 9}, settings, ["A"], "5min")]),
        run=RunSettings(cash=5_000.0, costs=Costs(commission_pct=0.1)),
        instrument={"asset_class": "future", "multiplier": 5.0, "margin": 100.0},
        limits={"account": {"max_order_usd": 50.0}, "session": {"window": {"hours": "09:30-10:00", "days": ["MON"]}}},
        tolerances={"entry_ttl_s": 3.0},
        schedule=Schedule(300, "2030-01-01"),
    )
    return replace(spec, **changes)


def test_an_agent_comes_back_from_its_text_as_it_was() -> None:
    spec = agent(feed=FeedSpec("replay", ("/a.csv",), {"close": "Last"}, sort=True))
    text = spec_text(spec)
    assert spec_of_text(text) == spec
    assert spec_text(spec_of_text(text)) == text
    assert json.loads(text)["strategies"][0]["settings"]["sizing"] == "risk_percent"


@pytest.mark.parametrize(
    "changes",
    [
        {"auto_execute": False},
        {"run": RunSettings(cash=5_001.0, costs=Costs(commission_pct=0.1))},
        {"strategies": uses_of([StrategyRequest("momentum", {"rsi_window": 10})])},
        {"limits": {}},
        {"feed": FeedSpec("synthetic", seed=8)},
        {"schedule": Schedule()},
        {"symbols": ("A",)},
    ],
)
def test_whatever_decides_its_trading_decides_its_hash(changes: dict[str, object]) -> None:
    assert spec_hash(agent(**changes)) != spec_hash(agent())


def test_every_parameter_is_written_out() -> None:
    (use,) = uses_of([StrategyRequest("momentum")])
    assert use.params["momentum_window"] == 10
    assert uses_of([StrategyRequest("momentum", {"momentum_window": 10})]) == (use,)


def test_a_changed_strategy_file_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "once.py"
    path.write_text(OWN, encoding="utf-8")
    spec = agent(strategies=uses_of([StrategyRequest(str(path))]))
    assert requests_of(spec)[0].strategy == str(path)
    path.write_text(OWN.replace("Buy.", "Buy it."), encoding="utf-8")
    with pytest.raises(StrategyError, match="not the file this agent was made with"):
        requests_of(spec)
    path.unlink()
    with pytest.raises(StrategyError, match="put it back"):
        requests_of(spec)


def test_a_check_interval_goes_into_the_settings_of_every_strategy() -> None:
    own = StrategySettings(size_value=5.0)
    uses = uses_of([StrategyRequest("momentum", settings=own), StrategyRequest("breakout")])
    spec = agent(schedule=Schedule(600), strategies=uses, auto_execute=False)
    assert spec.run.settings.check_interval_s == 600
    first, second = requests_of(spec)
    assert first.settings == replace(own, check_interval_s=600, auto_execute=False)
    assert second.settings is None


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "{", '{"schema": 1}', '{"schema": 1, "nonsense": 2}', '{"schema": "x"}']
)
def test_a_stored_agent_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(StoreError):
        spec_of_text(text)


def test_the_agent_of_another_version_is_refused() -> None:
    with pytest.raises(StoreMismatch, match="schema 2"):
        spec_of_text(spec_text(agent()).replace('"schema":1', '"schema":2'))


def test_limits_come_by_face_and_the_account_is_always_there() -> None:
    found = limits_of(agent())
    assert found[Scope.ACCOUNT].max_order_usd == 50.0
    assert (found[Scope.SESSION].windows[0].hours, found[Scope.SESSION].windows[0].days) == ("09:30-10:00", ("MON",))
    assert set(found) == {Scope.ACCOUNT, Scope.SESSION}
    assert limits_of(agent(limits={}))[Scope.ACCOUNT].max_order_usd is None
    assert tolerances_of(agent()).entry_ttl_s == 3.0
    with pytest.raises(UnknownName, match="max_order_usd"):
        limits_of(agent(limits={"account": {"max_orders_usd": 5.0}}))
    with pytest.raises(ConfigError, match="cannot be"):
        limits_of(agent(limits={"guardrail": {"windows": 5}}))


def test_real_money_needs_every_key_and_a_broker() -> None:
    spec = agent(mode="live", broker="alpaca")
    with pytest.raises(NotAuthorised, match="own limits"):
        check_armed(spec)
    with pytest.raises(NotAuthorised, match="missing: own limits"):
        check_armed(spec, Arming(True, True, True, True, False))
    with pytest.raises(UnknownName, match="broker"):
        check_armed(spec, Arming(True, True, True, True, True))
    check_armed(agent())
