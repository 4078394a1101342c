"""The state of a run, as records: the most read room of the house. One field per line, with its unit.

All fields are eight bytes, so a record has the same layout for numpy, the compiler and C. A STATE block is the HEADER
followed by the tables it names; a VENUE block (the simulated exchange) is laid out the same way. Prices and quantities
are float64 on the instrument's grid, money is int64 micros, time is int64 UTC nanoseconds.
"""

from __future__ import annotations

from tidemill.model.records.events import CLOCK, COMMAND, EVENT, PENDING, PROPOSAL, STREAM
from tidemill.model.records.state import ACCOUNT, CALENDAR, HEADER, INSTRUMENT, SESSION, TRANSITION, WINDOW
from tidemill.model.records.tape import TAPE
from tidemill.model.records.trading import ORDER, SLOT, STRATEGY
from tidemill.model.records.venue import VENUE, VENUE_BOOK, VENUE_ORDER

__all__ = [
    "ACCOUNT",
    "CALENDAR",
    "CLOCK",
    "COMMAND",
    "EVENT",
    "HEADER",
    "INSTRUMENT",
    "ORDER",
    "PENDING",
    "PROPOSAL",
    "SESSION",
    "SLOT",
    "STRATEGY",
    "STREAM",
    "TAPE",
    "TRANSITION",
    "VENUE",
    "VENUE_BOOK",
    "VENUE_ORDER",
    "WINDOW",
]
