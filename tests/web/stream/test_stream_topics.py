"""What is sent: snapshots, everything that happens in order, newest values; and never a row of somebody else."""

from __future__ import annotations

import json
from typing import Any

from tidemill.runtime.loudspeaker import Loudspeaker
from tidemill.services.hosting.showing import window_of

EVENTS = ("orders", "fills", "signals", "activity", "alerts", "halts", "runs", "notifications")


def test_hello_says_who_serves_and_heartbeats_say_what_time_it_is(stream: Any) -> None:
    client = stream.connect("trader")
    assert client.hello["type"] == "hello" and client.hello["build"] and client.hello["server_id"].startswith("api-")
    first, second = client.until("heartbeat"), client.until("heartbeat")
    assert client.hello["server_time"] < first["server_time"] < second["server_time"]
    assert second["server_time"].endswith("Z") and len(second["server_time"]) == 24


def test_a_snapshot_shows_what_is_there_and_deltas_what_comes(stream: Any) -> None:
    run = stream.run("trader", "mine")
    stream.write(
        orders=[stream.order(run, "A"), stream.order(run, "B", "FILLED", "10")],
        fills=[stream.fill(run, "B", "x1")],
        projections=[stream.line(run, 1), stream.account(run, 100_000_250_000), stream.position(run, "10")],
    )
    client = stream.connect("trader")
    seen = client.watch(*EVENTS, "positions", "equity")
    assert [row["client_id"] for row in seen["orders"]] == ["A", "B"]
    assert [row["exec_id"] for row in seen["fills"]] == ["x1"] and seen["fills"][0]["fee"] == "0.35"
    assert [row["text"] for row in seen["activity"]] == ["line 1"]
    assert [(row["run_id"], row["status"]) for row in seen["runs"]] == [("mine", "RUNNING")]
    assert [(row["equity"], row["cash"]) for row in seen["equity"]] == [("100000.25", "0.000001")]
    assert [(row["quantity"], row["market_price"]) for row in seen["positions"]] == [("10", "501.20")]

    stream.write(orders=[stream.order(run, "A", "FILLED", "10")], fills=[stream.fill(run, "A", "x2")])
    assert {topic: row["client_id"] for topic, row in client.events(2)} == {"fills": "A", "orders": "A"}
    stream.write(projections=[stream.position(run, "0")])
    assert client.until("values")["topics"]["positions"][0]["quantity"] == "0"
    assert "positions" not in stream.connect("trader").watch("positions")


def test_everything_that_happens_arrives_once_and_in_order(stream: Any) -> None:
    run = stream.run("trader", "mine")
    client = stream.connect("trader")
    client.watch("activity", "fills")
    for number in range(200):
        stream.write(projections=[stream.line(run, number)], fills=[stream.fill(run, "A", f"x{number}")])
    events = client.events(400)
    assert [row["number"] for topic, row in events if topic == "activity"] == list(range(200))
    assert [row["exec_id"] for topic, row in events if topic == "fills"] == [f"x{number}" for number in range(200)]


def test_a_run_that_begins_while_one_watches_is_told_from_its_first_line(stream: Any) -> None:
    client = stream.connect("trader")
    client.watch("activity", "runs", "orders")
    run = stream.run("trader", "new")
    stream.write(projections=[stream.line(run, 1), stream.line(run, 2)], orders=[stream.order(run, "A")])
    found = client.events(4)
    assert [row["number"] for topic, row in found if topic == "activity"] == [1, 2]
    assert {topic for topic, _ in found} == {"activity", "runs", "orders"}


def test_newest_values_are_joined_and_the_last_one_always_arrives(stream: Any) -> None:
    run = stream.run("trader", "mine")
    client = stream.connect("trader")
    client.watch("equity")
    for micros in range(0, 300_000_000, 1_000_000):
        stream.write(projections=[stream.account(run, micros)])
    seen = [client.until("values")["topics"]["equity"][0]["equity"]]
    while seen[-1] != "299.00":
        seen.append(client.until("values")["topics"]["equity"][0]["equity"])
    assert len(seen) < 300 and seen == sorted(seen, key=float)


