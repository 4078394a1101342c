"""The watchdog carries out what a hanging engine does not, and keeps its hands off one that does (promise 17, P14)."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tidemill.runtime.guard.halts import Rung
from tidemill.runtime.guard.heartbeat import Beat, write_beat
from unit.runtime.watch.test_watch_watchdog import Account, Scene, shown


def heed(scene: Scene, seconds: float) -> None:

    for _ in range(int(seconds * 10)):
        asyncio.run(scene.dog.heed())
        scene.clock.pass_time(0.1)


def halted(scene: Scene, rung: Rung, scope: str = "system") -> None:
    scene.halts.halt(scope, rung, "test", "Ann", scene.clock.now)


def test_a_halt_the_engine_does_not_carry_out_is_carried_out_within_a_second(tmp_path: Path) -> None:
    scene = Scene(tmp_path, Account({}, [shown("E")]))
    scene.store.is_locked = True
    scene.beat()
    halted(scene, Rung.CANCEL)
    heed(scene, 1.0)
    assert scene.account.cancelled == ["E"]


def test_an_engine_that_has_carried_it_out_is_left_alone_p14(tmp_path: Path) -> None:
    scene = Scene(tmp_path, Account({}, [shown("E")]))
    halted(scene, Rung.CANCEL, "account:A1")
    write_beat(scene.file, Beat(1, scene.clock.now, "RUNNING", 1, (scene.halts.standing()[0].mark,)))
    heed(scene, 5.0)
    assert (scene.account.opened, scene.account.cancelled) == (0, [])


def test_a_pause_and_another_account_are_no_business_of_its_own(tmp_path: Path) -> None:
    scene = Scene(tmp_path, Account({}, [shown("E")]))
    halted(scene, Rung.PAUSE)
    halted(scene, Rung.CANCEL, "account:B2")
    heed(scene, 5.0)
    assert scene.account.opened == 0


def test_a_flatten_waits_for_the_lease_of_an_engine_that_may_still_send(tmp_path: Path) -> None:
    scene = Scene(tmp_path, Account({"AAPL": 10.0}))
    scene.store.is_owned = True
    halted(scene, Rung.FLATTEN)
    heed(scene, 2.0)
    assert scene.account.sent == []
    scene.store.is_owned = False
    heed(scene, 12.0)
    assert [(order.symbol, order.quantity) for order in scene.account.sent] == [("AAPL", 10.0)]
