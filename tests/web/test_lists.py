"""Every list there is, asked by somebody after somebody else has made rows of every kind: nothing of theirs is in it.

Made from the OpenAPI document: every operation that reads, under every path, with every question that can hold a text
or a number of the other's. What a stranger is told must be what they were told before there was anything, word for
word: a count, an id or an error that knew of the rows would be another answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from impatience import nobody_waits
from installation import Service, make_service
from operations.record import Record
from row_makers import MAKERS
from sqlalchemy import select, update

from journal_rows import fill
from tidemill.adapters.sql.service_tables import RUN_OWNERS
from tidemill.model.journal import AlertRow, Batch, GuardRow, OrderRecord, ProjectionRow, ViolationRow

MARK = "ZYXMARK"  # in every text of theirs
STRANGERS = ("other", "owner")  # of the same role, and of every role
NAMED = re.compile(r"\{([^}]+)\}")
# What differs from one moment to the next, and is nobody's.
MOVING = re.compile(
    r'"[^"]*[0-9]{4}-[0-9]{2}-[0-9]{2}T[^"]*"|"(uptime_s|uptime_seconds|latency_ms|request_id)": ?("[^"]*"|[-0-9.e]+)'
)
RSI = {"type": "rsi", "period": 14}
TREES = {
    "buy_conditions": {"type": "indicator", "indicator": {**RSI, "condition": "below", "value": 30}},
    "sell_conditions": {"type": "indicator", "indicator": {**RSI, "condition": "above", "value": 70}},
}
SIGNAL = {"signal_type": "BUY", "symbol": "AAPL", "quantity": 100, "stop_loss": 90.0, "take_profit": 200.0}
# Names in paths of lists that are nobody's rows.
WORDS = {"strategy_name": "meanReversion", "strategy_type": "momentum", "strategy_id": "1"}


@dataclass
class World:
    """An installation, what strangers were told when it was empty, and what there is of somebody's since."""

    service: Service
    before: dict[tuple[str, str], str] = field(default_factory=dict)
    owners_before: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)


def lists(service: Service) -> list[tuple[str, dict[str, Any]]]:
    """Return every operation that reads what is of whoever asks, or of nobody, and names no row."""
    found = []
    for path, operations in sorted(service.app.openapi()["paths"].items()):
        operation = operations.get("get")
        names = set(NAMED.findall(path))
        if operation is not None and names <= {*WORDS, "user_id"}:
            found += [(path, operation)] if operation["x-owns"] != "row" or "user_id" in names else []
    return found


def address(service: Service, path: str, name: str) -> str:
    words = {**WORDS, "user_id": str(service.users[name].user_id)}
    return NAMED.sub(lambda found: words[found[1]], path)


def told(service: Service, name: str, path: str, **params: str) -> str:
    """Return what somebody is told: the status and the text, without what moves."""
    answer = service.client.get(address(service, path, name), headers=service.headers(name), params=params)
    assert answer.status_code < 500, (path, name, answer.text)
    text = MOVING.sub("", answer.text)
    return f"{answer.status_code} {text}".replace(answer.headers["x-request-id"], "")


def an_order(run_id: str, at: int) -> OrderRecord:
    return OrderRecord(
        f"{run_id}-o{at}", run_id, "", MARK, "BUY", "LIMIT", "DAY", "ENTRY", "SIGNAL", "10", "0", "", "501.20", "",
        "WORKING", at, at, MARK,
    )  # fmt: skip