def test_what_the_engine_says_right_now_is_passed_on_and_positions_are_not_invented(stream: Any) -> None:
    run = stream.run("trader", "mine")
    stream.write(projections=[stream.position(run, "10", "500")])
    client = stream.connect("trader")
    client.watch("quotes", "bars", "positions", "equity")
    speaker = Loudspeaker(window_of(stream.service.parts.home))
    body = {
        "run": run,
        "q": [["SPY", "501.25", "", "501.26", 1_700_000_000_123_456_789]],
        "b": [["SPY", 60, 1_700_000_000, "1", "2", "0.5", "1.5", "300"]],
        "p": [["s", "SPY", "501.25", 5_012_500_000, 12_500_000], ["s", "QQQ", "1", 1, 1]],
        "e": [[1_000_000, 2_000_000, -500_000, 0]],
    }
    for message in (b"{", b"[]", b'[{"run":1,"q":[1]}]', json.dumps([body]).encode()):
        assert speaker.say(message)
    rows = client.until("values")["topics"]
    speaker.close()
    assert rows["quotes"] == [
        {
            "run_id": run,
            "symbol": "SPY",
            "last": "501.25",
            "bid": None,
            "ask": "501.26",
            "at": "2023-11-14T22:13:20.123Z",
        }
    ]
    assert rows["bars"][0]["start_s"] == 1_700_000_000 and rows["bars"][0]["high"] == "2"
    assert [(row["symbol"], row["quantity"], row["market_price"]) for row in rows["positions"]] == [
        ("SPY", "10", "501.25")
    ]
    assert rows["equity"][0]["daily_pnl"] == "-0.50"


def test_nothing_of_others_is_ever_sent(stream: Any) -> None:
    mine, theirs = stream.run("trader", "mine"), stream.run("other", "theirs")
    watched = (*EVENTS, "positions", "equity", "quotes", "bars", "jobs")
    clients = {name: stream.connect(name) for name in ("trader", "other", "owner")}
    for client in clients.values():
        client.watch(*watched)
    speaker = Loudspeaker(window_of(stream.service.parts.home))
    for number in range(20):
        for run, name in ((mine, "A"), (theirs, "B")):
            speaker.say(json.dumps([{"run": run, "q": [["SPY", str(number + 1), "", "", 1]]}]).encode())
            stream.write(
                orders=[stream.order(run, f"{name}{number}")],
                fills=[stream.fill(run, f"{name}{number}", f"{name}{number}")],
                alerts=[stream.alert(run, number)],
                guard=[stream.halt(f"run:{run}")],
                projections=[stream.line(run, number), stream.account(run, number), stream.position(run, str(number))],
            )
    speaker.close()
    stream.write(guard=[stream.halt("system")])
    heard: dict[str, list[str]] = {}
    for name, client in clients.items():
        heard[name] = []
        while '"scope":"system"' not in (heard[name] or [""])[-1]:
            heard[name].append(client.socket.recv(timeout=60))
    assert "theirs" not in "".join(heard["trader"]) and '"mine"' in "".join(heard["trader"])
    assert '"mine"' not in "".join(heard["other"]) and "theirs" in "".join(heard["other"])
    assert not any(word in "".join(heard["owner"]) for word in ('"mine"', "theirs"))


def test_a_run_of_somebody_else_is_as_if_it_were_not_there(stream: Any) -> None:
    stream.run("other", "theirs")
    client = stream.connect("trader")
    answers = []
    for name in ("theirs", "nobodys"):
        client.say("subscribe", topics=["orders"], runs=[name])
        answers.append(client.until("error", "snapshot"))
    assert answers[0] == answers[1] and answers[0]["code"] == "no_such_run"


def test_one_may_watch_some_runs_only(stream: Any) -> None:
    first, second = stream.run("trader", "first"), stream.run("trader", "second", 1)
    client = stream.connect("trader")
    assert [row["run_id"] for row in client.watch("runs", "activity", runs=[second])["runs"]] == [second]
    stream.write(projections=[stream.line(first, 1), stream.line(second, 1)])
    stream.write(guard=[stream.halt("system")])
    assert [row["run_id"] for _, row in client.events(1)] == [second]
