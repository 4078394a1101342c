"""Use cases of the kill switch: a halt needs no engine and no database, a resume needs a name."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from tidemill.adapters.sql.opening import open_store
from tidemill.model.errors import GuardRefusal, StoreError, UnknownName
from tidemill.model.journal import Batch
from tidemill.runtime.clock import SystemClock
from tidemill.runtime.guard.halts import SYSTEM, Halt, Halts, Rung
from tidemill.runtime.guard.heartbeat import beat_file, read_beat
from tidemill.services.desks import known_runs, living_runs, read_desk, who
from tidemill.services.home import Home

__all__ = ["Halted", "halt", "resume"]

_POLL_S = 0.02
_PATIENCE_MS = 500  # a halt waits for no database
_REASON = "by hand"


@dataclass(frozen=True, slots=True)
class Halted:
    """A halt as it stands.

    Args:
        halt: scope, rung, reason, by whom.
        is_new: False when it stood already, as far or further.
        in_table: whether the database took it as well; the file counts alone.
        heeded, waiting: runs that have carried it out, and those that live and have not yet.
    """

    halt: Halt
    is_new: bool
    in_table: bool
    heeded: tuple[str, ...]
    waiting: tuple[str, ...]


def _check_scope(home: Home, scope: str) -> None:
    """Refuse to halt what nobody knows: a typing error must not look like safety."""
    kind, colon, name = scope.partition(":")
    if scope == SYSTEM:
        return
    if not colon or kind not in {"account", "run", "strategy", "symbol"} or not name:
        sentence = f"{scope!r} is no scope; write system, account:ID, run:ID, strategy:RUN/NAME or symbol:RUN/SYMBOL."
        raise GuardRefusal("unknown_scope", sentence)
    desks = {run: read_desk(home.runs / run) for run in known_runs(home)}
    names = {
        "account": [desk.account for desk in desks.values()],
        "run": list(desks),
        "strategy": [f"{run}/{name}" for run, desk in desks.items() for name in desk.strategies],
        "symbol": [f"{run}/{item.symbol}" for run, desk in desks.items() for item in desk.instruments],
    }[kind]
    if name not in names:
        raise GuardRefusal(f"unknown_{kind}", str(UnknownName(kind, name, names or ["none yet"])))


def halt(home: Home, scope: str, rung: Rung, reason: str = _REASON, *, by: str = "", wait_s: float = 2.0) -> Halted:
    """Stop a scope now: by a file that needs no engine and no database, and by the guard table.

    Args:
        scope: system, account:ID, run:ID, strategy:RUN/NAME, symbol:RUN/SYMBOL.
        rung: how far. wait_s: for living engines to say that they have carried it out.

    Raises:
        GuardRefusal: nobody knows the scope. ConfigError: the folder cannot be made. OSError: the file was not written.
    """
    _check_scope(home, scope)
    by, now_ns = by or who(), SystemClock().now_ns()
    halts = Halts(home.halts)
    before = next((item.rung for item in halts.standing() if item.scope == scope), 0)
    halts.halt(scope, rung, reason, by, now_ns)
    stands = next(item for item in halts.standing() if item.scope == scope)
    in_table = _write_guard(home, stands)
    heeded, waiting = _await_heeded(home, stands, wait_s)
    return Halted(stands, before < rung, in_table, heeded, waiting)


def _write_guard(home: Home, stands: Halt) -> bool:
    try:
        with open_store(home.url, verify=False, patience_ms=_PATIENCE_MS) as store:
            store.commit(Batch(guard=[stands.as_row()]))
    except StoreError:
        return False
    return True


def _await_heeded(home: Home, stands: Halt, wait_s: float) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Wait for living runs that a halt over the whole run concerns; return who has carried it out, and who has not."""
    scope, until = stands.scope, time.monotonic() + wait_s
    concerned = [
        run
        for run in living_runs(home)
        if scope in {SYSTEM, f"run:{run}", f"account:{read_desk(home.runs / run).account}"}
    ]
    while True:
        beats = {run: read_beat(beat_file(home.halts, run)) for run in concerned}
        heeded = tuple(run for run, beat in beats.items() if beat is not None and stands.mark in beat.heeded)
        if len(heeded) == len(concerned) or time.monotonic() >= until:
            return heeded, tuple(run for run in concerned if run not in heeded)
        time.sleep(_POLL_S)


def resume(home: Home, scope: str, by: str) -> Sequence[Halt]:
    """Lift a halt in the name of a person; return the halts that still stand.

    Raises:
        ConfigError: no person is named. GuardRefusal: nothing is halted there.
        StoreError: the database did not take it; the scope stays halted. OSError: a file could not be removed.
    """
    halts = Halts(home.halts)
    with open_store(home.url, verify=False) as store:
        halts.restore(store.guard())
        row = halts.clear(scope, by, SystemClock().now_ns())
        if row is None:
            names = [item.scope for item in halts.standing()]
            raise GuardRefusal("not_halted", f"{scope} is not halted; halted: {', '.join(names) or 'nothing'}.")
        store.commit(Batch(guard=[row]))
    return halts.standing()
