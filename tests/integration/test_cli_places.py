"""Verbs of runs look where the service looks: options first, then environment, .env and tidemill.toml of the folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_runs import tidemill

from tidemill.runtime.guard.halts import Halts
from tidemill.services.home import find_home


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("TIDEMILL_HOME", "TIDEMILL_DATABASE_URL", "DATABASE_URL", "DATABASE_PATH", "DB_PATH"):
        monkeypatch.delenv(name, raising=False)


def say(folder: Path, how: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name the database by its file, in one of the places where the service looks."""
    if how == "environment":
        monkeypatch.setenv("DATABASE_PATH", str(path))
    elif how == ".env":
        (folder / ".env").write_text(f"DATABASE_PATH={path}\n", encoding="utf-8")
    else:
        (folder / "tidemill.toml").write_text(f'[service]\ndatabase_path = "{path}"\n', encoding="utf-8")


@pytest.mark.parametrize("how", ["environment", ".env", "tidemill.toml"])
def test_a_run_and_the_verbs_about_it_find_the_database_of_the_service(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "elsewhere" / "trades.db"
    path.parent.mkdir()
    say(tmp_path, how, path, monkeypatch)
    agent = tmp_path / "agent.toml"
    agent.write_text('schema = 1\nname = "a"\nstrategy = "buy_and_hold"\n[feed]\nkind = "sample"\n', encoding="utf-8")
    assert tidemill("run", agent, "--run-id", "r").code == 0
    assert path.exists()
    assert not (tmp_path / ".tidemill" / "tidemill.db").exists()
    (line,) = json.loads(tidemill("runs", "--json").out)
    assert line["run_id"] == "r"
    tidemill("halt", "--by", "ann")
    stands = Halts(find_home(None, f"sqlite:///{path}").halts)
    assert stands.standing()
    other = tidemill("runs", "--database", f"sqlite:///{tmp_path / 'none.db'}")
    assert other.code != 0


def test_a_bad_setting_is_told_and_does_not_stand_in_the_way_of_a_halt(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("API_PORT=many\n", encoding="utf-8")
    assert "api_port" in tidemill("runs").err
    told = tidemill("halt", "--by", "ann")
    assert told.code == 0 and "all the same" in told.err
    assert Halts(find_home().halts).standing()
