"""Guardrails of one's desk: seen, changed while it works, and what stops it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from tidemill.model.people import Role, UserScope
from tidemill.runtime.guard.halts import Halt, Rung
from tidemill.services.access.audit import record
from tidemill.services.manual.guardrails import parse_windows, plain
from tidemill.services.manual.trade_logs import iso
from tidemill.web.access import Caller, Scope, rule
from tidemill.web.parts import Parts, parts_of
from tidemill.web.trading.once import told
from tidemill.web.wishes import STRICT

__all__ = ["halt_router", "resume_router", "router"]

router = APIRouter()
halt_router = APIRouter()
resume_router = APIRouter()

_Hours = Annotated[str, Field(min_length=1, max_length=11)]
_Names = Annotated[list[Annotated[str, Field(min_length=1, max_length=24)]], Field(max_length=100)]


class WindowIn(BaseModel):
    """Hours as a table."""

    model_config = STRICT

    start: str = Field(min_length=4, max_length=5, examples=["09:30"])
    end: str = Field(min_length=4, max_length=5, examples=["16:00"])


_Windows = (
    WindowIn
    | Annotated[list[_Hours | WindowIn], Field(min_length=1, max_length=8)]
    | Annotated[str, Field(min_length=1, max_length=120)]
)


class ConfigIn(BaseModel):
    """What is to change; the rest stays as it is."""

    model_config = STRICT

    max_trades_per_day: int | None = Field(default=None, ge=1, le=100_000, examples=[10])
    daily_loss_cap_usd: float | None = Field(default=None, gt=0.0, le=1e12, examples=[500.0])
    session_windows: _Windows | None = Field(
        default=None, description='["09:30-16:00"], {"start": "09:30", "end": "16:00"}, or 06:30-08:00,08:30-10:00.'
    )
    session_zone: str | None = Field(default=None, max_length=64, description="IANA zone; empty: each exchange's own.")
    session_days: Annotated[list[str], Field(min_length=1, max_length=7)] | None = None
    max_contracts: int | None = Field(default=None, ge=1, le=1_000_000)
    position_limit_pct: float | None = Field(default=None, gt=0.0, le=100.0)
    max_position_usd: float | None = Field(default=None, gt=0.0, le=1e12)
    max_daily_volume_usd: float | None = Field(default=None, gt=0.0, le=1e12)
    violation_cooldown_s: float | None = Field(default=None, ge=0.0, le=86_400.0)
    auto_halt: bool | None = None
    allowed_symbols: _Names | None = Field(default=None, description="A new run begins with them; only while flat.")
    allowed_symbol_roots: _Names | None = Field(default=None, description="Quarterly contracts of these futures.")

    def changes(self) -> dict[str, Any]:
        """Return what is to change, by name."""
        values = self.model_dump(exclude_none=True)
        if "session_windows" in values:
            values["session_windows"] = parse_windows(values["session_windows"])
        if "session_days" in values:
            values["session_days"] = tuple(day.strip().upper()[:3] for day in values["session_days"])
        for name in ("allowed_symbols", "allowed_symbol_roots"):
            if name in values:
                values[name] = tuple(item.strip().upper() for item in values[name])
        return values


class HaltOut(BaseModel):
    """A halt that stands."""

    scope: str
    rung: str = Field(description="PAUSE: no new entries. CANCEL: working ones cancelled. FLATTEN: positions closed.")
    reason: str
    by: str
    since: str

    @classmethod
    def of(cls, halt: Halt) -> HaltOut:
        """Return a halt as it is told."""
        return cls(scope=halt.scope, rung=halt.rung.name, reason=halt.reason, by=halt.by, since=iso(halt.at_ns))


class ConfigOut(BaseModel):
    """One's guardrails, and whether the desk works under them."""

    max_trades_per_day: int
    daily_loss_cap_usd: float
    session_windows: list[str]
    session_zone: str
    session_days: list[str]
    max_contracts: int
    position_limit_pct: float
    max_position_usd: float
    max_daily_volume_usd: float
    violation_cooldown_s: float
    auto_halt: bool
    allowed_symbols: list[str]
    allowed_symbol_roots: list[str]
    symbols: list[str] = Field(description="What may be traded now.")
    profile: str
    mode: str
    broker: str
    account: str | None = Field(description="Null before the desk's first use.")
    run_id: str | None
    in_force: bool = Field(description="Whether the desk at work has taken them; when none works, it begins with them.")
    trading_halted: bool
    halts: list[HaltOut]


