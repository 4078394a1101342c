"""A run obeys halts, whoever made them: told once, insisted on, lifted only when none stands (promise 17)."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tidemill.model.broker import OrderRequest
from tidemill.model.enums import Intent, Operator, OrderState, OrderType, Side, TimeInForce
from tidemill.model.journal import GuardRow
from tidemill.runtime.guard.halts import Halts, Rung
from tidemill.runtime.orders.book import LiveOrder, OrderBook
from tidemill.runtime.watch.halt_watch import HUNG, HaltWatch
from tidemill.runtime.words.words import CancelWord, IntentWord, OperatorWord
from tidemill.testing.seams import ManualClock

SLOT = np.dtype([("strategy", "i8"), ("instrument", "i8"), ("quantity", "f8"), ("exit_order", "i8")])


class Scene:
    """A run that does nothing but hear."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder / "t.db.halts", ManualClock()
        self.words, self.alerts, self.beats = list[Any](), list[tuple[int, str]](), 0
        self.slots = np.zeros(2, SLOT)
        self.slots["instrument"], self.slots["exit_order"] = [0, 1], -1
        self.book = OrderBook()
        state = SimpleNamespace(tables={"slots": self.slots})
        self.core = SimpleNamespace(is_halted=False, engine=SimpleNamespace(state=state))
        terms = SimpleNamespace(
            account="A",
            run_id="R",
            strategies=["slow", "fast"],
            instruments=[SimpleNamespace(symbol="SPY"), SimpleNamespace(symbol="QQQ")],
        )
        inbox = SimpleNamespace(operator=self.words.append)
        guard: Any = SimpleNamespace(restore=list)
        run: Any = SimpleNamespace(
            terms=terms,
            core=self.core,
            book=self.book,
            desk=SimpleNamespace(waiting=0),
            parts=SimpleNamespace(inbox=inbox, clock=self.clock),
            alert=lambda severity, kind, _text: self.alerts.append((severity, kind)),
        )
        self.run = run
        self.watch = HaltWatch(run, Halts(self.folder), guard, heard=self.heard)
        self.person = Halts(self.folder)

    def heard(self) -> None:
        self.beats += 1

    def halt(self, scope: str, rung: Rung, reason: str = "by hand") -> None:
        self.person.halt(scope, rung, reason, "Ann", self.clock.now_ns())
        self.watch.look()

    def obey(self) -> None:
        """Do what the words say, as the run's loop would."""
        for word in self.words:
            if isinstance(word, OperatorWord):
                self.core.is_halted = word.code is not Operator.RESUME
                if word.done is not None:
                    word.done()
        self.words.clear()

    def order(self, name: str, intent: Intent, symbol: str = "SPY", strategy: str = "slow") -> LiveOrder:
        number = len(self.book.by_client) + 1
        request = OrderRequest(
            name, symbol, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, 1.0, intent=intent, number=number
        )
        order = LiveOrder(request, 0, 0, strategy, state=OrderState.WORKING)
        self.book.add(order)
        return order


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.mark.parametrize("scope", ["system", "account:A", "run:R"])
@pytest.mark.parametrize(
    ("rung", "code"),
    [(Rung.PAUSE, Operator.HALT), (Rung.CANCEL, Operator.CANCEL_ALL), (Rung.FLATTEN, Operator.FLATTEN)],
)
def test_a_halt_over_the_run_is_told_once_and_marked_when_it_is_carried_out(
    scene: Scene, scope: str, rung: Rung, code: Operator
) -> None:
    scene.halt(scope, rung)
    scene.watch.look()
    assert [(word.code, word.by) for word in scene.words] == [(code, "Ann")]
    assert scene.watch.heeded == ()
    scene.obey()
    (halt,) = scene.person.standing()
    assert scene.watch.heeded == (halt.mark,)
    assert scene.beats == 1
    scene.run.desk.waiting = 1  # a request of it has not left yet
    assert scene.watch.heeded == ()


@pytest.mark.parametrize("scope", ["account:B", "run:S", "strategy:S/slow", "symbol:R/IWM"])
def test_what_belongs_to_others_is_let_pass(scene: Scene, scope: str) -> None:
    scene.halt(scope, Rung.FLATTEN)
    assert scene.words == []


