"""Who may watch, for how long, and what a connection is closed for."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tidemill.adapters.sql.service_tables import AUDIT_LOG


def test_a_token_comes_with_the_first_message_or_as_a_protocol(stream: Any) -> None:
    token = stream.service.tokens["viewer"]
    client = stream.connect(subprotocols=["tidemill.v1", f"bearer.{token}"])
    assert client.hear()["type"] == "hello"
    assert client.socket.subprotocol == "tidemill.v1"  # the token is not sent back
    assert stream.connect("viewer").hello["user_id"] == stream.service.users["viewer"].user_id


@pytest.mark.parametrize("first", ["nonsense", '{"type":"hello","token":"e30.e30."}', '{"type":"subscribe"}', "[]"])
def test_nobody_watches_unnamed(stream: Any, first: str) -> None:
    client = stream.connect()
    client.socket.send(first)
    assert client.code() == 4401


def test_a_token_in_the_address_is_nobodys(stream: Any) -> None:
    token = stream.service.tokens["trader"]
    with connect(f"ws://127.0.0.1:{stream.port}/ws/v1?token={token}") as socket:
        socket.send(json.dumps({"type": "subscribe", "topics": ["orders"]}))
        with pytest.raises(Exception, match="4401"):
            socket.recv(timeout=60)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_pages_of_others_may_not_open_it(stream: Any, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        stream.connect(origin=origin)
    assert refused.value.response.status_code == 403


def test_a_session_that_is_signed_out_ends_within_seconds(stream: Any) -> None:
    clients = [stream.connect("trader"), stream.connect("other")]
    stream.service.post("trader", "/v1/auth/logout", {}, 204)
    assert clients[0].code() == 4401
    assert clients[1].until("heartbeat")


def test_a_token_that_expired_ends_and_a_newer_one_prolongs(stream: Any) -> None:
    access, user = stream.service.parts.access, stream.service.users["trader"]
    brief = access.mint(user, -9)[0]  # good for one more second: times may be off by ten
    old, renewed = stream.connect(token=brief), stream.connect(token=brief)
    renewed.say("token", token=stream.service.tokens["trader"])
    assert old.code() == 4401
    assert renewed.until("heartbeat")
    renewed.say("token", token=stream.service.tokens["other"])
    assert renewed.code() == 4401


def test_the_audit_log_is_for_admins(stream: Any) -> None:
    trader, admin = stream.connect("trader"), stream.connect("admin")
    trader.say("subscribe", topics=["audit"])
    assert trader.until("error", "snapshot")["code"] == "not_allowed"
    rows = admin.watch("audit")["audit"]
    assert rows == [] or rows[-1]["id"] == max(row["id"] for row in rows)
    stream.service.parts.access.mint(stream.service.users["trader"], 60)
    (topic, row), *_ = admin.events(1)
    assert (topic, row["action"]) == ("audit", "token.mint")
    assert AUDIT_LOG.c.detail_json.name not in row


@pytest.mark.parametrize("said", ["{", '{"type":"subscribe","topics":["everything"]}', '{"type":"shout"}', "1" * 10])
def test_what_cannot_be_understood_ends_it(stream: Any, said: str) -> None:
    client = stream.connect("trader")
    client.socket.send(said)
    assert client.code() == 1008


def test_too_many_words_end_it_and_so_do_too_many_connections(stream: Any) -> None:
    client = stream.connect("trader")
    with suppress(ConnectionClosed):  # it may be shut before the last word
        for _ in range(40):
            client.say("unsubscribe")
    assert client.code() == 1008
    for _ in range(8):
        assert stream.connect("other").hello
    one_more = stream.connect()
    one_more.say("hello", token=stream.service.tokens["other"])
    assert one_more.code() == 4429
