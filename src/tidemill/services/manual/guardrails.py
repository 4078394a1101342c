"""Guardrails of hands: what the installation sets, what somebody changed, and how both reach a desk at work."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from sqlalchemy import delete, insert, select

from tidemill.adapters.sql.database import Database
from tidemill.adapters.sql.service_tables import USER_SETTINGS
from tidemill.model.errors import ConfigError, UnknownName
from tidemill.model.people import UserScope
from tidemill.model.settings import DAYS
from tidemill.ports.seams import Clock
from tidemill.runtime.guard.relimits import guardrails
from tidemill.services.settings.loading import Loaded

__all__ = ["Guardrails", "UserSettings", "parse_windows", "plain", "usual_guardrails"]

_MOST_WINDOWS = 8


@dataclass(frozen=True, slots=True)
class Guardrails:
    """What one person's hands may do, and what they may trade.

    Args:
        daily_loss_cap_usd, max_trades_per_day, max_contracts, position_limit_pct, max_position_usd,
            max_daily_volume_usd, violation_cooldown_s, auto_halt: as ``GuardrailLimits`` has them.
        session_windows: ``HH:MM-HH:MM`` each. session_zone: IANA zone; empty: each exchange's own.
        session_days: ``MON`` to ``SUN``.
        allowed_symbols, allowed_symbol_roots: what may be traded; both empty: the usual list.

    Raises:
        ConfigError: out of bounds.
    """

    daily_loss_cap_usd: float
    max_trades_per_day: int
    max_contracts: int
    position_limit_pct: float
    max_position_usd: float
    max_daily_volume_usd: float
    session_windows: tuple[str, ...]
    session_zone: str
    session_days: tuple[str, ...]
    violation_cooldown_s: float
    auto_halt: bool
    allowed_symbols: tuple[str, ...]
    allowed_symbol_roots: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in ("session_windows", "session_days", "allowed_symbols", "allowed_symbol_roots"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not (0 < len(self.session_windows) <= _MOST_WINDOWS):
            raise ConfigError(f"Name 1 to {_MOST_WINDOWS} session_windows; 00:00-24:00 means always.")
        guardrails(self.body())

    def body(self) -> dict[str, Any]:
        """Return the limits as a run's word carries them."""
        days = list(self.session_days)
        return {
            "daily_loss_cap_usd": self.daily_loss_cap_usd,
            "trades_per_day": self.max_trades_per_day,
            "max_contracts": self.max_contracts,
            "position_limit_pct": self.position_limit_pct,
            "max_position_usd": self.max_position_usd,
            "max_daily_volume_usd": self.max_daily_volume_usd,
            "windows": [{"hours": item, "zone": self.session_zone, "days": days} for item in self.session_windows],
            "violation_cooldown_s": self.violation_cooldown_s,
            "auto_halt": self.auto_halt,
        }

    def mark(self) -> str:
        """Return what tells these limits from others."""
        return hashlib.sha256(json.dumps(self.body(), sort_keys=True).encode()).hexdigest()[:16]

    def changed(self, changes: Mapping[str, Any]) -> Guardrails:
        """Return these with some replaced, checked as a whole.

        Raises:
            UnknownName: there is no such limit. ConfigError: one is out of bounds.
        """
        known = [item.name for item in fields(self)]
        for name in changes:
            if name not in known:
                raise UnknownName("guardrail", name[:80], known)
        return replace(self, **changes)


def parse_windows(value: Any) -> tuple[str, ...]:
    """Return windows out of any of the sources' spellings.

    Args:
        value: ``["09:30-16:00"]``, ``[{"start": ..., "end": ...}]``, ``{"start": "09:30", "end": "16:00"}`` or
            ``06:30-08:00,08:30-10:00``.

    Raises:
        ConfigError: it is none of them.
    """
    items = value.split(",") if isinstance(value, str) else [value] if isinstance(value, Mapping) else value
    if not isinstance(items, Sequence):
        raise ConfigError(f"session_windows cannot be {value!r}; write 09:30-16:00.")
    return tuple(_window(item) for item in items)


def _window(item: Any) -> str:
    if isinstance(item, Mapping) and set(item) == {"start", "end"}:
        return f"{str(item['start'])[:8].strip()}-{str(item['end'])[:8].strip()}"
    if isinstance(item, str) and item.strip():
        return item.strip()
    raise ConfigError(f"A window is written 09:30-16:00, or with start and end; not {str(item)[:60]!r}.")


def usual_guardrails(loaded: Loaded) -> Guardrails:
    """Return what the installation sets: its profile, its file, its environment.

    Hours have the zone of each symbol's exchange, unless the environment says both hours and ``TZ``. A limit of zero
    counts as the smallest there is.
    """
    own = loaded.settings
    is_said = loaded.origins["session_windows"].startswith("environment")
    has_zone = loaded.origins["time_zone"] != "default"
    return Guardrails(
        max(own.daily_loss_cap_usd, 0.01),
        max(own.max_trades_per_day, 1),
        max(own.max_contracts, 1),
        own.max_position_pct,
        own.max_position_usd,
        min(own.max_daily_volume_usd, 1e12),
        own.session_windows,
        own.time_zone if is_said and has_zone else "",
        own.session_days or DAYS,
        own.violation_cooldown_s,
        own.auto_halt,
        own.allowed_symbols,
        own.allowed_symbol_roots,
    )


class UserSettings:
    """Small documents of somebody's, by name.

    Args:
        database, clock: of the installation.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def read(self, scope: UserScope, name: str) -> dict[str, Any]:
        """Return a document, empty when there is none."""
        row = self._database.row(
            select(USER_SETTINGS.c.body_json).where(
                USER_SETTINGS.c.user_id == scope.user_id, USER_SETTINGS.c.name == name
            )
        )
        found: dict[str, Any] = json.loads(row["body_json"]) if row is not None else {}
        return found

    def write(self, scope: UserScope, name: str, values: Mapping[str, Any]) -> None:
        """Put a document in place of the one before."""
        table, body = USER_SETTINGS, json.dumps(values, sort_keys=True)
        with self._database.write() as writing:
            writing.run(delete(table).where(table.c.user_id == scope.user_id, table.c.name == name))
            now = self._clock.now_ns()
            writing.run(insert(table).values(user_id=scope.user_id, name=name, body_json=body, updated_ns=now))


def plain(values: Guardrails) -> dict[str, Any]:
    """Return guardrails as plain values."""
    return {name: list(item) if isinstance(item, tuple) else item for name, item in asdict(values).items()}
