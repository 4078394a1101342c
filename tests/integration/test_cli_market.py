"""``tidemill market``."""

from __future__ import annotations

import json

from cli_runs import tidemill


def test_markets_of_symbols_are_told_at_a_time() -> None:
    outcome = tidemill("market", "AAPL", "NQ", "--at", "2024-11-28T15:00:00Z")
    assert outcome.code == 0, outcome.err
    assert "Markets at 2024-11-28T15:00:00Z" in outcome.out
    assert "Thanksgiving Day" in outcome.out and "early close" in outcome.out
    document = json.loads(tidemill("market", "AAPL", "NQ", "--at", "2024-11-28T15:00:00Z", "--json").out)
    assert [(item["symbol"], item["session"], item["may_trade_intraday"]) for item in document] == [
        ("AAPL", "CLOSED", False),
        ("NQ", "REGULAR", True),
    ]


def test_without_symbols_and_time_every_calendar_is_told_now() -> None:
    document = json.loads(tidemill("market", "--json").out)
    assert [item["calendar"] for item in document] == ["24/7", "CME", "FX", "XNYS"]
    assert document[0]["is_open"]


def test_a_time_that_is_none_is_refused_in_one_sentence() -> None:
    outcome = tidemill("market", "--at", "noon")
    assert outcome.code == 3
    assert outcome.err.startswith("Error: 'noon' is no time")
