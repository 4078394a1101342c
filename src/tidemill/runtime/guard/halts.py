"""The kill switch: who has stopped what, how far it goes, and who may lift it.

A halt stands in two places, and either is enough: as a row of the guard table, and as a file in a folder next to the
database. The file needs no engine, no API and no unlocked database: any process (or person: ``touch``) can make one,
and the guard looks before every send. A file nobody can read, or a folder nobody can list, halts everything.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from pathlib import Path

from tidemill.model.errors import ConfigError
from tidemill.model.journal import GuardRow

__all__ = ["AUTOMATIC", "SYSTEM", "Halt", "Halts", "Rung", "halt_folder"]

SYSTEM = "system"
AUTOMATIC = frozenset({"", "engine", "guard", "system", "tidemill", "watchdog"})  # names that lift nothing
_CLEAR = "CLEAR"
_SCOPES = ("account:", "run:", "strategy:", "symbol:")


class Rung(IntEnum):
    """How far a halt goes; each includes those before it. Exits and protection leave on every rung."""

    PAUSE = 1  # no new entries
    CANCEL = 2  # working entries are cancelled too
    FLATTEN = 3  # positions are closed too


@dataclass(frozen=True, slots=True)
class Halt:
    """One halt: whose trading has stopped, how far, why, by whom and since when."""

    scope: str
    rung: Rung
    reason: str
    by: str
    at_ns: int

    @property
    def sentence(self) -> str:
        """Return it in words."""
        return f"{self.scope} by {self.by}: {self.reason}"

    @property
    def mark(self) -> str:
        """Return what tells this halt from every other: scope, rung and instant."""
        return f"{self.scope}={int(self.rung)}@{self.at_ns}"

    def as_row(self) -> GuardRow:
        """Return it as a row of the guard table; its reason begins with the rung."""
        return GuardRow(self.scope, "HALTED", f"{self.rung.name}: {self.reason}", self.by, self.at_ns)


def halt_folder(database: Path) -> Path:
    """Return the folder of halt files of a database."""
    return database.with_name(database.name + ".halts")


class Halts:
    """All halts as this process sees them.

    Args:
        folder: of the halt files, see ``halt_folder``; it is made if missing.

    Raises:
        ConfigError: the folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._table: dict[str, Halt] = {}
        self._unsaved: dict[str, Halt] = {}  # ours, not yet seen in the table
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"The folder of halt files {folder} cannot be made: {error.strerror}.") from None

    def restore(self, rows: Iterable[GuardRow]) -> None:
        """Take over what the guard table says now; halts of ours that are not written there yet stay."""
        table = {row.scope: row for row in rows if row.scope == SYSTEM or row.scope.startswith(_SCOPES)}
        self._table = {scope: _from_row(row) for scope, row in table.items() if row.state != _CLEAR}
        seen = {scope for scope, halt in self._unsaved.items() if scope in table and table[scope].at_ns >= halt.at_ns}
        self._unsaved = {scope: halt for scope, halt in self._unsaved.items() if scope not in seen}

    def halt(self, scope: str, rung: Rung, reason: str, by: str, now_ns: int) -> GuardRow | None:
        """Stop a scope at once, durably, in this process and all others.

        Doing it twice changes nothing; a higher rung replaces a lower one, never the other way round.

        Returns:
            The row for the guard table; None when it was halted as far already.

        Raises:
            ConfigError: there is no such scope.
            OSError: the file could not be written; this process is halted all the same, write the row.
        """
        if scope != SYSTEM and not scope.startswith(_SCOPES):
            raise ConfigError(
                f"{scope!r} is nothing that can be halted; use system, account:, run:, strategy:, symbol:."
            )
        known = self._table.get(scope) or self._unsaved.get(scope)
        if known is not None and known.rung >= rung:
            return None
        halt = Halt(scope, rung, reason, by, now_ns)
        self._unsaved[scope] = halt
        _write(self._folder, halt)
        return halt.as_row()

    def clear(self, scope: str, by: str, now_ns: int) -> GuardRow | None:
        """Let a scope trade again, in the name of a person. Rearm keys and limits are not touched.

        Returns:
            The row for the guard table; None when it was not halted.

        Raises:
            ConfigError: no person is named: what halts by itself never lifts a halt.
            OSError: a file could not be removed; the scope stays halted.
        """
        if by.strip().lower() in AUTOMATIC:
            raise ConfigError("A halt is lifted by a named person only; give your name.")
        files = [path for path, halt in self._files() if halt.scope == scope]
        if not files and scope not in self._table and scope not in self._unsaved:
            return None
        for path in files:
            path.unlink(missing_ok=True)
        _sync(self._folder)
        self._table.pop(scope, None)
        self._unsaved.pop(scope, None)
        return GuardRow(scope, _CLEAR, "", by, now_ns)

    def find(self, scopes: Sequence[str]) -> Halt | None:
        """Return the furthest-going halt that stands over one of the scopes, None when there is none."""
        if not self._table and not self._unsaved and self._is_empty():
            return None
        return max((halt for halt in self.standing() if halt.scope in scopes), key=_rank, default=None)

    def standing(self) -> tuple[Halt, ...]:
        """Return every halt that stands, each scope once, by scope."""
        found: dict[str, Halt] = {}
        for halt in [*self._table.values(), *self._unsaved.values(), *(halt for _, halt in self._files())]:
            if halt.scope not in found or found[halt.scope].rung < halt.rung:
                found[halt.scope] = halt
        return tuple(found[scope] for scope in sorted(found))

    def _is_empty(self) -> bool:
        try:
            return not os.listdir(self._folder)  # noqa: PTH208 - twice as fast, and asked before every send
        except OSError:
            return False

    def _files(self) -> list[tuple[Path, Halt]]:
        try:
            names = sorted(self._folder.iterdir())
        except OSError as error:
            text = f"the folder of halt files cannot be read ({error.strerror})"
            return [(self._folder, Halt(SYSTEM, Rung.PAUSE, text, "guard", 0))]
        return [(path, halt) for path in names if (halt := _read(path)) is not None]


def _rank(halt: Halt) -> int:
    return int(halt.rung)


def _from_row(row: GuardRow) -> Halt:
    name, colon, reason = row.reason.partition(": ")
    if not colon or name not in Rung.__members__:
        return Halt(row.scope, Rung.PAUSE, row.reason, row.by, row.at_ns)
    return Halt(row.scope, Rung[name], reason, row.by, row.at_ns)


def _write(folder: Path, halt: Halt) -> None:
    """Make the halt's file, durably; one that is there already stays as it is."""
    digest = hashlib.blake2b(halt.scope.encode(), digest_size=8).hexdigest()
    path = folder / f"{digest}-{int(halt.rung)}.halt"
    body = json.dumps(asdict(halt)).encode()
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    try:
        os.write(handle, body)
        os.fsync(handle)
    finally:
        os.close(handle)
    _sync(folder)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read(path: Path) -> Halt | None:
    """Return what a halt file says; what cannot be understood halts the system; None: it was just removed."""
    try:
        values = json.loads(path.read_bytes())
        return Halt(
            str(values["scope"]), Rung(values["rung"]), str(values["reason"]), str(values["by"]), values["at_ns"]
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError):
        return Halt(SYSTEM, Rung.PAUSE, f"the halt file {path.name} stands there", "someone", 0)
