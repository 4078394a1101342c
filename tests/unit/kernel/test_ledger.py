"""The ledger by hand: futures, shorts, flips, parts, splits, dividends, foreign currencies; amounts in micros."""

from __future__ import annotations

from typing import Any

import numpy as np

from naive.scenario import START, Case, differences, run_core, run_twin, table
from tidemill.engine.engine import Engine
from tidemill.model.bars import MINUTE_NS
from tidemill.model.enums import Sizing
from tidemill.model.instrument import AssetClass, Instrument
from tidemill.model.settings import Costs, RunSettings, StrategySettings

M = 1_000_000
STOCK = Instrument("X", tick_size=0.25, calendar="24/7", zone="UTC")
COIN = Instrument("C", AssetClass.CRYPTO, 0.25, 0.1, calendar="24/7", zone="UTC")
NQ = Instrument("NQ", AssetClass.FUTURE, 0.25, 1.0, 20.0, 1_000.0, calendar="24/7", zone="UTC")


def flat(*prices: float) -> list[tuple[float, float, float, float]]:
    """Return bars that stand still at one price each."""
    return [(price, price, price, price) for price in prices]


def run(item: Instrument, rows: list[Any], script: dict[int, list[dict[str, Any]]], **more: Any) -> Engine:
    """Run one instrument; the twin must agree."""
    chosen = StrategySettings(sizing=Sizing.FIXED, size_value=1.0, allow_short=True)
    bars = table(item.symbol, rows)
    orders = {(0, int(bars.ts[at])): actions for at, actions in script.items()}
    plan = RunSettings(1_000_000.0, 10.0, "USD", chosen, more.pop("costs", Costs()))
    case = Case([item], [bars], [orders], [chosen], plan, **more)
    engine = run_core(case)
    assert differences(case, engine, run_twin(case)) == []
    return engine


def do(verb: str, quantity: float = 0.0, **args: Any) -> list[dict[str, Any]]:
    """Return one action."""
    return [{"verb": verb, "args": {"quantity": quantity, **args}}]


def realised(engine: Engine) -> list[int]:
    """Return what each fill booked."""
    return engine.tape.rows("fills")["realised"].tolist()


def account(engine: Engine) -> Any:
    """Return the account."""
    return engine.state.tables["accounts"][0]


def test_a_stock_moves_cash_by_its_notional() -> None:
    engine = run(STOCK, flat(100, 100, 110, 110), {0: do("buy", 10), 1: do("close")})
    assert engine.tape.rows("fills")["cash_after"].tolist() == [999_000 * M, 1_000_100 * M]
    assert realised(engine) == [0, 100 * M]


def test_a_future_moves_cash_by_its_result_times_twenty() -> None:
    costs = Costs(commission_per_unit=2.0)
    engine = run(NQ, flat(100, 100, 103, 103), {0: do("buy", 2), 1: do("close")}, costs=costs)
    assert realised(engine) == [0, 120 * M]
    assert engine.tape.rows("fills")["cash_after"].tolist() == [999_996 * M, 1_000_112 * M]


def test_an_open_future_is_worth_its_unrealised_result_and_blocks_margin() -> None:
    engine = run(NQ, flat(100, 100, 104), {0: do("buy", 3)})
    assert int(account(engine)["market"]) == 3 * 20 * 4 * M
    assert int(account(engine)["net"]) == 3 * 20 * 104 * M
    assert engine.tape.rows("equity")["equity"].tolist() == [1_000_000 * M, 1_000_000 * M, 1_000_240 * M]


def test_a_short_gains_when_the_price_falls() -> None:
    engine = run(STOCK, flat(100, 100, 90, 90), {0: do("sell", 10), 1: do("close")})
    assert realised(engine) == [0, 100 * M]
    assert int(account(engine)["cash"]) == 1_000_100 * M
    trip = engine.tape.rows("trips")[0]
    assert (int(trip["side"]), float(trip["entry_price"]), float(trip["exit_price"])) == (-1, 100.0, 90.0)


def test_parts_release_their_share_of_the_cost() -> None:
    script = {0: do("buy", 3), 1: do("buy", 4, add=1), 2: do("close", 2), 3: do("close")}
    engine = run(STOCK, flat(100, 100, 101, 105, 106, 106), script)
    cost = 3 * 100 * M + 4 * 101 * M
    released = int(np.floor(cost * (2 / 7) + 0.5))
    assert realised(engine) == [0, 0, 2 * 105 * M - released, 5 * 106 * M - (cost - released)]
    assert sum(realised(engine)) == int(account(engine)["cash"]) - 1_000_000 * M
    trip = engine.tape.rows("trips")[0]
    assert float(trip["entry_price"]) == 704 / 7
    assert int(trip["pnl"]) == sum(realised(engine))