def a_record(service: Service, run_id: str, name: str) -> None:
    """Write what an engine would of a run: orders, fills, money, positions, signals, what happened."""
    now, key = service.parts.clock.now_ns(), f"{run_id}-{MARK}"
    money = {"equity_micros": 123_450_000, "cash_micros": 1_000_000, "open_trades": 1, "daily_pnl_micros": 9_990_000}
    held = {"quantity": "7", "market_price": "501.20", "average_price": "500", "market_value_micros": 77_000_000}
    trip = {
        "symbol": MARK, "side": "LONG", "status": "CLOSED", "quantity": "7", "entry_price": "1", "exit_price": "2",
        "entered_ns": now, "exited_ns": now, "pnl_micros": 7_770_000, "notes": MARK, "source": MARK,
    }  # fmt: skip
    signal = {"symbol": MARK, "kind": "ENTRY", "side": "BUY", "status": "REFUSED", "refusal": MARK, "at_ns": now}
    line = {"kind": "FILLED", "strategy": "s", "symbol": MARK, "text": MARK, "data_json": "{}", "at_ns": now}
    rows = [
        ProjectionRow("portfolio_state", (run_id, f"paper:{run_id}"), {**money, "updated_ns": now}),
        ProjectionRow("positions", (run_id, "s", MARK), {**held, "updated_ns": now, "opened_ns": now}),
        ProjectionRow("round_trips", (run_id, 91), {**trip, "updated_ns": now, "submitted_ns": now}),
        ProjectionRow("signals", (run_id, 91), {**signal, "updated_ns": now}),
        ProjectionRow("activity_log", (run_id, 91), line),
    ]
    batch = Batch(
        orders=[an_order(run_id, now)],
        fills=[fill(key, run_id=run_id, symbol=MARK, quantity="1", price="2.5", ts_ns=now)],
        projections=rows,
        alerts=[AlertRow(key, run_id, 1, MARK, MARK, now)],
        guard=[GuardRow(f"run:{run_id}", "HALTED", MARK, name, now)],
        violations=[ViolationRow(key, run_id, "run", MARK, "CRITICAL", MARK, now)],
    )
    service.parts.database.store.commit(batch)


def rows_of_every_kind(service: Service, name: str) -> dict[str, str]:
    """Make rows of every kind for somebody, each with the mark in its texts; return their ids."""
    ids = {key: make(service, name) for key, make in MAKERS.items() if key not in {*WORDS, "user_id", "user_number"}}
    user = service.users[name].user_id
    service.post(name, "/v1/custom-strategies", {"name": f"{MARK} custom", **TREES}, 201)
    kept = {"name": f"{MARK} kept", "strategy_type": "momentum", "description": MARK}
    ids["strategy_id"] = str(service.post(name, f"/v1/strategies/users/{user}/strategies", kept, 201)["id"])
    agent = {"name": MARK, "accountId": MARK, "timeframe": "intraday", "strategies": ["momentum"]}
    with service.parts.database.write() as writing:  # nothing is hosted here: what waits for an engine takes a place
        writing.run(update(RUN_OWNERS).where(RUN_OWNERS.c.user_id == user).values(slot=-1, status="STOPPED"))
    service.post(name, "/v1/agents", agent, 201)
    service.post(name, "/v1/sessions/start", {"symbols": ["AAPL"], "strategy": "meanReversion"}, 201)
    live = {"name": MARK, "strategy_id": 1, "symbols": [MARK]}
    made = service.post(name, "/v1/live-strategies/strategies", live, 201)["id"]
    hook = {"url": f"https://example.com/{MARK}", "events": ["bot.started"]}
    service.post(name, "/v1/webhooks", hook, 201)
    past = {"symbol": "NQZ5", "side": "BUY", "qty": 1, "entry": 17895, "features": {"is_backfill": True}, "notes": MARK}
    service.post(name, "/v1/orders", past, 201)
    service.ask(name, "PUT", "/v1/notifications/preferences", 200, json={"quiet_hours": None})
    with nobody_waits():  # begins a desk
        service.client.post("/v1/signal", json=SIGNAL, headers=service.headers(name))
        service.client.post("/v1/orders", json={**past, "features": {}}, headers=service.headers(name))
        service.post(name, f"/v1/live-strategies/strategies/{made}/start")
    Record(service, f"run-{MARK}", name)
    mine = select(RUN_OWNERS.c.run_id).where(RUN_OWNERS.c.user_id == user)
    for row in service.parts.database.rows(mine):
        a_record(service, row["run_id"], name)
    ids["run"] = f"run-{MARK}"
    ids["user_id"] = str(user)
    return ids


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    for service in make_service(tmp_path_factory.mktemp("lists")):
        made = World(service)
        for path, _ in lists(service):
            told(service, "trader", path)  # what is made at the first look is there from now on
            made.owners_before[path] = told(service, "trader", path)
            for name in STRANGERS:
                made.before[name, path] = told(service, name, path)
        made.ids = rows_of_every_kind(service, "trader")
        yield made


