"""Halts as people see them: what stops their own trading, and what they may stop and let go on."""

from __future__ import annotations

from collections.abc import Sequence

from tidemill.adapters.sql.database import Database
from tidemill.model.errors import GuardRefusal
from tidemill.model.people import Principal, Role, UserScope
from tidemill.runtime.guard.halts import SYSTEM, Halt, Halts, Rung
from tidemill.services.fleet.refusals import not_now, not_there
from tidemill.services.fleet.runs import OwnedRun, Runs
from tidemill.services.halting import Halted, halt, resume
from tidemill.services.home import Home
from tidemill.services.manual.desk import Desks
from tidemill.services.manual.trade_logs import iso
from tidemill.services.refusals import Kind, Refused

__all__ = ["Stopping", "TradingHalted"]

_HEED_S = 2.0


class TradingHalted(GuardRefusal):
    """Trading is halted: by whom, when and why.

    Args:
        halt: that stands in the way.
    """

    def __init__(self, halt: Halt, since: str) -> None:
        super().__init__(
            "halted",
            f"Trading is halted ({halt.scope}, since {since}, by {halt.by}): {halt.reason}. Cancelling and flattening "
            "work; lift it with POST /v1/resume.",
        )
        self.halt, self.since = halt, since


class Stopping:
    """Halts and their end.

    Args:
        home, database: of the installation. runs, desks: tell whose a scope is.
    """

    def __init__(self, home: Home, database: Database, runs: Runs, desks: Desks) -> None:
        self._home, self._database, self._runs, self._desks = home, database, runs, desks

    def standing(self, scope: UserScope) -> Sequence[Halt]:
        """Return the halts that concern somebody: the system's and those of their runs."""
        own = {run.run_id for run in self._runs.list(scope)}
        return [item for item in self._all() if item.scope == SYSTEM or _run_of(item.scope) in own]

    def _all(self) -> Sequence[Halt]:
        halts = Halts(self._home.halts)
        halts.restore(self._database.store.guard())
        return halts.standing()

    def check(self, run: OwnedRun | None, symbol: str = "") -> None:
        """Refuse if a halt stands over a run or one of its symbols. Raises TradingHalted."""
        scopes = {SYSTEM}
        if run is not None:
            scopes |= {f"run:{run.run_id}", f"account:{run.account}", f"symbol:{run.run_id}/{symbol}"}
        found = max((item for item in self._all() if item.scope in scopes), key=lambda item: item.rung, default=None)
        if found is not None:
            raise TradingHalted(found, _when(found.at_ns))

    def halt(self, principal: Principal, scope: str, rung: Rung, reason: str) -> Halted:
        """Stop one's own trading, or, as the owner of the installation, everybody's.

        Args:
            scope: empty: one's desk; ``run:ID``, ``account:ID``, ``strategy:RUN/NAME``, ``symbol:RUN/SYMBOL``; system.

        Raises:
            Refused: it is somebody else's, or nobody's.
        """
        named = self._own(principal, scope)
        try:
            return halt(self._home, named, rung, reason, by=principal.username, wait_s=_HEED_S)
        except GuardRefusal as error:
            if error.code.startswith("unknown_"):
                raise not_there("scope", scope or named) from None
            raise

    def resume(self, principal: Principal, scope: str) -> Sequence[Halt]:
        """Lift a halt in one's own name; return those that still stand over one's runs.

        Raises:
            Refused: it is not halted, or somebody else's.
        """
        named = self._own(principal, scope)
        try:
            resume(self._home, named, principal.username)
        except GuardRefusal as error:
            raise Refused(Kind.CONFLICT, error.code, f"{named} is not halted; nothing was lifted.") from None
        return self.standing(principal.scope)

    def _own(self, principal: Principal, scope: str) -> str:
        if scope in {"", "desk"}:
            desk = self._desks.find(principal.scope)
            if desk is None:
                raise not_now("You have no desk yet, so nothing of yours can be stopped; it begins with an order.")
            return f"run:{desk.run.run_id}"
        if scope == SYSTEM:
            if not principal.may(Role.OWNER):
                raise Refused(Kind.NOT_ALLOWED, "not_allowed", "Only the owner of the installation stops everybody.")
            return scope
        run_id = _run_of(scope)
        if not run_id:
            raise Refused(
                Kind.INVALID,
                "unknown_scope",
                "scope is desk, run:ID, account:ID, strategy:RUN/NAME, symbol:RUN/SYMBOL or system.",
                field="body.scope",
            )
        self._runs.get(principal.scope, run_id)
        return scope


def _run_of(scope: str) -> str:
    """Return the run a scope belongs to, empty when it names none."""
    kind, _, name = scope.partition(":")
    if kind == "account":
        return name.removeprefix("paper:")
    return name.partition("/")[0] if kind in {"run", "strategy", "symbol"} else ""


def _when(at_ns: int) -> str:
    return iso(max(at_ns, 0)) or "an unknown time"
