"""What the record says about a run: positions out of fills, and whether its engine lives."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidemill.adapters.sql.opening import open_store
from tidemill.model.errors import ConfigError, StoreError, UnknownName
from tidemill.model.journal import Batch, FillEntry, RunRow
from tidemill.services.home import find_home, read_store
from tidemill.services.run_records import find_run, list_runs, positions_of

SECOND = 1_000_000_000


def fill(number: int, side: str, quantity: str, price: str, *, symbol: str = "A", kind: str = "real") -> FillEntry:
    return FillEntry(
        "paper", "P", str(number), "r", "c", symbol, side, quantity, price, 0, number * SECOND, number, kind, "s"
    )


@pytest.mark.parametrize(
    ("fills", "quantity", "average", "opened", "count"),
    [
        ([("BUY", "10", "5")], "10", "5", 1, 1),
        ([("BUY", "10", "5"), ("BUY", "30", "9")], "40", "8", 1, 2),
        ([("BUY", "10", "5"), ("SELL", "4", "9")], "6", "5", 1, 2),
        ([("BUY", "10", "5"), ("SELL", "15", "9")], "-5", "9", 2, 1),
        ([("SELL", "0.1", "5"), ("SELL", "0.2", "6.5")], "-0.3", "6", 1, 2),
        ([("BUY", "10", "5"), ("SELL", "10", "9"), ("BUY", "2", "7")], "2", "7", 3, 1),
        ([("BUY", "3", "1"), ("BUY", "3", "2"), ("SELL", "3", "9")], "3", "1.5", 1, 3),
    ],
)
def test_positions_are_what_fills_leave(
    fills: list[tuple[str, str, str]], quantity: str, average: str, opened: int, count: int
) -> None:
    (line,) = positions_of([fill(number, *values) for number, values in enumerate(fills, 1)])
    assert (line.quantity, line.average_price) == (quantity, average)
    assert (line.opened_ns, line.fills) == (opened * SECOND, count)


def test_closed_and_busted_positions_are_gone() -> None:
    assert positions_of([fill(1, "BUY", "10", "5"), fill(2, "SELL", "10", "6")]) == []
    assert positions_of([fill(1, "BUY", "10", "5"), fill(1, "BUY", "10", "5", kind="bust")]) == []
    lines = positions_of([fill(1, "BUY", "1", "5", symbol="B"), fill(2, "BUY", "1", "5", symbol="A")])
    assert [line.symbol for line in lines] == ["A", "B"]


def row(run_id: str, state: str, started_ns: int) -> RunRow:
    return RunRow(run_id, "agent", "{}", "", "paper", "paper", "P", "1", state, "", started_ns)


def test_a_run_nobody_hears_of_is_called_dead(tmp_path: Path) -> None:
    home = find_home(tmp_path)
    with pytest.raises(StoreError, match="There are no runs in"):
        read_store(home)
    with open_store(home.url, migrate=True) as store:
        with pytest.raises(ConfigError, match="no runs yet"):
            find_run(store)
        old, done, new = (
            row("old", "RUNNING", SECOND),
            row("done", "COMPLETED", 2 * SECOND),
            row("new", "RUNNING", 3 * SECOND),
        )
        store.commit(Batch(runs=[old, done, new]))
        store.heartbeat("run:old", 50 * SECOND, "{}")

        def states(now_s: int) -> dict[str, str]:
            return {line.run_id: line.state for line in list_runs(store, now_s * SECOND)}

        assert states(7) == {"new": "RUNNING", "done": "COMPLETED", "old": "RUNNING"}
        assert states(53) == {"new": "DEAD", "done": "COMPLETED", "old": "RUNNING"}
        assert states(56) == {"new": "DEAD", "done": "COMPLETED", "old": "DEAD"}
        dead = list_runs(store, 56 * SECOND)[0]
        assert "--run-id new goes on" in dead.message
        assert find_run(store).run_id == "new"
        assert find_run(store, "old").run_id == "old"
        with pytest.raises(UnknownName, match="did you mean old"):
            find_run(store, "olds")


def test_data_lie_where_they_are_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIDEMILL_HOME", raising=False)
    assert find_home().folder == tmp_path / ".tidemill"
    assert find_home().halts == tmp_path / ".tidemill" / "tidemill.db.halts"
    monkeypatch.setenv("TIDEMILL_HOME", str(tmp_path / "there"))
    assert find_home().runs == tmp_path / "there" / "runs"
    assert find_home("here").url == f"sqlite:///{tmp_path / 'here' / 'tidemill.db'}"
    elsewhere = find_home("here", "postgresql://user@host/name")
    assert elsewhere.halts == tmp_path / "here" / "tidemill.db.halts"
    with pytest.raises(ConfigError, match="take SQLite or PostgreSQL"):
        find_home("here", "mysql://host/name")
