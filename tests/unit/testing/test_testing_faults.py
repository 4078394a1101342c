"""Every fault of the scripted exchange does what its sentence says, is counted, and can be switched off."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from exchange_scene import Scene, order, resting, stop

from tidemill.model.enums import EventKind, Intent, OrderState, Side
from tidemill.model.errors import (
    AmbiguousOutcome,
    LinkDown,
    NotAuthorised,
    OrderRejected,
    RateLimited,
    UnknownName,
    UnknownOrder,
)
from tidemill.testing.broker_cards import CARDS
from tidemill.testing.exchange import FAULTS, Faults
from tidemill.testing.simloop import run_simulated

ACK, FILL, CANCELLED, REJECT = EventKind.ACK, EventKind.FILL, EventKind.CANCELLED, EventKind.REJECT
SCENES: dict[str, Callable[[Scene], Awaitable[None]]] = {}


def scene(name: str) -> Callable[[Callable[[Scene], Awaitable[None]]], None]:
    def keep(function: Callable[[Scene], Awaitable[None]]) -> None:
        SCENES[name] = function

    return keep


async def ambiguous(stage: Scene, client_id: str = "a", **terms: object) -> None:
    with pytest.raises(AmbiguousOutcome):
        await stage.buy(client_id, **terms)


async def refused(stage: Scene, **terms: object) -> None:
    with pytest.raises(OrderRejected):
        await stage.buy(**terms)
    assert stage.exchange.accepted == {} and await stage.broker.find("a") is None


@scene("N1")
async def _(stage: Scene) -> None:
    stage.faults.on("N1", times=1)
    with pytest.raises(LinkDown):
        await stage.broker.open(stage.reports.append)
    await stage.broker.open(stage.reports.append)


@scene("N2")
async def _(stage: Scene) -> None:
    stage.faults.on("N2")
    seen = set()
    for number in range(20):
        with pytest.raises((LinkDown, AmbiguousOutcome)) as caught:
            await stage.buy(f"a{number}")
        seen.add(caught.type)
    assert seen == {LinkDown, AmbiguousOutcome} and stage.exchange.truth.arrived == {}


@scene("N3")
async def _(stage: Scene) -> None:
    stage.faults.on("N3", times=1)
    await ambiguous(stage)
    assert stage.exchange.accepted == {"a": 1}
    found = await stage.broker.find("a")
    assert found is not None and found.state is OrderState.FILLED


@scene("N4")
async def _(stage: Scene) -> None:
    stage.faults.on("N4", times=1)
    began = stage.clock.monotonic_ns()
    await ambiguous(stage)
    assert stage.clock.monotonic_ns() - began >= stage.broker.rules.submit_deadline_ns
    assert stage.heard() == [ACK, FILL]


@scene("N5")
async def _(stage: Scene) -> None:
    stage.faults.on("N5", times=1)
    await ambiguous(stage)
    assert stage.exchange.truth.arrived == {}
    stage.exchange.trade_by_hand("ABC", Side.BUY, 1.0)
    await stage.wait(6.0)
    for question in (stage.buy("b"), stage.broker.open(stage.reports.append)):
        with pytest.raises(LinkDown):
            await question
    await stage.wait(10.0)
    await stage.broker.open(stage.reports.append)
    assert stage.reports == [] and stage.exchange.position("ABC") == 1.0


@scene("N6")
async def _(stage: Scene) -> None:
    stage.faults.on("N6", times=1)
    await stage.buy()
    await stage.wait(29.0)
    await stage.buy("b")
    await stage.wait(5.0)
    await stage.buy("c")
    await stage.wait()
    assert (stage.heard(), stage.heard("b"), stage.heard("c")) == ([], [], [ACK, FILL])
    assert len((await stage.broker.executions(0)).items) == 3


@scene("N7")
async def _(stage: Scene) -> None:
    stage.faults.on("N7", times=1)
    await stage.buy()
    await stage.wait()
    assert stage.heard() == [ACK] and len((await stage.broker.executions(0)).items) == 1


@scene("N8")
async def _(stage: Scene) -> None:
    stage.faults.on("N8", value=3.0)
    await stage.buy()
    await stage.wait()
    assert stage.heard() == [ACK] * 3 + [FILL] * 3
    assert len({report.exec_id for report in stage.reports if report.kind is FILL}) == 1


@scene("N9")
async def _(stage: Scene) -> None:
    stage.faults.on("N9")
    answer = await stage.buy()
    assert answer.kind is ACK and stage.heard() == [FILL]
    await stage.wait()
    assert stage.heard() == [FILL, ACK]


@scene("N10")
async def _(stage: Scene) -> None:
    stage.faults.on("N10")
    answer = await stage.buy(**resting())
    await stage.broker.cancel("a", answer.broker_id)
    await stage.wait(2.0)
    stage.exchange.settle()
    await stage.wait()
    found = await stage.broker.find("a")
    assert stage.heard() == [ACK, CANCELLED, FILL] and found is not None
    assert (found.state, found.filled, stage.exchange.position("ABC")) == (OrderState.CANCELED, 10.0, 10.0)


@scene("N11")
async def _(stage: Scene) -> None:
    stage.faults.on("N11", 0.5)
    for number in range(10):
        await stage.buy(f"a{number}", 1.0)
    await stage.wait(10.0)
    told = [report.exec_id for report in stage.reports if report.kind is FILL]
    assert len(told) == 10 and told != sorted(told, key=lambda name: int(name[1:]))


@scene("N12")
async def _(stage: Scene) -> None:
    assert (await stage.broker.orders(0)).items == ()
    await stage.buy(**resting())
    stage.faults.on("N12", times=1)
    page = await stage.broker.orders(0)
    assert page.items == () and page.is_complete
    assert len((await stage.broker.orders(0)).items) == 1


@scene("N13")
async def _(stage: Scene) -> None:
    await stage.buy(**resting())
    stage.faults.on("N13", times=1)
    (shown,) = (await stage.broker.orders(0)).items
    await stage.wait()
    assert shown.state is OrderState.WORKING and stage.heard() == [ACK, FILL]


@scene("N14")
async def _(stage: Scene) -> None:
    stage.faults.on("N14", times=1)
    for question in (stage.buy(), stage.broker.open(stage.reports.append)):
        with pytest.raises(LinkDown):
            await question
    await stage.wait(4.0)
    await stage.broker.open(stage.reports.append)


@scene("N17")
async def _(stage: Scene) -> None:
    stage.faults.on("N17", times=1)
    await ambiguous(stage)
    await stage.wait(20.0)
    assert await stage.broker.find("a") is None
    await stage.wait(10.0)
    assert stage.exchange.accepted == {"a": 1} and stage.heard() == [ACK, FILL]


@scene("N20")
async def _(stage: Scene) -> None:
    stage.faults.on("N20", times=1)
    await ambiguous(stage)
    assert stage.exchange.truth.arrived == {}


@scene("N23")
async def _(stage: Scene) -> None:
    stage.faults.on("N23")
    for question in (stage.buy(), stage.broker.positions(), stage.broker.open(stage.reports.append)):
        with pytest.raises(LinkDown):
            await question


async def _throttled(stage: Scene, name: str, seconds: float) -> None:
    stage.faults.on(name, times=1)
    with pytest.raises(RateLimited) as caught:
        await stage.buy()
    assert caught.value.retry_after_s == seconds and stage.exchange.truth.arrived == {}


@scene("B1")
async def _(stage: Scene) -> None:
    await _throttled(stage, "B1", 2.0)


@scene("B2")
async def _(stage: Scene) -> None:
    await _throttled(stage, "B2", 15.0)


async def _either(stage: Scene, name: str) -> None:
    stage.faults.on(name)
    for number in range(20):
        await ambiguous(stage, f"a{number}", **resting())
    assert 0 < len(stage.exchange.accepted) < 20


@scene("B3")
async def _(stage: Scene) -> None:
    await _either(stage, "B3")


@scene("B20")
async def _(stage: Scene) -> None:
    await _either(stage, "B20")


@scene("B4")
async def _(stage: Scene) -> None:
    stage.faults.on("B4")
    await refused(stage)


@scene("B5")
async def _(stage: Scene) -> None:
    stage.faults.on("B5", times=1)
    await stage.buy(**resting())
    assert await stage.broker.find("a") is None and (await stage.broker.orders(0)).items == ()
    with pytest.raises(UnknownOrder):
        await stage.broker.cancel("a", "")
    await stage.wait(6.0)
    assert await stage.broker.find("a") is not None


@scene("B6")
async def _(stage: Scene) -> None:
    stage.faults.on("B6", times=1)
    answer = await stage.buy()
    await stage.wait(2.0)
    stage.exchange.trade("ABC", 100.0)
    await stage.wait()
    assert answer.kind is ACK and stage.heard() == [ACK, REJECT] and stage.exchange.position("ABC") == 0.0


@scene("B7")
async def _(stage: Scene) -> None:
    stage.faults.on("B7", times=1)
    await stage.buy()
    await stage.wait()
    assert stage.heard() == [ACK, FILL, CANCELLED] and stage.exchange.position("ABC") == 5.0


@scene("B8")
async def _(stage: Scene) -> None:
    stage.faults.on("B8", value=4.0)
    await stage.buy()
    await stage.wait()
    fills = [report for report in stage.reports if report.kind is FILL]
    assert [fill.quantity for fill in fills] == [2.0, 2.0, 2.0, 4.0]
    assert len({fill.exec_id for fill in fills}) == 4


@scene("B9")
async def _(stage: Scene) -> None:
    stage.faults.on("B9", value=0.25)
    await stage.buy()
    found = await stage.broker.find("a")
    assert found is not None and (found.quantity, found.filled) == (10.0, 12.0)
    assert stage.exchange.position("ABC") == 12.0


@scene("B10")
async def _(stage: Scene) -> None:
    cash = stage.exchange.truth.cash_micros
    await stage.buy()
    stage.faults.on("B10")
    stage.exchange.trade("ABC", 101.0)
    stage.exchange.trade("ABC", 102.0)
    real, bust = (await stage.broker.executions(0)).items
    assert (bust.exec_id, bust.kind, real.kind) == (f"{real.exec_id}:bust", "bust", "real")
    assert stage.exchange.position("ABC") == 0.0 and stage.exchange.truth.cash_micros == cash


@scene("B11")
async def _(stage: Scene) -> None:
    stage.faults.on("B11")
    answer = await stage.buy(**resting())
    with pytest.raises(OrderRejected, match="filled"):
        await stage.broker.cancel("a", answer.broker_id)
    await stage.wait()
    assert stage.heard() == [ACK, FILL]


@scene("B12")
async def _(stage: Scene) -> None:
    stage.faults.on("B12")
    answer = await stage.buy(**resting())
    told = await stage.broker.replace("a", answer.broker_id, 7.0, math.nan)
    await stage.wait()
    found = await stage.broker.find("a")
    assert told.quantity == 7.0 and stage.heard() == [ACK, FILL, EventKind.REPLACED]
    assert found is not None and (found.quantity, found.filled, found.state) == (7.0, 5.0, OrderState.PARTIAL)


@scene("B13")
async def _(stage: Scene) -> None:
    stage.faults.on("B13", times=1)
    answer = await stage.buy(**resting())
    told = await stage.broker.replace("a", answer.broker_id, 7.0, math.nan)
    assert told.broker_id != answer.broker_id and stage.exchange.truth.forked == {"a": 1}
    assert [item.quantity for item in stage.exchange.working()] == [10.0, 7.0]
    assert stage.exchange.accepted == {"a": 1}


@scene("B16")
async def _(stage: Scene) -> None:
    stage.faults.on("B16", times=1)
    await stage.buy()
    with pytest.raises(LinkDown):
        await stage.broker.orders(0)
    await stage.wait(21.0)
    await stage.broker.open(stage.reports.append)
    assert stage.reports == [] and len((await stage.broker.executions(0)).items) == 1


@scene("B17")
async def _(stage: Scene) -> None:
    stage.faults.on("B17", times=1)
    await ambiguous(stage)
    assert stage.exchange.truth.arrived == {"a": 1} and stage.exchange.accepted == {}
    assert await stage.broker.find("a") is None


@scene("B18")
async def _(stage: Scene) -> None:
    stage.faults.on("B18", times=1)
    with pytest.raises(NotAuthorised):
        await stage.broker.open(stage.reports.append)


@scene("B19")
async def _(stage: Scene) -> None:
    stage.faults.on("B19", times=1)
    await stage.buy()
    await stage.wait()
    assert stage.reports == []
    with pytest.raises(LinkDown):
        await stage.broker.orders(0)


@scene("B21")
async def _(stage: Scene) -> None:
    stage.faults.on("B21")
    for question in (stage.buy(), stage.broker.open(stage.reports.append)):
        with pytest.raises(NotAuthorised):
            await question


@scene("B22")
async def _(stage: Scene) -> None:
    stage.faults.on("B22")
    await stage.buy("p", **resting())
    await stage.broker.submit(stop("a", 80.0, parent="p"))
    stage.exchange.trade("ABC", 89.0)
    await stage.wait()
    assert stage.heard("p") == [ACK, FILL] and stage.heard() == [ACK, REJECT]


@scene("B23")
async def _(stage: Scene) -> None:
    stage.faults.on("B23")
    await stage.buy("p")
    await stage.broker.submit(stop("a", 90.0, group="g"))
    await stage.broker.submit(order("t", Side.SELL, intent=Intent.PROTECT, group="g", **resting(110.0)))
    stage.exchange.trade("ABC", 111.0)
    assert [item.client_id for item in stage.exchange.working()] == ["a"]


@scene("B24")
async def _(stage: Scene) -> None:
    stage.faults.on("B24", times=1)
    with pytest.raises(OrderRejected):
        await stage.broker.submit(stop("a"))
    await stage.broker.submit(stop("a"))


@scene("B26")
async def _(stage: Scene) -> None:
    stage.faults.on("B26")
    await stage.buy("p", **resting())
    await stage.broker.submit(stop("a", 80.0))
    stage.exchange.end_day()
    await stage.wait()
    assert stage.heard() == [ACK, EventKind.EXPIRED] and stage.heard("p") == [ACK]


async def _cancelled_without_us(stage: Scene, name: str) -> None:
    await stage.broker.submit(stop("a", 80.0))
    stage.faults.on(name, times=1)
    stage.exchange.trade("ABC", 99.0)
    await stage.wait()
    assert stage.heard() == [ACK, CANCELLED]


@scene("B27")
async def _(stage: Scene) -> None:
    await _cancelled_without_us(stage, "B27")


@scene("B34")
async def _(stage: Scene) -> None:
    await _cancelled_without_us(stage, "B34")


@scene("B31")
async def _(stage: Scene) -> None:
    await stage.buy()
    stage.faults.on("B31", times=1)
    stage.exchange.trade("ABC", 90.0)
    await stage.wait()
    assert stage.exchange.position("ABC") == 0.0 and stage.heard("") == [FILL]


@scene("B32")
async def _(stage: Scene) -> None:
    stage.faults.on("B32")
    await refused(stage)
    await stage.broker.submit(order("x", Side.SELL, intent=Intent.EXIT))


@scene("B33")
async def _(stage: Scene) -> None:
    stage.faults.on("B33", times=1)
    stage.exchange.trade("ABC", 100.0)
    await stage.wait()
    (shown,) = (await stage.broker.orders(0)).items
    assert (shown.client_id, shown.state, stage.heard("")) == ("", OrderState.FILLED, [FILL])
    assert stage.exchange.position("ABC") == 1.0


@scene("B35")
async def _(stage: Scene) -> None:
    await stage.buy()
    await stage.wait(11.0)
    await stage.buy("b")
    stage.faults.on("B35", times=1)
    assert [item.quantity for item in (await stage.broker.positions()).items] == [10.0]
    assert [item.quantity for item in (await stage.broker.positions()).items] == [20.0]


@scene("B36")
async def _(stage: Scene) -> None:
    for number in range(4):
        await stage.buy(f"a{number}", **resting())
    stage.faults.on("B36", times=1)
    page = await stage.broker.orders(0)
    assert not page.is_complete and len(page.items) == 2


@scene("B38")
async def _(stage: Scene) -> None:
    stage.faults.on("B38", times=1)
    assert (await stage.broker.account()).environment == "live"
    assert (await stage.broker.account()).environment == "paper"


@scene("B39")
async def _(stage: Scene) -> None:
    await stage.buy(**resting())
    stage.faults.on("B39", times=1)
    found = await stage.broker.find("a")
    assert found is not None and found.state is OrderState.UNKNOWN


@scene("B42")
async def _(stage: Scene) -> None:
    stage.faults.on("B42", times=1)
    stage.exchange.trade("ABC", 100.0)
    await stage.buy()
    assert stage.exchange.position("ABC") == 0.0
    await stage.wait(61.0)
    stage.exchange.trade("ABC", 100.0)
    assert stage.exchange.position("ABC") == 10.0


@scene("B43")
async def _(stage: Scene) -> None:
    stage.faults.on("B43", value=-90.0)
    facts = await stage.broker.account()
    assert abs(facts.server_ns - stage.clock.now_ns() + 90_000_000_000) < 1_000_000_000


@scene("B44")
async def _(stage: Scene) -> None:
    stage.faults.on("B44", times=1)
    stage.exchange.trade("ABC", 100.0)
    await stage.wait()
    assert stage.heard("") == [FILL] and (await stage.broker.orders(0)).items == ()
    assert len((await stage.broker.executions(0)).items) == 1


def test_every_fault_has_its_scene() -> None:
    assert set(SCENES) == set(FAULTS)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_does_what_it_says_and_is_counted(name: str) -> None:
    async def play() -> Faults:
        stage = await Scene().open()
        await SCENES[name](stage)
        return stage.faults

    assert run_simulated(play()).fired[name] > 0


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_is_off_never_fires(name: str) -> None:
    faults = Faults(1)
    faults.on(name)
    faults.heal()
    assert not faults.fires(name) and faults.fired == {} and faults.active == ()


def test_draws_repeat_by_seed_and_faults_do_not_disturb_each_other() -> None:
    def drawn(seed: int, *names: str) -> list[bool]:
        faults = Faults(seed)
        for name in names:
            faults.on(name, 0.5)
        rounds = [{name: faults.fires(name) for name in names} for _ in range(64)]
        return [fired["N7"] for fired in rounds]

    assert drawn(1, "N7") == drawn(1, "N7", "B4", "N3") != drawn(2, "N7")
    assert 16 < sum(drawn(1, "N7")) < 48


def test_a_swarm_is_a_part_of_the_faults_chosen_by_the_seed() -> None:
    one, again, two = Faults(1), Faults(1), Faults(2)
    assert one.swarm() == again.swarm() != two.swarm()
    assert 0 < len(one.active) < len(FAULTS)


def test_a_fault_nobody_knows_is_refused() -> None:
    with pytest.raises(UnknownName, match="no fault named 'N77'"):
        Faults().on("N77")


def test_the_page_lists_every_fault_and_every_card() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs/how-to/broker.md").read_text(encoding="utf-8")
    told: dict[str, dict[str, str]] = {"card": {}, "fault": {}}
    table = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:3]]
        if cells:
            table = told.get(cells[0], table)
            table[cells[0]] = cells[1]
    for head, known in (
        ("card", {card.code: card.sentence for card in CARDS}),
        ("fault", {name: fault.sentence for name, fault in FAULTS.items()}),
    ):
        assert {name: text for name, text in told[head].items() if name not in {head, "---"}} == known
