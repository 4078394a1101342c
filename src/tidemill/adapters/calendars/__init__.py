"""Exchange calendars by the name an instrument uses."""

from __future__ import annotations

from tidemill.adapters.calendars.clock import describe_status, market_status
from tidemill.adapters.calendars.exchange import CME, XNYS
from tidemill.adapters.calendars.rules import AlwaysOpen, CurrencyWeek
from tidemill.model.errors import UnknownName
from tidemill.ports.calendar import Calendar

__all__ = ["calendar_names", "describe_status", "get_calendar", "market_status"]

_CALENDARS: dict[str, Calendar] = {"XNYS": XNYS, "CME": CME, "24/7": AlwaysOpen(), "FX": CurrencyWeek()}
_ALIASES = {"NYSE": "XNYS", "NASDAQ": "XNYS", "XNAS": "XNYS", "CMES": "CME", "GLOBEX": "CME", "FOREX": "FX"}


def calendar_names() -> list[str]:
    """Return the names ``get_calendar`` knows, aliases left out."""
    return sorted(_CALENDARS)


def get_calendar(name: str) -> Calendar:
    """Return an exchange calendar by name: ``XNYS``, ``CME``, ``24/7``, ``FX`` or a usual alias.

    Raises:
        UnknownName: no calendar has that name.
    """
    key = _ALIASES.get(name.upper(), name.upper())
    if key not in _CALENDARS:
        raise UnknownName("calendar", name, [*_CALENDARS, *_ALIASES])
    return _CALENDARS[key]
