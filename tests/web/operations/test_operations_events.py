"""The log of what happened, page by page; files that no spreadsheet calculates; nobody sees what is another's."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from installation import Service
from record import Record

from tidemill.services.exporting.csv_text import csv_pages, neutral


def a_log(service: Service) -> None:
    mine, second, foreign = (
        Record(service, "r1", "trader"),
        Record(service, "r2", "trader"),
        Record(service, "r3", "other"),
    )
    nobodys = Record(service, "r4")
    for at in range(1, 8):
        mine.activity("FILLED", f"fill {at}", at // 2)  # two at once
        second.alert(1 + at % 3, "loop_lag", at // 2)
        mine.violation("CRITICAL" if at % 2 else "WARNING", "daily_loss", at // 2)
    mine.activity("REFUSED", "refused", 3)
    for record in (foreign, nobodys):
        record.activity("FILLED", "theirs", 2)
        record.alert(1, "theirs", 2)
        record.violation("CRITICAL", "theirs", 2)


def test_pages_of_any_size_show_everything_once_newest_first(service: Service) -> None:
    a_log(service)
    whole = service.get("trader", "/v1/events?limit=1000")
    assert whole["next_cursor"] is None
    assert len(whole["events"]) == 22
    times = [event["timestamp"] for event in whole["events"]]
    assert times == sorted(times, reverse=True)
    assert "theirs" not in str(whole)
    for limit in (1, 3, 22):
        seen, cursor = [], ""
        while cursor is not None:
            page = service.get("trader", "/v1/events", params={"limit": limit, "cursor": cursor})
            assert len(page["events"]) <= limit
            seen += page["events"]
            cursor = page["next_cursor"]
        assert seen == whole["events"]


def test_types_severities_and_sources_choose(service: Service) -> None:
    a_log(service)
    every = service.get("trader", "/v1/events?limit=1000")["events"]
    for name, values in (
        ("type", {"FILLED", "REFUSED", "loop_lag", "daily_loss"}),
        ("severity", {"INFO", "WARNING", "CRITICAL"}),
        ("source", {"activity", "alert", "violation"}),
        ("run_id", {"r1", "r2"}),
    ):
        assert {event[name] for event in every} == values
        for value in values:
            found = service.get("trader", "/v1/events", params={"limit": 1000, name: value})["events"]
            assert found == [event for event in every if event[name] == value]
    assert service.get("trader", "/v1/events?severity=ERROR")["events"] == []
    assert service.get("trader", "/v1/events?run_id=r3")["events"] == []
    event = next(event for event in every if event["type"] == "REFUSED")
    assert (event["severity"], event["data"], event["symbol"]) == ("WARNING", {"a": 1}, "SPY")


@pytest.mark.parametrize(
    "cursor", ["x", "1", "1.9.k", "-1.0.k", "99999999999999999999.0.k", "²3.0.k", "9999999999999999999.0.k"]
)
def test_cursors_of_others_are_refused(service: Service, cursor: str) -> None:
    assert service.get("trader", "/v1/events", 422, params={"cursor": cursor})["code"] == "bad_cursor"


def rows_of(service: Service, name: str, who: str = "trader", limit: int = 10_000) -> list[dict[str, str]]:
    answer = service.client.get(f"/v1/export/{name}.csv?limit={limit}", headers=service.headers(who))
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}.csv"'
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_files_hold_ones_own_rows_newest_first(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidemill.services.exporting.exports._PAGE", 2)
    mine, foreign = Record(service, "r1", "trader"), Record(service, "r3", "other")
    for at in range(5):
        mine.order("SPY", why='=HYPERLINK("http://evil.example")')
        mine.fill("SPY", quantity="-1.5", fee_micros=1_250_000, ts_ns=7)  # all at one instant
        mine.activity("FILLED", "@SUM(A1)", at)
        foreign.order("QQQ")
        foreign.fill("QQQ")
    orders, fills, activity = (rows_of(service, name) for name in ("orders", "fills", "activity"))
    assert {row["symbol"] for row in orders} == {"SPY"}
    assert orders[0]["text"] == '\'=HYPERLINK("http://evil.example")'
    assert len({row["client_id"] for row in orders}) == 5
    assert len({row["exec_id"] for row in fills}) == 5
    assert (fills[0]["quantity"], fills[0]["fee"]) == ("-1.5", "1.25")
    assert [row["text"] for row in activity] == ["'@SUM(A1)"] * 5
    assert [row["time"] for row in activity] == sorted((row["time"] for row in activity), reverse=True)
    assert len(rows_of(service, "fills", limit=3)) == 3
    assert rows_of(service, "orders", "viewer") == []


@given(st.lists(st.lists(st.text(max_size=12) | st.floats(allow_nan=False) | st.none(), min_size=1, max_size=4)))
@settings(derandomize=True, max_examples=150, deadline=None)
def test_no_cell_begins_like_a_formula_and_every_text_comes_back(rows: list) -> None:
    text = "".join(csv_pages(["a"], [rows]))
    read = list(csv.reader(io.StringIO(text, newline="")))[1:]
    for row, found in zip(rows, read, strict=False):
        for cell, shown in zip(row, found, strict=False):
            if isinstance(cell, str) and not shown.startswith("'"):
                try:
                    float(shown)
                except ValueError:
                    assert not shown.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("-1.5", "-1.5"),
        ("-1.5e", "'-1.5e"),
        ("+cmd", "'+cmd"),
        ("\tx", "'\tx"),
        (None, ""),
        (-3, -3),
    ],
)
def test_texts_are_quoted_and_numbers_are_not(value: object, shown: object) -> None:
    assert neutral(value) == shown