def asked_with(operation: dict[str, Any], ids: dict[str, str]) -> Iterator[dict[str, str]]:
    """Yield every question that can hold something of theirs: each id and the mark, in each place for a text."""
    for parameter in operation.get("parameters", []):
        kinds = [parameter["schema"], *parameter["schema"].get("anyOf", [])]
        is_text = any(kind.get("type") == "string" and "enum" not in kind for kind in kinds)
        if parameter["in"] == "query" and is_text and parameter["name"] != "cursor":
            for value in {MARK, *ids.values()}:
                yield {parameter["name"]: value}


def test_what_a_stranger_is_told_does_not_change(world: World) -> None:
    wrong = []
    for path, _ in lists(world.service):
        for name in STRANGERS:
            after = told(world.service, name, path)
            if after != world.before[name, path] and path not in SHARED:
                wrong.append(f"{path} as {name}: {world.before[name, path][:300]} -> {after[:300]}")
    assert wrong == []


# Of the installation, for those who look after it: how much there is, and who did what.
SHARED = {"/v1/audit", "/v1/audit/proof", "/v1/metrics/prom", "/v1/users", "/v1/health", "/v1/health/ready"}


def test_a_question_that_names_what_is_anothers_finds_nothing(world: World) -> None:
    wrong = []
    for path, operation in lists(world.service):
        for params in asked_with(operation, world.ids):
            for name in ("other", "owner"):
                found = told(world.service, name, path, **params)
                value = next(iter(params.values()))
                nobodys = told(world.service, name, path, **{next(iter(params)): "no-such-thing"})
                is_refused = "422" in {found[:3], nobodys[:3]}  # for how it is written, whosesoever it may be
                if not is_refused and found != nobodys.replace("no-such-thing", value):
                    wrong.append(f"{path} {params} as {name}: {nobodys[:200]} -> {found[:200]}")
    assert wrong == []


def test_a_name_that_another_has_is_free(world: World) -> None:
    assert set(rows_of_every_kind_names(world.service)) == {201}


def rows_of_every_kind_names(service: Service) -> list[int]:
    """Ask as somebody else for rows of the same names; return the statuses."""
    user = service.users["other"].user_id
    bodies: list[tuple[str, Any]] = [
        ("/v1/custom-strategies", {"name": f"{MARK} custom", **TREES}),
        (f"/v1/strategies/users/{user}/strategies", {"name": f"{MARK} kept", "strategy_type": "momentum"}),
        ("/v1/live-strategies/strategies", {"name": MARK, "strategy_id": 1, "symbols": [MARK]}),
    ]
    return [service.client.post(path, json=body, headers=service.headers("other")).status_code for path, body in bodies]


# Lists that show none of these rows, and what they show.
OTHER = {
    "/v1/performance/strategy-id/{strategy_id}": "results of a kept strategy, and none was run",
    "/api/performance/strategy-id/{strategy_id}": "the same",
    "/v1/auth/me": "who asks",
    "/api/v1/auth/me": "who asks",
    "/v1/broker/ibkr/health": "a broker nobody has here",
    "/v1/notifications/preferences": "what somebody wants to be told",
}


def test_their_owner_sees_them(world: World) -> None:
    """Proves that the tests above can fail: every list but a few shows its owner something new."""
    unchanged = {
        path
        for path, operation in lists(world.service)
        if operation["x-owns"] != "nothing" and told(world.service, "trader", path) == world.owners_before[path]
    }
    assert sorted(unchanged) == sorted(OTHER)
