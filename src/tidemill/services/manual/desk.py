"""The desk of one person: one agent, one run at a time, begun when first needed, beside the places of the tier."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from tidemill.adapters.sql.database import Database
from tidemill.kernel.transitions import is_final
from tidemill.model.agent import AgentSpec, FeedSpec, PaperSpec
from tidemill.model.enums import OrderState, Sizing
from tidemill.model.people import Principal, UserScope
from tidemill.model.settings import RunSettings, StrategySettings
from tidemill.ports.seams import Clock
from tidemill.services.agents import limits_of, uses_of
from tidemill.services.commands.asking import Asking
from tidemill.services.entries import StrategyRequest
from tidemill.services.fleet.agents import Agent, Agents
from tidemill.services.fleet.facts import Facts
from tidemill.services.fleet.making import Made
from tidemill.services.fleet.refusals import not_now
from tidemill.services.fleet.runs import ACTIVE, ENDED, OwnedRun, Runs
from tidemill.services.manual.guardrails import Guardrails, UserSettings, plain, usual_guardrails
from tidemill.services.manual.universe import ROOTS, is_contract_of, universe
from tidemill.services.refusals import Kind, Refused
from tidemill.services.settings.loading import Loaded

__all__ = ["FACE", "Desk", "Desks"]

_BY_HAND = str(files("tidemill") / "strategies" / "by_hand.py")  # a file, as users give theirs

FACE = "manual"
_CONFIG, _IN_FORCE = "guardrails", "guardrails_in_force"
_START_S = 30.0
_ASK_S = 10.0
_PRICE_AGE_S = 3_600.0  # hands push prices when they have them; fills wait for the next one anyway
_RESTING_AGE_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Desk:
    """A desk at work: who it belongs to, its agent and its run."""

    scope: UserScope
    agent: Agent
    run: OwnedRun

    @property
    def symbols(self) -> Sequence[str]:
        """Return what it trades."""
        return self.agent.spec.symbols


class Desks:
    """Desks of everybody; each call sees that of one.

    Args:
        database, clock: of the installation. loaded: its settings.
        agents, runs, facts, asking: what desks are made of.
    """

    def __init__(
        self, database: Database, clock: Clock, loaded: Loaded, agents: Agents, runs: Runs, facts: Facts, asking: Asking
    ) -> None:
        self._database, self._clock, self._loaded = database, clock, loaded
        self._agents, self._runs, self._facts, self._asking = agents, runs, facts, asking
        self._documents = UserSettings(database, clock)
        self._turn = threading.Lock()

    @property
    def initial_cash(self) -> float:
        """Return what a desk begins with, USD."""
        return self._loaded.settings.initial_capital_usd

    @property
    def broker(self) -> str:
        """Return where orders of desks go."""
        return self._loaded.settings.broker.lower()

    # --- guardrails

    def guardrails(self, scope: UserScope) -> Guardrails:
        """Return somebody's guardrails: the installation's, with their own changes."""
        return usual_guardrails(self._loaded).changed(self._documents.read(scope, _CONFIG))

    def symbols(self, scope: UserScope) -> tuple[str, ...]:
        """Return what somebody's next run trades. Raises ConfigError."""
        own = self.guardrails(scope)
        return universe(self._clock.now_ns(), own.allowed_symbols, own.allowed_symbol_roots)

    def change(self, principal: Principal, changes: dict[str, object]) -> tuple[Guardrails, bool]:
        """Change guardrails, and tell the desk at work; return them, and whether they are in force there.

        Raises:
            Refused: other symbols while something is open. ConfigError, UnknownName: they cannot be used.
        """
        scope = principal.scope
        guardrails = self.guardrails(scope).changed(changes)
        wanted = universe(self._clock.now_ns(), guardrails.allowed_symbols, guardrails.allowed_symbol_roots)
        desk = self.find(scope)
        is_other = bool({"allowed_symbols", "allowed_symbol_roots"} & set(changes))
        at_work = desk is not None and desk.run.is_active
        if is_other and desk is not None and wanted != desk.symbols and not self.is_flat(desk.run):
            raise Refused(
                Kind.CONFLICT,
                "not_flat",
                "Other symbols need a new run, and this one has positions or working orders; flatten first "
                "(POST /v1/flatten), then change the list.",
            )
        self._documents.write(scope, _CONFIG, {**self._documents.read(scope, _CONFIG), **_changed(guardrails, changes)})
        if is_other and desk is not None and at_work and wanted != desk.symbols:
            self._runs.stop(scope, desk.run.run_id, wait_s=_ASK_S)
            return guardrails, self.ensure(principal) is not None
        return guardrails, desk is not None and at_work and self._enforce(principal, desk.run)

    def is_in_force(self, scope: UserScope, run: OwnedRun) -> bool:
        """Tell whether a run works under the guardrails its owner set last."""
        told = self._documents.read(scope, _IN_FORCE)
        return told == {"run_id": run.run_id, "mark": self.guardrails(scope).mark()}

    def _enforce(self, principal: Principal, run: OwnedRun) -> bool:
        """Tell a run of the guardrails, unless it knows them; return whether they are in force."""
        if self.is_in_force(principal.scope, run):
            return True
        guardrails = self.guardrails(principal.scope)
        answer = self._asking.ask(
            principal.scope, run.run_id, "limits", guardrails.body(), user=principal.username, wait_s=_ASK_S
        )
        if answer.state != "DONE":
            return False
        self._documents.write(principal.scope, _IN_FORCE, {"run_id": run.run_id, "mark": guardrails.mark()})
        return True

    # --- the run

    def find(self, scope: UserScope) -> Desk | None:
        """Return somebody's desk, None before its first use."""
        agent = next(iter(self._agents.list(scope, FACE, limit=1)), None)
        run = next(iter(self._runs.list(scope, face=FACE, limit=1)), None)
        return Desk(scope, agent, run) if agent is not None and run is not None else None

    def runs(self, scope: UserScope) -> Sequence[OwnedRun]:
        """Return every run somebody's desk ever had, newest first."""
        return self._runs.list(scope, face=FACE, limit=1_000)

    def ensure(self, principal: Principal) -> Desk:
        """Return somebody's desk at work under their guardrails; begin it if need be.

        Raises:
            Refused: no engine serves it, or it does not answer.
        """
        desk = self.find(principal.scope)
        if desk is None or not desk.run.is_active:
            with self._turn:  # two first orders at once begin one desk
                desk = self.find(principal.scope)
                if desk is None or not desk.run.is_active:
                    desk = self._begin(principal, desk)
        run = desk.run
        if run.status == "STARTING":
            run = self._runs.wait(principal.scope, run.run_id, ("RUNNING", "PAUSED", *ENDED), _START_S)
        if run.status in ENDED:
            raise not_now(f"Your desk did not start: {run.message or run.status}.")
        if run.status not in ACTIVE or run.status == "STARTING":
            raise Refused(
                Kind.BUSY, "no_engine", "No engine serves your desk yet; start it with `tidemill up`, then try again."
            )
        if not self._enforce(principal, run):
            raise Refused(Kind.BUSY, "no_answer", "Your desk has not taken its guardrails yet; try again.")
        return Desk(principal.scope, desk.agent, run)

    def _begin(self, principal: Principal, old: Desk | None) -> Desk:
        scope = principal.scope
        agent = old.agent if old is not None else next(iter(self._agents.list(scope, FACE, limit=1)), None)
        if agent is None:
            made = self._made(scope, self.initial_cash)
            agent = self._agents.create(scope, FACE, "By hand", made, {}, is_active=True)
        elif old is not None and self.is_flat(old.run) and tuple(agent.spec.symbols) != self.symbols(scope):
            cash = self._facts.portfolio(old.run, agent.spec.run.cash).equity
            agent = self._agents.change(agent, made=self._made(scope, max(cash, 0.01)), face_values={})
        run = self._runs.start(principal, agent)
        guardrails = self.guardrails(scope)
        if (old is None or run.run_id != old.run.run_id) and agent.spec.limits["guardrail"] == guardrails.body():
            self._documents.write(scope, _IN_FORCE, {"run_id": run.run_id, "mark": guardrails.mark()})
        return Desk(scope, agent, run)

    def _made(self, scope: UserScope, cash: float) -> Made:
        """Return what a desk is: no strategy, pushed prices, and the guardrails as they are now."""
        settings = StrategySettings(
            sizing=Sizing.FIXED, size_value=1.0, allow_short=True, pyramiding=1_000, extended_hours=True
        )
        spec = AgentSpec(
            name="manual",
            strategies=uses_of([StrategyRequest(_BY_HAND)]),
            symbols=self.symbols(scope),
            interval="1s",  # positions are valued at bar closes, and the loss cap looks at that
            run=RunSettings(cash=cash, settings=settings),
            feed=FeedSpec("push"),
            paper=PaperSpec(fill_on="trades", rests_unpriced=True),
            limits={"guardrail": self.guardrails(scope).body()},
            tolerances={"max_data_age_s": _RESTING_AGE_S, "max_market_data_age_s": _PRICE_AGE_S},
        )
        limits_of(spec)
        return Made(spec)

    def is_flat(self, run: OwnedRun) -> bool:
        """Tell whether a run holds nothing and nothing of it works."""
        return not self._facts.positions([run]) and not self.working(run)

    def working(self, run: OwnedRun) -> list[str]:
        """Return the ids of a run's entries that still work."""
        return [
            row["client_id"]
            for row in self._facts.orders([run], 1_000)
            if row["intent"] == "ENTRY" and not is_final(OrderState[row["state"]])
        ]

    def check_symbol(self, scope: UserScope, symbol: str, *, is_traded: bool = True) -> str:
        """Return a symbol as a desk writes it.

        Args:
            is_traded: False: it is only written down, so any contract of an allowed root will do.

        Raises:
            Refused: it is not on the list; the sentence says how to put it there.
        """
        plain_symbol, desk = symbol.strip().upper(), self.find(scope)
        own = self.guardrails(scope)
        known = desk.symbols if desk is not None and desk.run.is_active else self.symbols(scope)
        roots = own.allowed_symbol_roots or (() if own.allowed_symbols else tuple(ROOTS))
        if plain_symbol in known or (not is_traded and is_contract_of(plain_symbol, roots)):
            return plain_symbol
        raise Refused(
            Kind.INVALID,
            "symbol_not_allowed",
            f"{plain_symbol[:24]} is not on your list; add it with PUT /v1/config, for example "
            f'{{"allowed_symbols": ["{plain_symbol[:24]}"], "allowed_symbol_roots": ["NQ"]}}, while nothing is open.',
            field="body.symbol",
            details={"allowed": list(known)},
        )


def _changed(guardrails: Guardrails, changes: dict[str, object]) -> dict[str, object]:
    return {name: item for name, item in plain(guardrails).items() if name in changes}