def test_an_entry_of_the_other_side_turns_a_position_round() -> None:
    script = {0: [*do("buy", 4), *do("sell", 10, limit=110)]}
    engine = run(STOCK, flat(100, 100, 110, 108), script)
    assert engine.tape.rows("fills")["position_after"].tolist() == [4.0, -6.0]
    assert realised(engine) == [0, 40 * M]
    assert int(account(engine)["market"]) == -6 * 108 * M
    assert engine.tape.rows("equity")["equity"].tolist()[-1] == (1_000_000 + 40 + 12) * M
    slot = engine.state.tables["slots"][0]
    assert (float(slot["sold"]), float(slot["sold_value"]), float(slot["bought"])) == (6.0, 660.0, 0.0)
    trip = engine.tape.rows("trips")[0]
    assert (float(trip["quantity"]), float(trip["exit_price"]), int(trip["pnl"])) == (4.0, 110.0, 40 * M)


def test_a_turned_position_is_protected_on_its_own_side() -> None:
    script = {0: [*do("buy", 4, stop=90), *do("sell", 10, limit=110, stop=115)]}
    engine = run(STOCK, flat(100, 100, 110, 120, 80), script)
    assert engine.tape.rows("fills")["price"].tolist() == [100.0, 110.0, 120.0]
    assert float(engine.tape.rows("fills")["position_after"][-1]) == 0.0


def test_a_smaller_position_keeps_its_stop() -> None:
    script = {0: [*do("buy", 10, stop=95), *do("sell", 4, limit=110, stop=115)]}
    engine = run(STOCK, flat(100, 100, 110, 94), script)
    fills = engine.tape.rows("fills")
    assert list(zip(fills["quantity"].tolist(), fills["price"].tolist(), strict=True)) == [(10, 100), (4, 110), (6, 94)]


def test_a_split_multiplies_units_and_pays_fractions_in_cash() -> None:
    splits = [(0, START + 2 * MINUTE_NS + 1, 0.5)]
    engine = run(STOCK, flat(100, 100, 200, 200), {0: do("buy", 15)}, splits=splits)
    slot = engine.state.tables["slots"][0]
    assert float(slot["quantity"]) == 7.0
    assert int(account(engine)["flows"]) == 100 * M  # half a share at the new price of 200
    assert engine.tape.rows("equity")["equity"].tolist() == [1_000_000 * M] * 4


def test_a_split_keeps_fractional_lots() -> None:
    splits = [(0, START + 2 * MINUTE_NS + 1, 0.25)]
    engine = run(COIN, flat(100, 100, 400), {0: do("buy", 1.3)}, splits=splits)
    assert np.isclose(float(engine.state.tables["slots"][0]["quantity"]), 0.3)
    assert int(account(engine)["flows"]) == 10 * M  # 0.025 coins at 400


def test_dividends_are_paid_to_longs_and_by_shorts() -> None:
    for verb, amount in (("buy", 3_700_000), ("sell", -3_700_000)):
        dividends = [(0, START + 2 * MINUTE_NS + 1, 0.37)]
        engine = run(STOCK, flat(100, 100, 100), {0: do(verb, 10)}, dividends=dividends)
        assert int(account(engine)["flows"]) == amount
        assert int(engine.tape.rows("days")["flows"].sum()) == amount


def _foreign(inverse: bool, pair: float) -> Engine:
    rate = Instrument("RATE", AssetClass.FX, 0.0, 1.0, calendar="24/7", zone="UTC")
    chosen = StrategySettings(sizing=Sizing.FIXED, size_value=1.0, allow_short=True)
    tables = [table("RATE", flat(pair, pair, pair, pair)), table("X", flat(100, 100, 110, 110))]
    script = {(1, START): do("buy", 10), (1, START + MINUTE_NS): do("close")}
    case = Case([rate, STOCK], tables, [script], [chosen], RunSettings(1_000_000.0, 10.0, "USD", chosen))
    case.rates = {1: (0, inverse)}
    engine = run_core(case)
    assert differences(case, engine, run_twin(case)) == []
    return engine


def test_foreign_results_are_converted() -> None:
    assert realised(_foreign(False, 1.25)) == [0, 125 * M]
    assert realised(_foreign(True, 1.25)) == [0, 80 * M]
    assert int(account(_foreign(True, 1.25))["cash"]) == 1_000_080 * M


def test_fees_are_counted_everywhere_alike() -> None:
    engine = run(STOCK, flat(100, 100, 101), {0: do("buy", 10), 1: do("close")}, costs=Costs(commission_pct=0.1))
    fees = engine.tape.rows("fills")["fee"].tolist()
    assert fees == [M, 1_010_000]
    assert int(account(engine)["fees"]) == int(engine.tape.rows("days")["fees"].sum()) == sum(fees)
    assert int(engine.tape.rows("trips")["fees"][0]) == sum(fees)


def test_commission_minimum_is_split_over_a_flip_once() -> None:
    engine = run(
        STOCK, flat(100, 100, 100), {0: do("buy", 1), 1: do("go_short", 1)}, costs=Costs(commission_minimum=1.5)
    )
    assert engine.tape.rows("fills")["fee"].tolist() == [1_500_000] * 3
