"""Laws of the risk rules: in one and the same state a tighter limit never passes what a looser one refuses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidemill.authoring.rulebook import load_rules
from tidemill.engine.engine import Engine
from tidemill.model.enums import Refusal
from unit.risk.test_risk_rules import do, play, prices, refusals

RULES = {rule.name: rule for rule in load_rules()}
ENGINES: list[Engine] = []


def _ask(rule: str, strategy: dict[str, Any], slot: dict[str, Any], ticket: dict[str, Any]) -> int:
    """Write a state by hand and ask one rule about its first ticket; every record is restated for every question."""
    if not ENGINES:
        ENGINES.append(play(prices(100, 100), {}))  # any idle run: an account of 100,000 that holds nothing
    tables = ENGINES[0].state.tables
    for name, values in (("strategies", strategy), ("slots", slot), ("proposals", ticket)):
        for key, value in values.items():
            tables[name][0][key] = value
    return int(RULES[rule].check(ENGINES[0].state.address, 0))


COUNTS = st.integers(0, 6)
HELD = st.sampled_from([-3.0, 0.0, 3.0])
SIDES = st.sampled_from([-1, 1])


def _never_looser(tight: int, loose: int, refusal: Refusal) -> None:
    assert tight in (0, int(refusal)) and loose in (0, int(refusal))
    assert tight != 0 or loose == 0


@settings(max_examples=60)
@given(limit=st.integers(1, 5), more=st.integers(0, 4), opened=COUNTS, pending=COUNTS, held=HELD, side=SIDES)
def test_fewer_open_positions_never_pass_more(
    limit: int, more: int, opened: int, pending: int, held: float, side: int
) -> None:
    state = {"open_positions": opened, "pending_entries": pending}
    slot, ticket = {"quantity": held}, {"side": side, "quantity": 1.0}
    tight = _ask("max_positions", state | {"max_open_positions": limit}, slot, ticket)
    loose = _ask("max_positions", state | {"max_open_positions": limit + more}, slot, ticket)
    none = _ask("max_positions", state | {"max_open_positions": 0}, slot, ticket)
    _never_looser(tight, loose, Refusal.MAX_OPEN_POSITIONS)
    assert none == 0
    assert (tight == 0) == (held != 0.0 or opened + pending < limit)


@settings(max_examples=60)
@given(limit=st.integers(1, 5), more=st.integers(0, 4), opened=COUNTS, pending=COUNTS, held=HELD, side=SIDES)
def test_fewer_trades_a_day_never_pass_more(
    limit: int, more: int, opened: int, pending: int, held: float, side: int
) -> None:
    state = {"opened_today": opened, "pending_entries": pending}
    slot, ticket = {"quantity": held}, {"side": side, "quantity": 1.0}
    tight = _ask("max_trades", state | {"max_trades_per_day": limit}, slot, ticket)
    loose = _ask("max_trades", state | {"max_trades_per_day": limit + more}, slot, ticket)
    _never_looser(tight, loose, Refusal.MAX_TRADES)
    assert _ask("max_trades", state | {"max_trades_per_day": 0}, slot, ticket) == 0
    assert (tight == 0) == (held * side > 0 or opened + pending < limit)


@settings(max_examples=60)
@given(
    limit=st.floats(0.1, 100.0), factor=st.floats(1.0, 20.0), size=st.integers(1, 1_500), held=HELD, side=SIDES,
    price=st.floats(1.0, 500.0),
)  # fmt: skip
def test_a_smaller_share_never_passes_more(
    limit: float, factor: float, size: int, held: float, side: int, price: float
) -> None:
    slot, ticket = {"quantity": held}, {"side": side, "quantity": float(size), "price": price}
    tight = _ask("max_position_size", {"max_position_pct": limit}, slot, ticket)
    loose = _ask("max_position_size", {"max_position_pct": limit * factor}, slot, ticket)
    _never_looser(tight, loose, Refusal.MAX_POSITION_SIZE)
    smaller = _ask("max_position_size", {"max_position_pct": limit}, slot, ticket | {"quantity": float(size) / 2})
    assert tight != 0 or smaller == 0  # what passes whole passes halved


@settings(max_examples=60)
@given(
    result=st.integers(-(10**9), 10**9), start=st.integers(-(10**9), 10**9), limit=st.integers(1, 10**9),
    factor=st.integers(1, 10),
)  # fmt: skip
def test_a_smaller_loss_limit_never_passes_more_and_no_profit_is_refused(
    result: int, start: int, limit: int, factor: int
) -> None:
    state = {"day_start_result": start, "cash": result, "market": 0, "daily_loss_pct": 0.0}
    tight = _ask("daily_loss", state | {"daily_loss_amount": limit}, {}, {"side": 1})
    loose = _ask("daily_loss", state | {"daily_loss_amount": limit * factor}, {}, {"side": 1})
    _never_looser(tight, loose, Refusal.DAILY_LOSS)
    assert (tight == 0) == (start - result < limit)
    by_share = state | {"daily_loss_amount": 0, "daily_loss_pct": 0.01}
    assert result < start or _ask("daily_loss", by_share, {}, {"side": 1}) == 0


@pytest.mark.parametrize(
    ("setting", "values"),
    [("max_trades_per_day", (1, 2, 3, 4)), ("max_open_positions", (1, 2, 3)), ("max_position_pct", (0.5, 1.5, 2.5))],
)
def test_a_tighter_limit_is_met_no_later_on_the_same_stream(setting: str, values: tuple[float, ...]) -> None:
    tables = [prices(*[100] * 8, symbol=name) for name in ("A", "B", "C")]
    script = {(row, at): do("buy", quantity=10, add=1) for row in range(3) for at in range(0, 7, 2)}
    if setting == "max_trades_per_day":
        script |= {(row, at): do("close") for row in range(3) for at in range(1, 8, 2)}
    first = []
    for value in values:
        engine = play(tables, script, **{setting: value})
        assert set(refusals(engine)) <= {setting.upper().replace("_PER_DAY", "").replace("_PCT", "_SIZE")}
        rows = engine.tape.rows("refusals")
        first.append((int(rows["ts_ns"][0]), int(rows["instrument"][0])) if len(rows) else (2**62, 0))
    assert first == sorted(first) and first[0] < first[-1]
