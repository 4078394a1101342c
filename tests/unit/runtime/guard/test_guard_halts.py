"""The kill switch: three rungs, two places, any process, one named person to lift it (promises 11 and 17)."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tidemill.model.errors import ConfigError
from tidemill.model.journal import GuardRow
from tidemill.runtime.guard.halts import AUTOMATIC, Halts, Rung, halt_folder

SCOPES = ("system", "account:A1", "run:R1", "strategy:R1/s", "symbol:R1/AAPL")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return halt_folder(tmp_path / "tidemill.db")


def test_nothing_is_halted_at_first(folder: Path) -> None:
    assert Halts(folder).find(SCOPES) is None
    assert Halts(folder).standing() == ()


@pytest.mark.parametrize("rung", list(Rung))
def test_a_halt_survives_in_the_file_and_in_the_table(folder: Path, tmp_path: Path, rung: Rung) -> None:
    row = Halts(folder).halt("account:A1", rung, "enough", "ana", 5)
    assert row is not None
    by_file = Halts(folder).find(SCOPES)
    by_row = Halts(tmp_path / "elsewhere")
    by_row.restore([row])
    assert by_file == by_row.find(SCOPES)
    assert by_file is not None and (by_file.rung, by_file.by, by_file.at_ns) == (rung, "ana", 5)
    assert by_row.find(("system", "account:A2")) is None


def test_twice_is_once_and_rungs_only_rise_o3(folder: Path) -> None:
    halts = Halts(folder)
    assert halts.halt("system", Rung.CANCEL, "first", "ana", 1) is not None
    assert halts.halt("system", Rung.CANCEL, "again", "bob", 2) is None
    assert halts.halt("system", Rung.PAUSE, "less", "bob", 3) is None
    assert halts.halt("system", Rung.FLATTEN, "more", "bob", 4) is not None
    found = halts.find(SCOPES)
    assert found is not None and (found.rung, found.by) == (Rung.FLATTEN, "bob")
    assert len(halts.standing()) == 1


@pytest.mark.parametrize("name", [*sorted(AUTOMATIC), "  ", "Watchdog"])
def test_only_a_named_person_lifts_it(folder: Path, name: str) -> None:
    halts = Halts(folder)
    halts.halt("system", Rung.PAUSE, "enough", "guard", 1)
    with pytest.raises(ConfigError, match="named person"):
        halts.clear("system", name, 2)
    assert halts.find(SCOPES) is not None


def test_a_person_lifts_it_everywhere(folder: Path) -> None:
    engine, api = Halts(folder), Halts(folder)
    row = engine.halt("system", Rung.FLATTEN, "enough", "guard", 1)
    assert row is not None
    engine.restore([row])
    cleared = api.clear("system", "ana", 2)
    assert cleared == GuardRow("system", "CLEAR", "", "ana", 2)
    assert api.clear("system", "ana", 3) is None
    engine.restore([cleared])
    assert engine.find(SCOPES) is None and list(folder.iterdir()) == []


def test_lifting_one_scope_leaves_the_others(folder: Path) -> None:
    halts = Halts(folder)
    halts.halt("system", Rung.PAUSE, "a", "ana", 1)
    halts.halt("run:R1", Rung.CANCEL, "b", "ana", 1)
    halts.clear("system", "ana", 2)
    found = halts.find(SCOPES)
    assert found is not None and found.scope == "run:R1"


def test_an_older_clear_in_the_table_does_not_lift_a_newer_halt_of_ours(folder: Path) -> None:
    halts = Halts(folder)
    halts.halt("system", Rung.PAUSE, "enough", "guard", 10)
    for path in folder.iterdir():
        path.unlink()
    halts.restore([GuardRow("system", "CLEAR", "", "ana", 9)])
    assert halts.find(SCOPES) is not None
    halts.restore([GuardRow("system", "CLEAR", "", "ana", 11)])
    assert halts.find(SCOPES) is None


def test_a_row_of_a_state_nobody_knows_halts(folder: Path) -> None:
    halts = Halts(folder)
    halts.restore([GuardRow("system", "SOMETHING_NEW", "", "ana", 9)])
    assert halts.find(SCOPES) is not None


@pytest.mark.parametrize(
    ("reason", "rung", "said"),
    [("FLATTEN: all of it", Rung.FLATTEN, "all of it"), ("enough", Rung.PAUSE, "enough"), ("a: b", Rung.PAUSE, "a: b")],
)
def test_a_row_carries_its_rung_before_its_reason(folder: Path, reason: str, rung: Rung, said: str) -> None:
    halts = Halts(folder)
    halts.restore([GuardRow("system", "HALTED", reason, "ana", 9)])
    found = halts.find(SCOPES)
    assert found is not None and (found.rung, found.reason) == (rung, said)


def test_an_unknown_scope_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError):
        Halts(folder).halt("everything", Rung.PAUSE, "enough", "ana", 1)


@pytest.mark.parametrize("body", ["", "stop!", "[]", '{"scope": 5}', '{"scope": "run:R9", "rung": 9}'])
def test_a_file_nobody_can_read_halts_everything(folder: Path, body: str) -> None:
    halts = Halts(folder)
    (folder / "stop").write_text(body)
    found = halts.find(("system",))
    assert found is not None and found.rung is Rung.PAUSE
    assert halts.clear("system", "ana", 1) is not None
    assert halts.find(SCOPES) is None


def test_a_folder_that_is_gone_halts_everything(folder: Path) -> None:
    halts = Halts(folder)
    folder.rmdir()
    assert halts.find(("system",)) is not None


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made"):
        Halts(tmp_path / "file" / "halts")


def test_another_process_halts_with_the_database_locked_k6_promise_17(folder: Path) -> None:
    database = folder.with_name("tidemill.db")
    engine = Halts(folder)
    lock = sqlite3.connect(database, isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")
        code = (
            "import sys; from pathlib import Path; from tidemill.runtime.guard.halts import Halts, Rung;"
            "Halts(Path(sys.argv[1])).halt('system', Rung.FLATTEN, 'enough', 'ana', 7)"
        )
        subprocess.run([sys.executable, "-c", code, str(folder)], check=True, timeout=300)
        found = engine.find(("system",))
        assert found is not None and found.rung is Rung.FLATTEN
    finally:
        lock.close()


def test_two_processes_halting_at_once_make_one_file(folder: Path) -> None:
    first, second = Halts(folder), Halts(folder)
    first.halt("system", Rung.PAUSE, "mine", "ana", 1)
    second.halt("system", Rung.PAUSE, "mine too", "bob", 1)
    assert len(list(folder.iterdir())) == 1


def test_a_halt_holds_here_even_when_the_disk_does_not_take_it_k1(folder: Path) -> None:
    halts = Halts(folder)
    folder.rmdir()
    with pytest.raises(FileNotFoundError):
        halts.halt("run:R1", Rung.PAUSE, "enough", "guard", 1)
    folder.mkdir()
    assert halts.find(SCOPES) is not None
