"""Runs: listed, looked at, paused, stopped, explained; and the ticks they listen to."""

# ruff: noqa: FAST003 - the name in the path is taken by the dependency `FoundRun`

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request

from tidemill.model.people import Role
from tidemill.services.access.audit import record
from tidemill.services.fleet.expecting import check_expected
from tidemill.services.fleet.explaining import explain_bar, prove_parity
from tidemill.services.fleet.runs import OwnedRun
from tidemill.web.access import Caller, Scope, rule
from tidemill.web.halted import check_halts
from tidemill.web.near import near
from tidemill.web.once import OnceRoute
from tidemill.web.parts import parts_of
from tidemill.web.runs.schemas import (
    EquityOut,
    EquityPoint,
    ParityOut,
    RunDetailOut,
    RunOut,
    RunsOut,
    TapeOut,
    WhyOut,
)
from tidemill.web.times import iso_utc
from tidemill.web.wishes import ExpectedIn

__all__ = ["FoundRun", "router"]

router = APIRouter(route_class=OnceRoute)

_Limit = Annotated[int, Query(ge=1, le=1_000)]
_Offset = Annotated[int, Query(ge=0, le=1_000_000)]
_HEAVY = 12  # a minute: these live a whole run again


@near
def _find(request: Request, scope: Scope, run_id: Annotated[str, Path(min_length=1, max_length=100)]) -> OwnedRun:
    return parts_of(request).fleet.runs.get(scope, run_id)


FoundRun = Annotated[OwnedRun, Depends(_find)]


@router.get("", **rule(Role.VIEWER, "self"))
def list_runs(
    request: Request,
    scope: Scope,
    *,
    face: Literal["agent", "live_strategy", "session", "manual"] | None = None,
    active: bool = False,
    limit: _Limit = 100,
    offset: _Offset = 0,
) -> RunsOut:
    """Return one's runs, newest first; of a face, only those that take a place of the tier, if asked."""
    runs = parts_of(request).fleet.runs.list(scope, face=face or "", only_active=active, limit=limit, offset=offset)
    return RunsOut(runs=[RunOut.of(run) for run in runs])


@router.get("/{run_id}", **rule(Role.VIEWER, "row"))
def get_run(request: Request, scope: Scope, found: FoundRun) -> RunDetailOut:
    """Return a run and how it fares."""
    fleet = parts_of(request).fleet
    spec = fleet.runs.spec(scope, found)
    money, row, seen = fleet.facts.portfolio(found, spec.run.cash), fleet.facts.record(found), fleet.facts.view(found)
    return RunDetailOut(
        run=RunOut.of(found),
        symbols=list(spec.symbols),
        feed="SIMULATED" if spec.feed.kind == "synthetic" else spec.feed.kind,
        build=row["build"] if row is not None else None,
        cash=money.cash,
        equity=money.equity,
        daily_pnl=money.daily_pnl,
        total_pnl=money.total_pnl,
        exposure=money.exposure,
        open_trades=money.open_trades,
        events=int(seen.get("events", 0)),
        bars=int(seen.get("bars", 0)),
        orders=int(seen.get("orders", 0)),
        fills=int(seen.get("fills", 0)),
        seen_at=iso_utc(seen["at_ns"]) if "at_ns" in seen else None,
    )


@router.post("/{run_id}/stop", **rule(Role.TRADER, "row"))
def stop_run(request: Request, caller: Caller, found: FoundRun) -> RunOut:
    """End a run; its record stays."""
    parts = parts_of(request)
    record(parts.database, caller, "run.stop", found.run_id)
    return RunOut.of(parts.fleet.runs.stop(caller.scope, found.run_id))


@router.post("/{run_id}/pause", **rule(Role.TRADER, "row", errors=(409,)))
def pause_run(request: Request, caller: Caller, found: FoundRun) -> RunOut:
    """Let a run go on looking without new entries; exits stay at work."""
    parts = parts_of(request)
    record(parts.database, caller, "run.pause", found.run_id)
    return RunOut.of(parts.fleet.runs.pause(caller.scope, found.run_id))


@router.post("/{run_id}/resume", **rule(Role.TRADER, "row", errors=(409, 423)))
def resume_run(request: Request, caller: Caller, found: FoundRun, body: ExpectedIn | None = None) -> RunOut:
    """Let a paused run trade again."""
    parts = parts_of(request)
    check_expected((body or ExpectedIn()).expected(), found.mode, [found.account])
    check_halts(parts, found)
    record(parts.database, caller, "run.resume", found.run_id)
    return RunOut.of(parts.fleet.runs.resume(caller.scope, found.run_id))


@router.get("/{run_id}/equity", **rule(Role.VIEWER, "row"))
def get_equity(request: Request, found: FoundRun, limit: _Limit = 1_000) -> EquityOut:
    """Return the newest points of equity, oldest first."""
    rows = parts_of(request).fleet.facts.snapshots([found], limit)
    return EquityOut(
        points=[
            EquityPoint(
                at=iso_utc(row["at_ns"]),
                equity=row["equity_micros"] / 1e6,
                cash=row["cash_micros"] / 1e6,
                exposure=(row["exposure_micros"] or 0) / 1e6,
            )
            for row in reversed(rows)
        ]
    )


@router.get("/{run_id}/tape", **rule(Role.VIEWER, "row"))
def get_tape(request: Request, found: FoundRun) -> TapeOut:
    """Return where the tape of a run stands."""
    return TapeOut(run_id=found.run_id, **parts_of(request).fleet.facts.tape(found))


@router.get("/{run_id}/why", **rule(Role.VIEWER, "row", errors=(409,), per_minute=_HEAVY))
def get_why(
    request: Request,
    found: FoundRun,
    symbol: Annotated[str, Query(min_length=1, max_length=24, examples=["AAPL"])],
    at: Annotated[str, Query(min_length=1, max_length=40, description="ISO time inside the bar.")],
    interval: Annotated[str | None, Query(min_length=1, max_length=16)] = None,
) -> WhyOut:
    """Explain one bar of a run: what the strategy saw, every condition and rule, and the fate of each order."""
    parts = parts_of(request)
    return WhyOut(report=explain_bar(parts.home, parts.database, found, symbol, at, interval or ""))


@router.get("/{run_id}/parity", **rule(Role.VIEWER, "row", errors=(409,), per_minute=_HEAVY))
def get_parity(request: Request, found: FoundRun) -> ParityOut:
    """Feed the tape of a run to a fresh core and compare every decision, then fills and money with the backtester."""
    parts = parts_of(request)
    return ParityOut(report=prove_parity(parts.home, parts.database, found))
