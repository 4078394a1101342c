"""What is critical does not end with a dead channel (38), and what belongs to nobody is told to those in charge."""

from __future__ import annotations

from typing import Any

import pytest
from installation import Service
from test_notifications import Fake, World

from tidemill.model.journal import AlertRow, Batch
from tidemill.ports.channel import Letter, Outcome
from tidemill.services.logs import Log
from tidemill.services.notify.kinds import Kind
from tidemill.services.notify.outbound import DELAYS_S, Outbound
from tidemill.services.notify.sealing import Seal
from tidemill.services.notify.wishes import Wishes

SECOND = 1_000_000_000
DEAD = Outcome(is_done=False, error="Nobody answers.")


class Way(Fake):
    """A channel that is dead or alive, by its name."""

    def __init__(self, name: str, *, is_dead: bool) -> None:
        super().__init__()
        self.name, self.is_dead = name, is_dead

    def send(self, letter: Letter) -> Outcome:
        self.letters.append(letter)
        return DEAD if self.is_dead else Outcome(is_done=True, code=200)


class Scene(World):
    """The world with several channels."""

    def __init__(self, service: Service, **dead: bool) -> None:
        self.ways = {name: Way(name, is_dead=is_dead) for name, is_dead in dead.items()}
        super().__init__(service, Way("list", is_dead=False))
        self.outbound = Outbound(self.db, self.clock, Seal(self.home), self.ways, Log(process="test"))

    def alert(self, run_id: str, severity: int = 1) -> None:
        row = AlertRow(f"{run_id}/NAKED/{severity}", run_id, severity, "NAKED", "No stop holds.", self.clock.now)
        self.db.store.commit(Batch(alerts=[row]))
        self.follower.look()

    def wants(self, name: str, *channels: str) -> None:
        kept = self.service.parts.telling.notifications.wishes
        first = channels[0]  # the others are named for something else
        kinds = {channel: frozenset({Kind.ALERT if channel == first else Kind.HALT}) for channel in channels}
        wishes = Wishes(channels=kinds)
        kept.keep(self.service.principal(name).scope, wishes)

    def wait(self, seconds: float) -> None:
        """Let time go by, and deliver what falls due."""
        self.clock.now += round(seconds * SECOND)
        while self.outbound.turn():
            pass

    def states(self) -> dict[str, str]:
        return {row["channel"]: row["status"] for row in self.log()}

    def health(self) -> dict[str, Any]:
        found = self.service.get("owner", "/v1/health/ready", params=None)
        return {item["name"]: item for item in found["checks"]}


def scene(service: Service, wanted: tuple[str, ...], **dead: bool) -> Scene:
    made = Scene(service, **dead)
    made.run("trader", "r1")
    made.wants("trader", *wanted)
    return made


def test_a_dead_channel_hands_on_to_the_next_in_the_order_of_wishes(service: Service) -> None:
    world = scene(service, ("pager", "chat"), pager=True, chat=False, mail=False)
    world.alert("r1")
    world.wait(0)
    assert world.states() == {"pager": "PENDING"}  # one failure is no dead channel
    world.wait(DELAYS_S[0])
    assert world.states() == {"pager": "PENDING", "chat": "SUCCESS"}
    assert [len(world.ways[name].letters) for name in ("pager", "chat", "mail")] == [2, 1, 0]
    world.wait(DELAYS_S[1])
    assert len(world.ways["chat"].letters) == 1  # told once, while the first goes on trying


def test_a_message_that_can_wait_does_not_escalate(service: Service) -> None:
    world = scene(service, ("pager",), pager=True, mail=False)
    world.alert("r1", severity=3)
    for delay in (0, *DELAYS_S):
        world.wait(delay)
    assert world.states() == {"pager": "FAILED"} and world.ways["mail"].letters == []


def test_what_reaches_nobody_is_told_to_those_in_charge_and_seen_in_health(service: Service) -> None:
    world = scene(service, ("pager",), pager=True, mail=True)
    assert world.health()["alerts"]["is_well"]
    world.alert("r1")
    for delay in (0, *DELAYS_S[:3]):
        world.wait(delay)
    told = world.service.get("owner", "/v1/notifications")["notifications"]
    titles = [item["title"] for item in told]
    assert titles.count("A critical alert reached nobody") == 1
    assert "mail, pager" in str(told)
    assert world.told("other") == []
    found = world.health()["alerts"]
    assert (found["is_well"], found["text"]) == (False, "critical alerts of the last day that reached nobody: 1")


def test_a_refusal_that_is_final_escalates_at_once(service: Service) -> None:
    world = scene(service, ("pager",), pager=False, mail=False)
    gone = Outcome(is_done=False, error="No such number.", is_final=True)
    world.ways["pager"].send = lambda letter: gone  # type: ignore[method-assign,assignment] # noqa: ARG005
    world.alert("r1")
    world.wait(0)
    assert world.states() == {"pager": "FAILED", "mail": "SUCCESS"}


@pytest.mark.parametrize("severity", [1, 2, 3])
def test_an_alert_of_a_run_that_nobody_owns_goes_to_owner_and_admins(service: Service, severity: int) -> None:
    world = Scene(service, mail=False)
    world.alert("nobodys", severity)
    assert world.told("owner") == world.told("admin") == ["alert"]
    assert world.told("trader") == world.told("other") == []


def test_what_a_tier_refuses_is_told_once_a_day(service: Service) -> None:
    world = Scene(service, mail=False)
    session = {"symbols": ["AAPL"], "strategy": "meanReversion"}
    service.post("free", "/v1/sessions/start", session, 201)
    for _ in range(3):
        service.post("free", "/v1/sessions/start", session, 400)
    world.follower.look()
    assert world.told("free").count("tier.refused") == 1
