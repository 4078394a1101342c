"""The trailing stop, stop and target of an agent's open trade."""

# ruff: noqa: FAST003 - the name in the path is taken by the dependency `FoundAgent`

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field, model_validator

from tidemill.model.people import Role
from tidemill.services.commands.protecting import Terms, protect_position
from tidemill.services.fleet.expecting import check_expected
from tidemill.services.fleet.refusals import not_now
from tidemill.web.access import Caller, rule
from tidemill.web.agents.found import FoundAgent, accounts_of
from tidemill.web.once import OnceRoute
from tidemill.web.parts import parts_of
from tidemill.web.wishes import CAMEL_OUT, ExpectedCamelIn

__all__ = ["router"]

router = APIRouter(route_class=OnceRoute)

_USUAL_PCT = 5.0  # DEFAULT_TRAILING_PERCENT of the source
_Price = Annotated[float, Field(gt=0.0, le=1e9)]
_TradeId = Annotated[str, Path(min_length=1, max_length=120)]


class TrailingStopIn(ExpectedCamelIn):
    """How a trade is to be protected from now on; what is left out stays as it is."""

    trailing_percent: float | None = Field(
        default=None, gt=0.0, le=50.0, description="Distance from the best price since; 5 when nothing at all is said."
    )
    trailing_amount: _Price | None = Field(default=None, description="The same as an amount of price.")
    stop_loss: _Price | None = None
    take_profit: _Price | None = None

    @model_validator(mode="after")
    def one_trail(self) -> TrailingStopIn:
        """Refuse two distances."""
        if self.trailing_percent is not None and self.trailing_amount is not None:
            raise ValueError("say trailingPercent or trailingAmount, not both")
        return self

    def terms(self) -> Terms:
        """Return it as services take it."""
        said = Terms(self.stop_loss, self.take_profit, self.trailing_amount, self.trailing_percent)
        return said if said.values() else Terms(trailing_pct=_USUAL_PCT)


class TrailingStopOut(BaseModel):
    """What became of it."""

    model_config = CAMEL_OUT

    trade_id: str
    symbol: str
    status: str = Field(description="APPLIED; PENDING while the run has not answered.")
    stop_loss: float | None
    take_profit: float | None
    trailing_percent: float | None
    trailing_amount: float | None
    message: str


@router.post("/{agent_id}/trades/{trade_id}/trailing-stop", **rule(Role.TRADER, "row", errors=(409,)))
def set_trailing_stop(
    request: Request, caller: Caller, found: FoundAgent, trade_id: _TradeId, body: TrailingStopIn | None = None
) -> TrailingStopOut:
    """Let the stop of an open trade trail, or move stop and target; never wider than the agent's settings allow."""
    parts, said = parts_of(request), body or TrailingStopIn()
    if found.run is None:
        raise not_now(f"{found.agent.name} has no run, so no trade is open; activate it first.")
    check_expected(said.expected(), found.run.mode, accounts_of(found))
    trips = parts.fleet.facts.trips(found.runs, 1_000, status="OPEN")
    trip = next((row for row in trips if f"{row['run_id']}-{row['number']}" == trade_id), None)
    if trip is None:
        raise not_now(f"There is no open trade {trade_id} of this agent; it may be closed already.")
    terms, position = said.terms(), {"symbol": str(trip["symbol"]), "strategy": str(trip["strategy"])}
    done = protect_position(parts.database, parts.fleet.asking, caller, found.run, position, terms)
    return TrailingStopOut(
        trade_id=trade_id,
        symbol=position["symbol"],
        status="APPLIED" if done.is_done else "PENDING",
        stop_loss=terms.stop_loss,
        take_profit=terms.take_profit,
        trailing_percent=terms.trailing_pct,
        trailing_amount=terms.trailing_amount,
        message="The trade is protected as asked." if done.is_done else "Asked for; the run has not answered yet.",
    )
