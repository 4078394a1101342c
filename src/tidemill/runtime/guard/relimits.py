"""Guardrails that change while a run goes on: a word on its tape, and a row of the guard table that stays."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from tidemill.model.errors import ConfigError, StoreError, TidemillError, UnknownName
from tidemill.model.journal import GuardRow
from tidemill.model.settings import DAYS
from tidemill.runtime.guard.faces import AgentLimits, GuardrailLimits, LiveStrategyLimits, SessionLimits
from tidemill.runtime.guard.limits import Limits, Window

__all__ = ["face_limits", "guardrails", "limits_row", "newest_limits"]

_PREFIX = "limits:"
_STATE = "CLEAR"  # it halts nothing
_Face = type[AgentLimits] | type[LiveStrategyLimits] | type[SessionLimits]
_FACES: dict[str, _Face] = {"agent": AgentLimits, "strategy": LiveStrategyLimits, "session": SessionLimits}


def face_limits(body: Mapping[str, Any]) -> Limits:
    """Return the limits of a face that a word asks for; what it leaves out is as the face has it.

    Args:
        body: face (agent, strategy, session; left out: guardrail), and fields of its limits; windows as tables.

    Raises:
        UnknownName: there is no such face or limit. ConfigError: one is out of bounds.
    """
    values = dict(body)
    face = values.pop("face", "guardrail")
    if face == "guardrail":
        return guardrails(values)
    if face not in _FACES:
        raise UnknownName("face of limits", str(face)[:80], [*_FACES, "guardrail"])
    known = [item.name for item in fields(_FACES[face])]
    for name in values:
        if name not in known:
            raise UnknownName(f"limit of the face {face}", str(name)[:80], known)
    if "window" in values:
        values["window"] = _window(values["window"])
    made: AgentLimits | LiveStrategyLimits | SessionLimits = _FACES[face](**values)
    return made.limits()


def guardrails(body: Mapping[str, Any]) -> Limits:
    """Return the limits of hands that a word asks for; what it leaves out is as the face has it.

    Args:
        body: fields of ``GuardrailLimits``; windows as tables of hours, zone and days.

    Raises:
        UnknownName: there is no such limit. ConfigError: one is out of bounds.
    """
    known = [item.name for item in fields(GuardrailLimits)]
    for name in body:
        if name not in known:
            raise UnknownName("guardrail", str(name)[:80], known)
    values = dict(body)
    if "windows" in values:
        values["windows"] = tuple(_window(item) for item in values["windows"])
    return GuardrailLimits(**values).limits()


def _window(value: Any) -> Window:
    if not isinstance(value, Mapping) or not set(value) <= {"hours", "zone", "days"}:
        raise ConfigError(f"A window is a table of hours, zone and days, not {value!r}.")
    return Window(str(value.get("hours", "")), str(value.get("zone", "")), tuple(value.get("days", DAYS)))


def limits_row(run_id: str, text: str, by: str, now_ns: int) -> GuardRow:
    """Return the row that keeps a run's changed limits.

    Args:
        text: the word's body as JSON. by: who asked.
    """
    return GuardRow(f"{_PREFIX}{run_id}", _STATE, text, by, now_ns)


def newest_limits(rows: Iterable[GuardRow], run_id: str) -> Limits | None:
    """Return the limits a run was given last, None while it has those it began with.

    Raises:
        StoreError: the row cannot be read; the run must not begin with other limits than its owner set.
    """
    row = next((item for item in rows if item.scope == f"{_PREFIX}{run_id}"), None)
    if row is None:
        return None
    try:
        return face_limits(json.loads(row.reason))
    except (ValueError, TypeError, TidemillError) as error:
        raise StoreError(f"The limits kept for {run_id} cannot be read ({error}); restore a backup.") from error
