"""What people are told: once, by the channels they want, when they want; and what becomes of every delivery."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hosting import until
from installation import Service

from tidemill.adapters.channels import MailChannel, MailServer
from tidemill.adapters.sql.service_tables import DELIVERIES, JOBS, RUN_OWNERS, WEBHOOKS
from tidemill.model.errors import ConfigError, StoreError
from tidemill.model.journal import AlertRow, Batch, FillEntry, GuardRow
from tidemill.ports.channel import Letter, Outcome
from tidemill.services.logs import Log
from tidemill.services.notify.background import Background
from tidemill.services.notify.channels import load_channels
from tidemill.services.notify.follower import Follower
from tidemill.services.notify.notifications import Notifications
from tidemill.services.notify.outbound import DELAYS_S, Outbound
from tidemill.services.notify.sealing import Seal, seal_file
from tidemill.services.notify.wishes import QuietHours
from tidemill.services.settings.loading import load_settings

SECOND = 1_000_000_000
HOOK = {"url": "https://example.com/hook", "events": ["bot.started", "bot.error", "trade.executed", "halt"]}


class Moved:
    """A clock that is moved by hand."""

    def __init__(self, now_ns: int) -> None:
        self.now = now_ns

    def now_ns(self) -> int:
        return self.now

    def monotonic_ns(self) -> int:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)


class Fake:
    """A channel that does as it is told."""

    name = "webhook"

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes, self.letters = list(outcomes), []

    def check(self, address: str) -> str:  # noqa: ARG002 - the signature of channels
        return ""

    def send(self, letter: Letter) -> Outcome:
        self.letters.append(letter)
        return self.outcomes.pop(0) if self.outcomes else Outcome(is_done=True, code=200)


class World:
    """Follower and deliveries of one installation by a clock of their own."""

    def __init__(self, service: Service, channel: Any) -> None:
        self.service, self.db = service, service.parts.database
        self.clock = Moved(service.parts.clock.now_ns())
        self.channel, self.home = channel, service.parts.home
        self.again()
        self.follower.look()  # bookmarks

    def again(self) -> None:
        """Begin as a new process does."""
        told = Notifications(self.db, self.clock)
        self.follower = Follower(self.db, self.clock, told)
        channels = {self.channel.name: self.channel}
        self.outbound = Outbound(self.db, self.clock, Seal(self.home), channels, Log(process="test"))

    def turn(self) -> int:
        """Deliver what is due by now."""
        self.clock.now = max(self.clock.now, self.service.parts.clock.now_ns())
        return self.outbound.turn()

    def run(self, name: str, run_id: str, status: str = "RUNNING") -> None:
        self.clock.now += SECOND
        values = {
            "run_id": run_id, "user_id": self.service.users[name].user_id, "agent_id": "", "face": "agent",
            "mode": "paper", "wanted": "RUN", "status": status, "message": "why", "agent_version": 1, "slot": -1,
            "started_ns": self.clock.now, "ended_ns": 0, "updated_ns": self.clock.now,
        }  # fmt: skip
        with self.db.write() as writing:
            writing.run(RUN_OWNERS.delete().where(RUN_OWNERS.c.run_id == run_id))
            writing.run(RUN_OWNERS.insert().values(**values))

    def fill(self, run_id: str, number: int) -> None:
        row = FillEntry("paper", "p", f"x{number}", run_id, "A", "SPY", "BUY", "10", "501.20", 350_000, 1, 1)
        self.db.store.commit(Batch(fills=[row]))

    def told(self, name: str) -> list[str]:
        found = self.service.get(name, "/v1/notifications")["notifications"]
        return [item["kind"] for item in reversed(found)]

    def log(self) -> list[Any]:
        return list(self.db.rows(DELIVERIES.select().order_by(DELIVERIES.c.id)))


@pytest.fixture
def world(service: Service) -> World:
    return World(service, Fake())


def test_everything_is_told_once_and_to_whom_it_belongs(world: World) -> None:
    world.run("trader", "r1")
    world.run("other", "r2", "ERROR")
    at = world.clock.now
    for _ in range(2):
        world.fill("r1", 1)
        alert = AlertRow("r1/FEED_DOWN/1", "r1", 2, "FEED_DOWN", "The feed is gone.", world.clock.now)
        world.db.store.commit(Batch(alerts=[alert], guard=[GuardRow("run:r1", "HALTED", "loss", "ann", at)]))
        world.follower.look()
        world.again()
    assert sorted(world.told("trader")) == ["alert", "bot.started", "halt", "trade.executed"]
    assert world.told("other") == ["bot.error"]
    assert world.told("owner") == []
    world.run("trader", "r1", "COMPLETED")
    world.db.store.commit(Batch(guard=[GuardRow("run:r1", "CLEAR", "", "ann", at + 1)]))
    world.follower.look()
    assert sorted(world.told("trader")) == [
        "alert", "bot.finished", "bot.started", "halt", "resumed", "trade.executed",
    ]  # fmt: skip


def test_jobs_and_tiers_and_a_halt_of_everything(world: World) -> None:
    user, now = world.service.users["trader"], world.clock.now
    job = {"kind": "backtest", "body_json": "{}", "body_hash": "", "result_json": "", "owner": "", "is_cancelled": 0}
    numbers = {
        "performance_id": 0,
        "bars": 0,
        "created_ns": now,
        "started_ns": now,
        "beat_ns": 0,
        "progress_ratio": 1.0,
    }
    with world.db.write() as writing:
        for name, status in (("j1", "DONE"), ("j2", "FAILED")):
            mine = {"id": name, "status": status, "user_id": user.user_id, "ended_ns": now, "message": "m"}
            writing.run(JOBS.insert().values(**job, **numbers, **mine))
    world.service.ask("owner", "PATCH", f"/v1/users/{user.user_id}", 200, json={"tier": "BASIC"})
    world.db.store.commit(Batch(guard=[GuardRow("system", "HALTED", "news", "ann", world.clock.now)]))
    world.follower.look()
    assert sorted(world.told("trader")) == ["halt", "job.failed", "job.finished", "tier.changed"]
    assert world.told("viewer") == ["halt"]


def test_a_webhook_is_called_and_its_log_tells(world: World) -> None:
    hook = world.service.post("trader", "/v1/webhooks", HOOK, 201)
    world.service.post("other", "/v1/webhooks", {**HOOK, "events": ["job.failed"]}, 201)
    world.run("trader", "r1")
    world.fill("r1", 1)
    world.follower.look()
    assert world.turn() == 2
    assert [item.event for item in world.channel.letters] == ["trade.executed", "bot.started"]
    assert all(item.secret == hook["secret"] for item in world.channel.letters)
    body = json.loads(world.channel.letters[0].body)
    assert body["data"]["price"] == "501.20" and body["run_id"] == "r1"
    log = world.service.get("trader", f"/v1/webhooks/{hook['id']}/deliveries")["deliveries"]
    assert {(item["status"], item["attempts"], item["response_code"]) for item in log} == {("SUCCESS", 1, 200)}
    world.service.get("other", f"/v1/webhooks/{hook['id']}/deliveries", 404)


def test_retries_grow_survive_a_restart_and_end(world: World) -> None:
    hook = world.service.post("trader", "/v1/webhooks", HOOK, 201)
    world.channel.outcomes = [Outcome(is_done=False, code=500, error="It answered 500.")] * 99
    sent = world.service.post("trader", f"/v1/webhooks/{hook['id']}/test", None, 202)
    assert sent["status"] == "PENDING"
    waits: list[int] = []
    world.clock.now = world.service.parts.clock.now_ns()
    while (row := world.log()[0])["status"] == "PENDING":
        waits.append((row["next_ns"] - world.clock.now) // SECOND if waits else 0)
        world.clock.now = max(world.clock.now, row["next_ns"])
        world.again()
        assert world.outbound.turn() == 1 and world.outbound.turn() == 0
    assert waits == [0, *DELAYS_S] and len(world.channel.letters) == len(DELAYS_S) + 1
    assert len({item.number for item in world.channel.letters}) == 1
    assert (row["status"], row["error"]) == ("FAILED", "It answered 500.")
    assert world.service.get("trader", f"/v1/webhooks/{hook['id']}")["failures"] == 1


def test_an_attempt_counts_before_it_is_made(world: World) -> None:
    class Dead(Fake):
        def send(self, letter: Letter) -> Outcome:  # noqa: ARG002 - as above
            raise KeyboardInterrupt  # the process is killed in the middle of a call

    hook = world.service.post("trader", "/v1/webhooks", HOOK, 201)
    world.service.post("trader", f"/v1/webhooks/{hook['id']}/test", None, 202)
    alive, world.channel = world.channel, Dead()
    world.again()
    with pytest.raises(KeyboardInterrupt):
        world.turn()
    row = world.log()[0]
    assert (row["status"], row["attempts"]) == ("PENDING", 1)
    world.channel = alive
    world.again()
    assert world.turn() == 0
    world.clock.now += DELAYS_S[0] * SECOND
    assert world.turn() == 1 and world.log()[0]["status"] == "SUCCESS"


def test_what_is_final_is_not_tried_again_and_what_is_gone_is_given_up(world: World) -> None:
    hook = world.service.post("trader", "/v1/webhooks", HOOK, 201)
    path = f"/v1/webhooks/{hook['id']}"
    world.channel.outcomes = [Outcome(is_done=False, code=302, error="It redirects.", is_final=True)]
    world.service.post("trader", f"{path}/test", None, 202)
    world.turn()
    world.service.post("trader", f"{path}/test", None, 202)
    world.service.ask("trader", "DELETE", path, 204)
    world.turn()
    assert [row["status"] for row in world.log()] == ["FAILED", "FAILED"] and len(world.channel.letters) == 1


def test_secrets_are_sealed_bound_to_their_row_and_told_once(world: World) -> None:
    first = world.service.post("trader", "/v1/webhooks", HOOK, 201)
    second = world.service.post("trader", "/v1/webhooks", HOOK, 201)
    renewed = world.service.post("trader", f"/v1/webhooks/{first['id']}/secret")
    assert len({first["secret"], second["secret"], renewed["secret"]}) == 3
    path = seal_file(world.home)
    assert path.stat().st_mode & 0o777 == 0o400
    shown = json.dumps(world.service.get("trader", "/v1/webhooks")) + json.dumps(
        world.service.get("owner", "/v1/audit")
    )
    files = b"".join(file.read_bytes() for file in world.home.folder.rglob("*") if file.is_file())
    for secret in (first["secret"], second["secret"], renewed["secret"]):
        assert secret not in shown and secret.encode() not in files
        assert secret.removeprefix("whsec_").encode() not in files
    rows = world.db.rows(WEBHOOKS.select().order_by(WEBHOOKS.c.id))
    with world.db.write() as writing:  # somebody swaps sealed secrets in the database
        swapped = WEBHOOKS.update().where(WEBHOOKS.c.id == rows[0]["id"])
        writing.run(swapped.values(secret_sealed=rows[1]["secret_sealed"]))
    world.service.post("trader", f"/v1/webhooks/{first['id']}/test", None, 202)
    world.turn()
    assert world.channel.letters == [] and world.log()[0]["status"] == "FAILED"
    with pytest.raises(StoreError):
        Seal(world.home).open_up("bm9uc2Vuc2U=", "webhook:1:1")


def test_the_list_is_read_marked_and_paged(world: World) -> None:
    for number in range(5):
        world.run("trader", f"r{number}")
    world.follower.look()
    page = world.service.get("trader", "/v1/notifications?limit=3")
    assert len(page["notifications"]) == 3 and page["unread"] == 5 and page["next_cursor"]
    rest = world.service.get("trader", f"/v1/notifications?limit=3&cursor={page['next_cursor']}")
    assert len(rest["notifications"]) == 2 and rest["next_cursor"] is None
    one = page["notifications"][0]["id"]
    assert world.service.post("trader", f"/v1/notifications/{one}/read")["read_at"]
    assert world.service.get("trader", "/v1/notifications")["unread"] == 4
    assert world.service.post("trader", f"/v1/notifications/{one}/read", {"read": False})["read_at"] is None
    world.service.post("other", f"/v1/notifications/{one}/read", None, 404)
    assert world.service.post("trader", "/v1/notifications/read-all") == {"marked": 5}
    assert world.service.get("trader", "/v1/notifications?unread=true")["notifications"] == []


def test_wishes_decide_what_is_listed_and_what_leaves_when(world: World) -> None:
    path = "/v1/notifications/preferences"
    refused = world.service.ask("trader", "PUT", path, 422, json={"channels": {"pigeon": ["halt"]}})
    assert refused["code"] == "unknown_channel"
    world.service.ask("trader", "PUT", path, 422, json={"quiet_hours": {"start": "22:00", "end": "7", "zone": "UTC"}})
    object.__setattr__(world.service.parts.telling, "channels", ("mail",))
    quiet = {"start": "00:00", "end": "00:00", "zone": "America/New_York"}
    wishes = {"silent": ["bot.started"], "channels": {"mail": ["bot.error", "halt"]}, "quiet_hours": quiet}
    assert world.service.ask("trader", "PUT", path, 200, json=wishes) == world.service.get("trader", path)
    world.run("trader", "r1")
    world.run("trader", "r2", "ERROR")
    world.db.store.commit(Batch(guard=[GuardRow("system", "HALTED", "news", "ann", world.clock.now)]))
    world.follower.look()
    assert sorted(world.told("trader")) == ["bot.error", "halt"]
    due = {row["event"]: row["next_ns"] for row in world.log()}
    assert due["halt"] == world.clock.now < due["bot.error"]  # what is critical wakes people


@pytest.mark.parametrize(
    ("start", "end", "at", "until"),
    [
        ("22:00", "07:00", "2024-01-10T04:00", "2024-01-10T12:00"),  # 23:00 in New York
        ("22:00", "07:00", "2024-01-10T11:59", "2024-01-10T12:00"),
        ("22:00", "07:00", "2024-01-10T12:00", ""),
        ("09:00", "17:00", "2024-07-10T14:00", "2024-07-10T21:00"),
        ("22:00", "07:00", "2024-03-10T05:00", "2024-03-10T11:00"),  # the night clocks go forward
        ("22:00", "07:00", "2024-11-03T05:00", "2024-11-03T12:00"),  # the night they go back
    ],
)
def test_quiet_hours_are_of_a_zone(start: str, end: str, at: str, until: str) -> None:
    def ns(text: str) -> int:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND if text else 0

    assert QuietHours(start, end, "America/New_York").end_ns(ns(at)) == ns(until)


@pytest.fixture
def mailbox() -> Iterator[tuple[int, list[bytes]]]:
    """Return a mail server on this machine that takes everything but mail to ``no@``."""
    heard: list[bytes] = []
    ready, box = threading.Event(), {}

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            word = line[:4].upper()
            if word == b"DATA":
                writer.write(b"354 go\r\n")
                heard.append(await reader.readuntil(b"\r\n.\r\n"))
                writer.write(b"250 taken\r\n")
            elif word == b"QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"550 no\r\n" if b"<no@" in line else b"250 ok\r\n")
        await writer.drain()
        writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        box["loop"], box["end"] = asyncio.get_running_loop(), asyncio.Event()
        box["port"] = server.sockets[0].getsockname()[1]
        ready.set()
        async with server:
            await box["end"].wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    yield box["port"], heard
    box["loop"].call_soon_threadsafe(box["end"].set)
    thread.join(10)


def test_mail_is_handed_over(mailbox: tuple[int, list[bytes]]) -> None:
    port, heard = mailbox
    channel = MailChannel(MailServer("127.0.0.1", port, "us@example.com", "none"))
    bad = "A title\r\nBcc: everybody@example.com"
    sent = Letter(5, "halt", bad, "Trading is halted.", "{}", 1, "ann@example.com")
    assert channel.send(sent) == Outcome(is_done=True, code=250)
    assert b"Trading is halted." in heard[0] and b"\r\nBcc:" not in heard[0]
    refused = channel.send(Letter(6, "halt", "T", "t", "{}", 1, "no@example.com"))
    assert not refused.is_done and refused.is_final
    assert MailChannel(MailServer("127.0.0.1", 1, "", "none")).send(sent).error.startswith("The mail server cannot")


def test_channels_are_plug_ins_that_settings_switch(tmp_path: Path) -> None:
    def settings(**values: Any) -> Any:
        return load_settings(tmp_path, {}, values).settings

    assert list(load_channels(settings())) == ["webhook"]
    assert list(load_channels(settings(smtp_host="mail.example.com"))) == ["mail", "webhook"]
    with pytest.raises(ConfigError):
        load_channels(settings(webhook_loopback=True))
    dev = load_channels(settings(webhook_loopback=True, profile="dev"))
    assert dev["webhook"].check("http://127.0.0.1:9999/") == ""


def test_the_background_tells_by_itself(world: World) -> None:
    hook = world.service.post("trader", "/v1/webhooks", HOOK, 201)
    world.run("trader", "r1", "ERROR")
    world.service.post("trader", f"/v1/webhooks/{hook['id']}/test", None, 202)
    world.clock.now += 60 * SECOND
    with Background(world.db, world.follower, world.outbound, Log(process="test")):
        seen = until(lambda: (world.told("trader"), len(world.channel.letters)), lambda found: found[1] == 2)
    assert seen[0] == ["bot.error"]
