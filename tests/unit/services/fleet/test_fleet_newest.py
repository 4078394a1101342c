"""The newest rows of many runs are those a sort of all rows would give."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from tidemill.adapters.sql.database import Database
from tidemill.adapters.sql.opening import open_store
from tidemill.adapters.sql.service_tables import RUN_OWNERS
from tidemill.adapters.sql.tables import FILLS
from tidemill.model.people import UserScope
from tidemill.runtime.clock import SystemClock, SystemIds
from tidemill.services.fleet.newest import newest_rows
from tidemill.services.fleet.runs import OwnedRun, Runs
from tidemill.services.home import Home

RUNS, FILLS_OF_ONE = 9, 40


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Database:
    """Nine runs of one person and one of somebody else; many fills at the same instants, one run without any."""
    url = f"sqlite:///{tmp_path_factory.mktemp('newest') / 'tidemill.db'}"
    open_store(url, migrate=True).close()
    made, rng = Database(url), random.Random(5)
    with made.write() as writing:
        for run in range(RUNS + 1):
            texts = dict.fromkeys(("agent_id", "face", "mode", "message"), "x")
            whole = dict.fromkeys(("agent_version", "started_ns", "ended_ns", "updated_ns"), run)
            own = {"run_id": f"r{run}", "user_id": 1 + run // RUNS, "slot": -1, "wanted": "RUN", "status": "RUNNING"}
            writing.run(insert(RUN_OWNERS).values(texts | whole | own))
            for fill in range(0 if run == 3 else FILLS_OF_ONE):
                texts = dict.fromkeys(("broker", "account", "client_id", "kind", "strategy", "flags"), "x")
                numbers = {"fee_micros": 0, "ts_ns": rng.randrange(1, 90), "seq": fill}
                own = {"exec_id": f"{run}-{fill}", "run_id": f"r{run}", "symbol": rng.choice("AB"), "side": "BUY"}
                row = texts | numbers | own | {"quantity": "1", "price": "2"}
                writing.run(insert(FILLS).values(row))
    return made


def runs_of(database: Database) -> Sequence[OwnedRun]:
    home = Home(Path(str(database.file)).parent, database.url)
    return Runs(home, database, SystemClock(), SystemIds()).list(UserScope(1))


@pytest.mark.parametrize(("limit", "offset"), [(1, 0), (10, 0), (10, 35), (100, 300), (1_000, 0), (5, 400), (2_000, 7)])
@pytest.mark.parametrize("symbol", ["", "B"])
@pytest.mark.parametrize("chosen", [slice(None), slice(1, 4), slice(0, 1), slice(0, 0)])
def test_a_page_is_that_of_a_sort(database: Database, chosen: slice, symbol: str, limit: int, offset: int) -> None:
    runs = runs_of(database)[chosen]
    where = [FILLS.c.symbol == symbol] if symbol else []
    whole = select(FILLS).where(FILLS.c.run_id.in_([run.run_id for run in runs]), *where)
    whole = whole.order_by(FILLS.c.ts_ns.desc(), FILLS.c.number.desc()).limit(limit).offset(offset)
    found = newest_rows(database, FILLS, runs, "ts_ns", limit, offset, *where)
    assert [dict(row) for row in found] == [dict(row) for row in database.rows(whole)]


def test_there_is_something_to_sort(database: Database) -> None:
    runs = runs_of(database)
    assert len(runs) == RUNS
    instants = database.row(select(func.count(FILLS.c.ts_ns.distinct()).label("count")).select_from(FILLS))
    assert instants is not None and instants["count"] < RUNS * FILLS_OF_ONE / 3
