"""What an agent still holds, and why that keeps it from being deleted (fault O7)."""

from __future__ import annotations

from tidemill.services.fleet.agents import Agent
from tidemill.services.fleet.facts import Facts
from tidemill.services.fleet.refusals import not_now
from tidemill.services.fleet.runs import OwnedRun

__all__ = ["check_flat"]

_NAMED = 5


def check_flat(facts: Facts, agent: Agent, run: OwnedRun | None) -> None:
    """Refuse to give up an agent whose run holds something: nobody would look after it any more.

    Raises:
        Refused: names what is held, and how to close it.
    """
    held = facts.positions([run]) if run is not None else []
    if run is None or not held:
        return
    named = ", ".join(f"{item.quantity:g} {item.symbol}" for item in held[:_NAMED])
    more = f" and {len(held) - _NAMED} more" if len(held) > _NAMED else ""
    first = "" if run.is_active else "start it, "
    raise not_now(
        f"{agent.name} holds {named}{more}; {first}close all of it with POST /v1/halt "
        f'{{"scope": "run:{run.run_id}", "rung": "flatten"}}, then delete it.'
    )
