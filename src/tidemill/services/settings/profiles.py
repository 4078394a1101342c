"""Three sets of defaults: for trying things out, for money, and for neither. Every value can be set on its own."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

__all__ = ["PROFILES", "Profile"]


class Profile(StrEnum):
    """What an installation is for."""

    DEFAULT = "default"
    DEV = "dev"
    PROD = "prod"

    @classmethod
    def _missing_(cls, value: object) -> Profile | None:
        return _OTHER_NAMES.get(str(value).strip().lower())


_OTHER_NAMES = {
    "": Profile.DEFAULT,
    "development": Profile.DEV,
    "live": Profile.PROD,
    "local": Profile.DEV,
    "production": Profile.PROD,
    **{str(item): item for item in Profile},
}
_EVERY_DAY = "MON,TUE,WED,THU,FRI,SAT,SUN"
_WEEKDAYS = "MON,TUE,WED,THU,FRI"

PROFILES: dict[Profile, dict[str, Any]] = {
    Profile.DEFAULT: {
        "api_port": 9001,
        "log_level": "INFO",
        "max_contracts": 5,
        "max_trades_per_day": 5,
        "daily_loss_cap_usd": 300.0,
        "max_position_pct": 10.0,
        "max_position_usd": 50_000.0,
        "max_daily_volume_usd": 100_000.0,
        "session_windows": "08:30-15:00",
        "session_days": _WEEKDAYS,
    },
    Profile.DEV: {
        "api_port": 9001,
        "log_level": "DEBUG",
        "max_contracts": 10,
        "max_trades_per_day": 10,
        "daily_loss_cap_usd": 500.0,
        "max_position_pct": 20.0,
        "max_position_usd": 50_000.0,
        "max_daily_volume_usd": 100_000.0,
        "session_windows": "06:00-20:00",
        "session_days": _EVERY_DAY,
    },
    Profile.PROD: {
        "api_port": 8000,
        "log_level": "INFO",
        "max_contracts": 5,
        "max_trades_per_day": 5,
        "daily_loss_cap_usd": 200.0,
        "max_position_pct": 10.0,
        "max_position_usd": 25_000.0,
        "max_daily_volume_usd": 50_000.0,
        "session_windows": "09:30-16:00",
        "session_days": _WEEKDAYS,
    },
}
