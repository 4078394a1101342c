"""Halts, breakers and violations in the real durable record, across a restart and beside a locked database."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from tidemill.adapters.sql.opening import open_store
from tidemill.model.errors import GuardRefusal
from tidemill.model.journal import Batch
from tidemill.runtime.guard.halts import Halts, Rung, halt_folder
from tidemill.runtime.guard.heartbeat import Beat, write_beat
from tidemill.runtime.watch.watchdog import Watchdog
from unit.runtime.guard.guard_facts import DAY, EQUITY, MICROS, NOW, account, facts, guard, order, scope_facts
from unit.runtime.watch.test_watch_watchdog import Account, VirtualClock, shown


def test_halts_and_breakers_come_back_from_the_table_p1(tmp_path: Path) -> None:
    url, halts = f"sqlite:///{tmp_path}/t.db", Halts(tmp_path / "first")
    asked = guard(account(max_daily_loss_usd=500.0), halts=halts)
    with pytest.raises(GuardRefusal):
        asked.approve(order(), facts(scope=scope_facts(equity_micros=EQUITY - 500 * MICROS)))
    batch = Batch()
    asked.drain(batch)
    row = halts.halt("run:R1", Rung.FLATTEN, "enough", "ana", NOW)
    assert row is not None
    batch.guard.append(row)
    with open_store(url, migrate=True) as store:
        store.commit(batch)
    with open_store(url) as store:
        rows = store.guard()
    elsewhere = Halts(tmp_path / "second")
    again = guard(halts=elsewhere)
    again.restore(rows)
    found = elsewhere.find(("run:R1",))
    assert found is not None and (found.rung, found.by, found.reason) == (Rung.FLATTEN, "ana", "enough")
    cleared = elsewhere.clear("run:R1", "ana", NOW + 1)
    with open_store(url) as store:
        store.commit(Batch(guard=[cleared] if cleared else []))
        again.restore(store.guard())
    with pytest.raises(GuardRefusal) as caught:
        again.approve(order(), facts())
    assert caught.value.code == "latched"
    assert f"D{DAY}" in next(row.scope for row in rows if row.scope.startswith("breaker:"))


def test_the_watchdog_cancels_beside_a_locked_sqlite_file_k6(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    account_there, clock, beat = Account({}, [shown("E")]), VirtualClock(), tmp_path / "t.db.beat"
    told: list[str] = []

    async def alert(_severity: int, kind: str, _text: str) -> None:
        told.append(kind)

    with open_store(f"sqlite:///{path}", migrate=True, patience_ms=10) as store:
        dog = Watchdog(
            "A1",
            "paper",
            broker=account_there,
            store=store,
            clock=clock,
            halts=Halts(halt_folder(path)),
            alert=alert,
            beat_file=beat,
        )
        lock = sqlite3.connect(path, isolation_level=None)
        try:
            lock.execute("BEGIN EXCLUSIVE")
            for second in range(60):
                if second < 20:
                    write_beat(beat, Beat(second, clock.now))
                asyncio.run(dog.look())
                clock.pass_time(1.0)
        finally:
            lock.close()
    assert account_there.cancelled == ["E"]
    assert told == ["engine_silent", "watchdog_cancelled"]
