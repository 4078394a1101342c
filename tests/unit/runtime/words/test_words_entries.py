"""An entry that is to be touched or crossed: a limit or a stop, as the market stands (trap 42)."""

from __future__ import annotations

from typing import Any

import pytest

from tidemill.model.enums import TimeInForce
from tidemill.model.errors import GuardRefusal
from tidemill.model.instrument import infer_instrument
from tidemill.runtime.words.bodies import intent_row, settle_entry

NQ = [infer_instrument("NQZ5")]


def row(**body: Any) -> Any:
    return intent_row({"symbol": "NQZ5", "quantity": 1, **body}, NQ, ["by_hand"])


@pytest.mark.parametrize(
    ("side", "last", "is_stop"),
    [
        ("sell", 17896.0, True),
        ("sell", 17895.0, False),
        ("sell", 17894.75, False),
        ("buy", 17894.0, True),
        ("buy", 17895.0, False),
        ("buy", 17896.0, False),
        ("sell", 0.0, True),
        ("buy", 0.0, True),
        ("buy", float("nan"), True),
    ],
)
def test_the_market_decides_what_an_entry_is(side: str, last: float, is_stop: bool) -> None:
    made = row(side=side, entry_price=17895)
    settle_entry(made, last)
    expected = (0.0, 17895.0) if is_stop else (17895.0, 0.0)
    assert (float(made["bid"][0]), float(made["ask"][0])) == expected


def test_a_limit_stays_a_limit() -> None:
    made = row(side="sell", limit_price=17895)
    settle_entry(made, 17894.75)
    assert (float(made["bid"][0]), float(made["ask"][0])) == (17895.0, 0.0)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"entry_price": 17895, "limit_price": 17895}, "bad_price"),
        ({"entry_price": 17895.1}, "off_tick"),
        ({"entry_price": 17895, "stop_loss": 17890}, "stop_side"),
        ({"entry_price": 17895, "time_in_force": "ever"}, "bad_time_in_force"),
    ],
)
def test_what_cannot_be_meant_is_refused(body: dict[str, Any], code: str) -> None:
    with pytest.raises(GuardRefusal) as caught:
        row(side="sell", **body)
    assert caught.value.code == code


@pytest.mark.parametrize("tif", TimeInForce)
def test_how_long_it_works_travels_with_it(tif: TimeInForce) -> None:
    assert int(row(side="buy", time_in_force=tif.name.lower())["money"][0]) == int(tif) + 1
    assert int(row(side="buy")["money"][0]) == 0