def test_a_rung_higher_is_another_order_and_a_lower_one_none(scene: Scene) -> None:
    scene.halt("run:R", Rung.PAUSE)
    scene.obey()
    scene.order("E", Intent.ENTRY)
    scene.clock.advance(1.0)
    scene.halt("run:R", Rung.CANCEL)
    assert [word.code for word in scene.words] == [Operator.CANCEL_ALL]
    scene.obey()
    scene.halt("run:R", Rung.PAUSE)
    assert scene.words == []


def test_it_is_lifted_only_when_no_halt_stands_and_in_the_name_of_who_did_it(scene: Scene) -> None:
    scene.halt("run:R", Rung.PAUSE)
    scene.halt("system", Rung.PAUSE)
    scene.obey()
    row = scene.person.clear("run:R", "Bob", 1)
    scene.watch.look()
    assert scene.words == []
    again = scene.person.clear("system", "Bob", 2)
    assert row is not None and again is not None
    scene.watch.restore([row, again])
    scene.watch.look()
    scene.watch.look()
    assert [(word.code, word.by) for word in scene.words] == [(Operator.RESUME, "Bob")]
    scene.obey()
    scene.watch.look()
    assert scene.words == []
    assert scene.watch.heeded == ()


def test_what_stays_open_is_tried_three_times_and_then_a_person_is_called(scene: Scene) -> None:
    scene.slots[0]["quantity"] = 5.0
    scene.halt("run:R", Rung.FLATTEN)
    told = len(scene.words)
    scene.obey()
    for _ in range(100):  # ten seconds
        scene.clock.advance(0.1)
        scene.watch.look()
        told += len(scene.words)
        scene.obey()
    assert told == 3
    assert scene.alerts == [(1, "halt_unfinished")]
    scene.slots[0]["exit_order"] = 7  # an exit is on its way
    scene.watch.look()
    assert scene.words == []


def test_a_halted_symbol_or_strategy_loses_its_own_entries_and_positions_only(scene: Scene) -> None:
    scene.order("E1", Intent.ENTRY)
    scene.order("E2", Intent.ENTRY, "QQQ", "fast")
    scene.order("P1", Intent.PROTECT)
    scene.slots["quantity"], scene.slots["strategy"] = [5.0, -3.0], [0, 1]
    scene.halt("symbol:R/SPY", Rung.CANCEL)
    assert [word.client_id for word in scene.words if isinstance(word, CancelWord)] == ["E1"]
    scene.words.clear()
    scene.halt("strategy:R/fast", Rung.FLATTEN)
    assert [word.client_id for word in scene.words if isinstance(word, CancelWord)] == ["E2"]
    (exit_word,) = [word for word in scene.words if isinstance(word, IntentWord)]
    row = exit_word.row[0]
    assert (row["instrument"], row["order"], row["code"], row["extra"]) == (1, 1, int(Side.BUY), int(Intent.EXIT))


def test_a_strategy_that_hung_is_disabled_whatever_the_rung(scene: Scene) -> None:
    scene.halt("strategy:R/fast", Rung.PAUSE, f"{HUNG}; it is not called again in this run")
    assert [(word.code, word.order) for word in scene.words] == [(Operator.DISABLE, 1)]


def test_a_halt_that_stood_before_a_restart_is_not_told_again(tmp_path: Path) -> None:
    Halts(tmp_path / "t.db.halts").halt("system", Rung.CANCEL, "by hand", "Ann", 5)
    scene = Scene(tmp_path)
    scene.core.is_halted = True  # its tape said so
    scene.watch.look()
    assert scene.words == []
    assert len(scene.watch.heeded) == 1


def test_a_row_without_a_file_is_a_halt_too(scene: Scene) -> None:
    scene.watch._halts.restore([GuardRow("run:R", "HALTED", "PAUSE: by hand", "Ann", 3)])  # noqa: SLF001 - as the guard does
    scene.watch.look()
    assert [word.code for word in scene.words] == [Operator.HALT]
