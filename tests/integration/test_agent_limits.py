"""Limits of an agent that look at the signal, the sector and daily returns: kept on a run as on the page (113, 120)."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_runs import tidemill

from tidemill.services.home import find_home, read_store

SURE = '''"""Buys once and says how sure it is."""

from __future__ import annotations

from tidemill import Memory, Param, Strategy, buy


class Sure(Strategy):
    """Buy on one bar."""

    sure = Param(0.0, low=0.0, high=100.0)
    first = Param(45, low=1, high=1000)
    count = Memory(0)

    def step(me, bar, order):
        me.count += 1
        if me.count == me.first:
            buy(order, confidence=me.sure)
'''
DAYS = 60


def write_days(folder: Path) -> list[str]:
    """Write daily bars of two symbols that move alike and of one that does not."""
    chance = np.random.default_rng(3)
    shared, own = chance.normal(0.0, 0.01, DAYS), chance.normal(0.0, 0.01, DAYS)
    names = []
    for name, moves in (("AAA", shared), ("BBB", 0.9 * shared + 0.1 * own), ("CCC", own)):
        close = 100.0 * np.cumprod(1.0 + moves)
        days = np.arange("2024-01-02", "2024-12-31", dtype="datetime64[D]")
        days = days[np.is_busday(days)][:DAYS]
        rows = [f"{day},{p:.2f},{p:.2f},{p:.2f},{p:.2f},1000000" for day, p in zip(days, close, strict=True)]
        (folder / f"{name}.csv").write_text("\n".join(["date,open,high,low,close,volume", *rows]) + "\n")
        names.append(f"{name}.csv")
    return names


def run(folder: Path, symbols: tuple[str, ...], tail: str, **params: float) -> dict[str, Any]:
    """Run an agent over the daily bars and return what it said last."""
    folder.mkdir(exist_ok=True)
    files = write_days(folder)
    (folder / "sure.py").write_text(SURE, encoding="utf-8")
    chosen = "\n".join(f"{name} = {value}" for name, value in params.items())
    wanted = json.dumps([f"{name}" for name in symbols])
    text = (
        f'schema = 1\nstrategy = "sure.py"\n[params]\n{chosen}\n[data]\nfiles = {json.dumps(files)}\n'
        f'symbols = {wanted}\n[settings]\nsizing = "percent:20"\n{tail}'
    )
    (folder / "agent.toml").write_text(text, encoding="utf-8")
    words = ("--data-dir", folder / "home", "--run-id", "r", "--json")
    outcome = tidemill("run", folder / "agent.toml", *words)
    assert outcome.code == 0, outcome.err
    last: dict[str, Any] = json.loads(outcome.out.splitlines()[-1])
    return last


@pytest.mark.parametrize(
    ("sure", "fills", "sentence"),
    [(80.0, 1, ""), (60.0, 0, "Confidence 60 is below 75"), (0.0, 0, "states no confidence")],
)
def test_a_signal_has_to_be_sure_enough(tmp_path: Path, sure: float, fills: int, sentence: str) -> None:
    last = run(tmp_path, ("AAA",), "[limits.account]\nmin_confidence = 75.0\n", sure=sure)
    assert last["fills"] == fills
    assert all(sentence in text for text in last["refused"])
    assert bool(last["refused"]) is bool(sentence)


def test_a_live_strategy_executes_only_signals_of_sixty_percent_strength(tmp_path: Path) -> None:
    """Feature 41: the shipped strategy of three opinions states its strength, and weak signals are seen, not traded."""
    chance = np.random.default_rng(12)
    days = np.arange("2018-01-02", "2024-12-31", dtype="datetime64[D]")
    days = days[np.is_busday(days)][:900]
    closes = 100.0 * np.exp(np.cumsum(0.02 * chance.standard_normal(len(days))))
    rows = [f"{day},{p:.2f},{p:.2f},{p:.2f},{p:.2f},1000000" for day, p in zip(days, closes, strict=True)]
    (tmp_path / "AAA.csv").write_text("\n".join(["date,open,high,low,close,volume", *rows]) + "\n")
    windows = "fast_window = 4\nslow_window = 6\nrsi_window = 3\nmacd_fast_window = 2\nmacd_slow_window = 5\n"
    text = (
        f'schema = 1\nstrategy = "rule_based"\n[params]\n{windows}macd_signal_window = 3\n[data]\nfiles = ["AAA.csv"]\n'
    )
    caps = "[limits.strategy]\nmax_position_usd = 1e9\nmax_positions = 5\ndaily_loss_limit_usd = 1e9\n"
    limit = {"free": caps + "min_strength = 0.0\n", "usual": caps}
    seen: dict[str, list[tuple[float, str]]] = {}
    for name, tail in limit.items():
        (tmp_path / f"{name}.toml").write_text(text + tail, encoding="utf-8")
        outcome = tidemill("run", tmp_path / f"{name}.toml", "--data-dir", tmp_path / name, "--run-id", "r", "--json")
        assert outcome.code == 0, outcome.err
        with closing(sqlite3.connect(tmp_path / name / "tidemill.db")) as database:
            seen[name] = database.execute("SELECT strength, status FROM signals WHERE strength > 0").fetchall()
            trips = database.execute("SELECT confidence_pct / 100 FROM round_trips").fetchall()
        assert {round(sure, 9) for (sure,) in trips} <= {round(strength, 9) for strength, _ in seen[name]}
    free, usual = (dict(seen[name]) for name in limit)
    assert min(free) < 0.6 < max(free) and "REJECTED" not in free.values()
    assert {status == "REJECTED" for strength, status in usual.items() if strength < 0.6} == {True}
    assert {status == "REJECTED" for strength, status in usual.items() if strength >= 0.6} == {False}


def test_what_moves_like_what_is_held_is_refused(tmp_path: Path) -> None:
    limit = "[limits.account]\nmax_correlation = 0.7\n"
    alike = run(tmp_path / "alike", ("AAA", "BBB"), limit)
    assert alike["fills"] == 1
    (text,) = alike["refused"]
    assert "correlation" in text and "exceeds 0.7" in text
    assert run(tmp_path / "apart", ("AAA", "CCC"), limit)["fills"] == 2
    assert run(tmp_path / "free", ("AAA", "BBB"), "")["fills"] == 2


def test_without_daily_returns_nothing_is_added_and_the_sentence_says_what_to_load(tmp_path: Path) -> None:
    early = run(tmp_path, ("AAA", "CCC"), "[limits.account]\nmax_correlation = 0.7\n", first=10)
    assert early["fills"] == 1
    (text,) = early["refused"]
    assert "8 common days" in text and "at least 21 earlier trading days" in text


def test_sectors_come_from_the_instruments_settings(tmp_path: Path) -> None:
    limit = "[limits.account]\nmax_sector_pct = 30.0\n"
    same = '[instrument]\nsector = "technology"\n'
    apart = '[instrument]\nsector = "AAA=technology,BBB=energy"\n'
    one = run(tmp_path / "same", ("AAA", "BBB"), limit + same)
    assert one["fills"] == 1 and "sector technology" in str(one["refused"])
    assert run(tmp_path / "apart", ("AAA", "BBB"), limit + apart)["fills"] == 2
    unknown = run(tmp_path / "unknown", ("AAA", "BBB"), limit)
    assert unknown["fills"] == 0 and "name them" in str(unknown["refused"])


def test_a_loss_halts_when_it_is_made_and_not_at_the_next_order(tmp_path: Path) -> None:
    limit = "stop_loss = 0.2\n[limits.account]\nmax_daily_loss_usd = 5.0\nauto_halt = true\n"
    last = run(tmp_path, ("AAA",), limit, first=10)
    assert last["fills"] == 2 and last["refused"] == {}  # in, out by the stop; nothing was asked for afterwards
    with read_store(find_home(tmp_path / "home")) as store:
        halts = [row for row in store.guard() if row.scope.startswith("account:")]
    assert len(halts) == 1 and "daily_loss" in halts[0].reason
