"""Use case: explain and prove runs to their owners."""

from __future__ import annotations

from typing import Any

from tidemill.adapters.sql.database import Database
from tidemill.model.agent import parse_instant
from tidemill.model.errors import StoreError
from tidemill.model.intervals import parse_interval
from tidemill.services.fleet.refusals import not_now
from tidemill.services.fleet.runs import OwnedRun
from tidemill.services.home import Home
from tidemill.services.parity import parity_of
from tidemill.services.recorded import RecordedRun, blueprint_of, read_recorded
from tidemill.services.why import explain

__all__ = ["explain_bar", "prove_parity"]


def _recorded(home: Home, database: Database, run: OwnedRun) -> RecordedRun:
    """Return a run's record.

    Raises:
        Refused: it has none yet. TapeBroken: it does not add up.
    """
    if database.store.run(run.run_id) is None:
        raise not_now(f"The run {run.run_id} has no record yet; ask again once it has begun.")
    try:
        return read_recorded(database.store, home.runs, run.run_id)
    except StoreError as error:
        if run.is_active:  # its files grow while they are read
            raise not_now(f"The record of {run.run_id} cannot be read while it grows; stop the run first.") from error
        raise


def explain_bar(
    home: Home, database: Database, run: OwnedRun, symbol: str, at: str, interval: str = ""
) -> dict[str, Any]:
    """Return the explanation of one bar as plain values.

    Raises:
        Refused: there is no record yet. DataError, UnknownName: there is no such bar. ConfigError: time or size.
    """
    at_ns, size = parse_instant(at, "The time"), parse_interval(interval) if interval else 0
    recorded = _recorded(home, database, run)
    report = explain(recorded, blueprint_of(recorded), symbol, at_ns, size)
    found: dict[str, Any] = report.document()
    return found


def prove_parity(home: Home, database: Database, run: OwnedRun) -> dict[str, Any]:
    """Return how a fresh core decides over a run's tape, as plain values.

    Raises:
        Refused: there is no record yet. TapeBroken: it does not add up.
    """
    recorded = _recorded(home, database, run)
    found: dict[str, Any] = parity_of(recorded, blueprint_of(recorded)).document()
    return found
