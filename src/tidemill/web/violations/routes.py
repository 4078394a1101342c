"""Limits that were hit in one's runs: ``/v1/violations``."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from tidemill.model.journal import ViolationRow
from tidemill.model.people import Role
from tidemill.services.monitoring.violations import Violations, ViolationsWish, id_of
from tidemill.web.access import Caller, Scope, rule
from tidemill.web.once import OnceRoute
from tidemill.web.parts import Parts, parts_of
from tidemill.web.times import iso_utc
from tidemill.web.wishes import STRICT

__all__ = ["router"]

router = APIRouter(route_class=OnceRoute)

_Text = Annotated[str, Query(max_length=2_000, pattern=r"^[^\x00]*$")]
_Id = Annotated[str, Path(min_length=1, max_length=2_000)]


class ViolationOut(BaseModel):
    """A limit that was hit."""

    id: str
    run_id: str
    scope: str = Field(examples=["run:momentum-1", "account:paper:momentum-1"])
    rule: str = Field(examples=["daily_loss_cap"])
    severity: str = Field(description="WARNING, ERROR or CRITICAL.")
    message: str
    timestamp: str
    resolved: bool
    resolved_at: str | None
    resolved_by: str | None

    @classmethod
    def of(cls, row: ViolationRow) -> ViolationOut:
        """Return a violation as it is told."""
        return cls(
            id=id_of(row.key),
            run_id=row.run_id,
            scope=row.scope,
            rule=row.rule,
            severity=row.severity,
            message=row.text,
            timestamp=iso_utc(row.at_ns),
            resolved=row.resolved_ns != 0,
            resolved_at=iso_utc(row.resolved_ns) if row.resolved_ns else None,
            resolved_by=row.resolved_by or None,
        )


class ViolationsOut(BaseModel):
    """A page of violations, newest first."""

    violations: list[ViolationOut]
    next_cursor: str | None = Field(description="Shows what came before; none: there is no more.")


class ResolveIn(BaseModel):
    """What was done about it."""

    model_config = STRICT

    note: str = Field(default="", max_length=500)


def _violations(parts: Parts) -> Violations:
    return Violations(parts.database, parts.clock)


@router.get("", **rule(Role.VIEWER, "self"))
def list_violations(
    request: Request,
    scope: Scope,
    *,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    cursor: _Text = "",
    severity: Literal["WARNING", "ERROR", "CRITICAL"] | None = None,
    resolved: bool | None = None,
    run_id: _Text = "",
) -> ViolationsOut:
    """Return limits that were hit in one's runs, newest first; of a severity, or only those still open, if asked."""
    wish = ViolationsWish(limit + 1, cursor, severity or "", run_id, resolved)
    found = _violations(parts_of(request)).page(scope, wish)
    more = id_of(found[limit - 1].key) if len(found) > limit else None
    return ViolationsOut(violations=[ViolationOut.of(row) for row in found[:limit]], next_cursor=more)


@router.get("/{violation_id}", **rule(Role.VIEWER, "row"))
def get_violation(request: Request, scope: Scope, violation_id: _Id) -> ViolationOut:
    """Return one of them."""
    return ViolationOut.of(_violations(parts_of(request)).get(scope, violation_id))


@router.post("/{violation_id}/resolve", **rule(Role.TRADER, "row"))
def resolve_violation(
    request: Request, caller: Caller, violation_id: _Id, body: ResolveIn | None = None
) -> ViolationOut:
    """Mark one as dealt with, in one's own name; a halt it led to stands until POST /v1/resume."""
    note = body.note if body is not None else ""
    return ViolationOut.of(_violations(parts_of(request)).resolve(caller, violation_id, note))
