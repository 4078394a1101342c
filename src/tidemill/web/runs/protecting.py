"""Stop, target and trailing stop of an open position of any run."""

# ruff: noqa: FAST003 - the name in the path is taken by the dependency `FoundRun`

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, model_validator

from tidemill.model.people import Role
from tidemill.services.commands.protecting import Terms, protect_position
from tidemill.services.fleet.expecting import check_expected
from tidemill.web.access import Caller, rule
from tidemill.web.once import OnceRoute
from tidemill.web.parts import parts_of
from tidemill.web.runs.routes import FoundRun
from tidemill.web.wishes import ExpectedIn

__all__ = ["router"]

router = APIRouter(route_class=OnceRoute)

_Price = Annotated[float, Field(gt=0.0, le=1e9)]


class ProtectionIn(ExpectedIn):
    """How one open position is to be protected from now on; what is left out stays as it is."""

    symbol: str = Field(min_length=1, max_length=24)
    strategy: str | None = Field(default=None, min_length=1, max_length=100, description="Where a run has several.")
    stop_loss: _Price | None = None
    take_profit: _Price | None = None
    trailing_amount: _Price | None = Field(default=None, description="Distance of a trailing stop, price points.")
    trailing_pct: float | None = Field(default=None, gt=0.0, le=50.0, description="The same in percent.")

    @model_validator(mode="after")
    def something(self) -> ProtectionIn:
        """Refuse nothing at all, and two distances."""
        if not self.terms().values():
            raise ValueError("say at least one of stop_loss, take_profit, trailing_amount, trailing_pct")
        if self.trailing_amount is not None and self.trailing_pct is not None:
            raise ValueError("say trailing_amount or trailing_pct, not both")
        return self

    def terms(self) -> Terms:
        """Return it as services take it."""
        return Terms(self.stop_loss, self.take_profit, self.trailing_amount, self.trailing_pct)


class ProtectionOut(BaseModel):
    """What became of it."""

    run_id: str
    symbol: str
    state: str = Field(description="DONE; NEW while the run has not answered.")


@router.post("/{run_id}/protection", **rule(Role.TRADER, "row", errors=(409,)))
def set_protection(request: Request, caller: Caller, found: FoundRun, body: ProtectionIn) -> ProtectionOut:
    """Move stop or target of an open position, or let its stop trail; never wider than the settings allow."""
    parts = parts_of(request)
    check_expected(body.expected(), found.mode, [found.account])
    position = {"symbol": body.symbol, **({"strategy": body.strategy} if body.strategy else {})}
    done = protect_position(parts.database, parts.fleet.asking, caller, found, position, body.terms())
    return ProtectionOut(run_id=found.run_id, symbol=body.symbol, state="DONE" if done.is_done else "NEW")
