"""Runs of the command line in processes of their own: killed, stopped, gone on with, and equal to the backtest."""

from __future__ import annotations

import csv
import json
import random
import signal
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from live_agents import SETTINGS, end, looks, recorded_fills, starter, write_agent
from tidemill.cli.agent_file import agent_of_tables
from tidemill.cli.main import main
from tidemill.services.demo import real_demo, write_market
from tidemill.services.home import find_home, read_store
from tidemill.services.live_demo import AGENT, begun_demo, paper_demo

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Return an agent's file over six simulated sessions, and the fills of `tidemill backtest` on the same."""
    folder = tmp_path_factory.mktemp("market")
    files = write_market(folder / "bars", symbols=("SIMA", "SIMB"), sessions=6)[:2]
    data = f"\n[data]\nfiles = {json.dumps([str(path) for path in files])}\n"
    (folder / "backtest.toml").write_text(SETTINGS + data, encoding="utf-8")
    tables = folder / "tables"
    words = ["backtest", "--config", folder / "backtest.toml", "--no-count", "--no-prefix-check", "-q"]
    assert main([str(word) for word in (*words, "--tables", tables)]) == 0
    return write_agent(folder / "agent.toml", tail=data), _backtest_fills(tables / "fills.csv")


@pytest.fixture
def start() -> Iterator[Start]:
    """Return what starts a command in a process of its own."""
    with starter() as started:
        yield started


def _backtest_fills(path: Path) -> list[str]:
    lines = []
    for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines()):
        at = datetime.fromisoformat(row["timestamp"])
        fee = round(float(row["fee"]) * 1_000_000)
        lines.append(
            f"{int(at.timestamp()) * 10**9},{row['symbol']},{row['side'].upper()},{float(row['quantity'])!r},"
            f"{float(row['price'])!r},{fee}"
        )
    return lines


@pytest.mark.parametrize("seed", [1, 2])
def test_a_run_killed_at_random_points_ends_as_the_backtest(
    market: tuple[Path, list[str]], start: Start, tmp_path: Path, seed: int
) -> None:
    agent, wanted = market
    chance = random.Random(seed)
    words = ("run", agent, "--run-id", "r", "--data-dir", tmp_path, "--json", "--refresh", 0)
    for _ in range(2):
        process = start(*words)
        # the pipe holds about ten looks, so a process that nobody reads from is never further ahead than that
        assert looks(process, chance.randint(2, 12))
        process.kill()
        assert end(process)[0] == -signal.SIGKILL
    kept = recorded_fills(tmp_path, "r")
    assert 0 < len(kept) < len(wanted)
    assert kept == wanted[: len(kept)]
    code, out, err = end(start(*words))
    assert (code, err) == (0, "")
    last = json.loads(out.splitlines()[-1])
    assert (last["state"], last["bars"], last["refused"]) == ("COMPLETED", last["bars_total"], {})
    assert recorded_fills(tmp_path, "r") == wanted


def test_a_run_that_is_told_to_stop_says_so_and_goes_on_later(
    market: tuple[Path, list[str]], start: Start, tmp_path: Path
) -> None:
    agent, wanted = market
    words = ("run", agent, "--run-id", "r", "--data-dir", tmp_path, "--json")
    process = start(*words, "--refresh", 0, "--speed", 1000)
    while looks(process, 1)[0]["bars"] < 40:
        pass
    process.send_signal(signal.SIGTERM)
    code, out, err = end(process)
    assert (code, err) == (0, "")
    last = json.loads(out.splitlines()[-1])
    assert last["state"] == "STOPPED"
    assert 40 <= last["bars"] < last["bars_total"]
    with read_store(find_home(tmp_path)) as store:
        run = store.run("r")
        assert run is not None and (run.state, run.message) == ("STOPPED", "")
    assert main(["run", str(agent), "--resume", "--data-dir", str(tmp_path)]) == 0
    assert recorded_fills(tmp_path, "r") == wanted


def test_two_engines_never_work_on_one_run(market: tuple[Path, list[str]], start: Start, tmp_path: Path) -> None:
    agent, _ = market
    words = ("run", agent, "--data-dir", tmp_path, "--run-id", "r", "--json", "--refresh", 0)
    first = start(*words, "--speed", 1000)
    assert looks(first, 1)
    code, out, err = end(start(*words))
    assert (code, out) == (22, "")
    assert err.startswith("Error: Another Tidemill engine runs on")
    assert first.poll() is None


def test_the_demonstration_is_killed_and_proves_itself(tmp_path: Path) -> None:
    with begun_demo(tmp_path / "demo") as process:
        paper = paper_demo(tmp_path / "demo", process)
    assert paper.bars // 2 <= paper.killed_at < paper.bars
    assert 0 < paper.kept_fills < paper.fills == 45
    assert paper.state == "COMPLETED"
    assert (paper.ledger.fills, paper.ledger.entries) == (45, 136)  # a deposit; units, cash and fee of each fill
    assert paper.ledger.read_rows > 45
    decisions = paper.decisions
    assert (decisions.orders, decisions.waiting, decisions.first_difference) == (45, 0, None)
    assert decisions.percent == 100.0


def test_the_demonstration_trades_what_its_backtest_does() -> None:
    spec = agent_of_tables(tomllib.loads(AGENT))
    record: Any = real_demo().result.record
    assert spec.run.as_dict() == record.config["run"]