def _out(parts: Parts, scope: UserScope) -> ConfigOut:
    manual = parts.manual
    own, desk, halts = manual.desks.guardrails(scope), manual.desks.find(scope), manual.stopping.standing(scope)
    at_work = desk is not None and desk.run.is_active
    here = {"system"} | ({f"run:{desk.run.run_id}", f"account:{desk.run.account}"} if desk is not None else set())
    return ConfigOut(
        **plain(own),
        symbols=list(desk.symbols if desk is not None and at_work else manual.desks.symbols(scope)),
        profile=str(parts.loaded.settings.profile),
        mode="PAPER",
        broker=manual.desks.broker,
        account=desk.run.account if desk is not None else None,
        run_id=desk.run.run_id if desk is not None else None,
        in_force=desk is not None and at_work and manual.desks.is_in_force(scope, desk.run),
        trading_halted=any(item.scope in here for item in halts),
        halts=[HaltOut.of(item) for item in halts],
    )


@router.get("", **rule(Role.VIEWER, "self"))
def get_config(request: Request, scope: Scope) -> ConfigOut:
    """Return one's guardrails, what one may trade, and what stands in the way."""
    return _out(parts_of(request), scope)


@router.put("", **rule(Role.TRADER, "self", errors=(409,)))
def put_config(request: Request, caller: Caller, body: ConfigIn) -> ConfigOut:
    """Change guardrails; a desk at work trades under them from its next order on, without a new start."""
    parts = parts_of(request)
    changes = body.changes()
    if changes:
        parts.manual.desks.change(caller, changes)
        told_of = {name: str(value) for name, value in changes.items()}
        record(parts.database, caller, "guardrails.change", caller.username, told_of)
    return _out(parts, caller.scope)


class HaltIn(BaseModel):
    """What is to stop, and how far."""

    model_config = STRICT

    scope: str = Field(
        default="desk",
        min_length=1,
        max_length=160,
        description="desk, run:ID, account:ID, strategy:RUN/NAME, symbol:RUN/SYMBOL; system: everybody (owner only).",
    )
    rung: Literal["pause", "cancel", "flatten"] = "pause"
    reason: str = Field(default="by hand", min_length=1, max_length=200)


class ResumeIn(BaseModel):
    """What is to go on."""

    model_config = STRICT

    scope: str = Field(default="desk", min_length=1, max_length=160)


class HaltsOut(BaseModel):
    """Halts that stand over one's runs."""

    halted: bool
    halts: list[HaltOut]
    heeded: list[str] = Field(default_factory=list, description="Runs that have carried the new one out.")
    waiting: list[str] = Field(default_factory=list, description="Runs that have not yet.")


@halt_router.get("", **rule(Role.VIEWER, "self"))
def get_halts(request: Request, scope: Scope) -> HaltsOut:
    """Return the halts that stand over one's runs."""
    halts = [HaltOut.of(item) for item in parts_of(request).manual.stopping.standing(scope)]
    return HaltsOut(halted=bool(halts), halts=halts)


@halt_router.post("", **rule(Role.TRADER, "self", errors=(404, 409)))
def halt_trading(request: Request, caller: Caller, body: HaltIn | None = None) -> HaltsOut:
    """Stop new entries of one's desk, a run, a symbol, or, as the owner, of everybody; exits go on working."""
    parts, said = parts_of(request), body or HaltIn()
    made = parts.manual.stopping.halt(caller, said.scope, Rung[said.rung.upper()], said.reason)
    record(parts.database, caller, "halt", made.halt.scope, {"rung": made.halt.rung.name, "reason": said.reason})
    halts = [HaltOut.of(item) for item in parts.manual.stopping.standing(caller.scope)]
    own = {run.run_id for run in parts.fleet.runs.list(caller.scope)}
    heeded, waiting = [[run for run in runs if run in own] for runs in (made.heeded, made.waiting)]
    return HaltsOut(halted=True, halts=halts, heeded=heeded, waiting=waiting)


@resume_router.post("", **rule(Role.TRADER, "self", errors=(404, 409)))
def resume_trading(request: Request, caller: Caller, body: ResumeIn | None = None) -> HaltsOut:
    """Lift a halt in one's own name."""
    parts, said = parts_of(request), body or ResumeIn()
    with told():
        left = parts.manual.stopping.resume(caller, said.scope)
    record(parts.database, caller, "resume", said.scope)
    return HaltsOut(halted=bool(left), halts=[HaltOut.of(item) for item in left])
