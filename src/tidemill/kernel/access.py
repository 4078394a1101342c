"""Rows of the state, the venue and the tape by name: the only place that knows how a block is laid out."""

from __future__ import annotations

from tidemill.kernel.memory import header_accessor, table_accessor
from tidemill.model.records import (
    ACCOUNT,
    CALENDAR,
    COMMAND,
    HEADER,
    INSTRUMENT,
    ORDER,
    PENDING,
    PROPOSAL,
    SESSION,
    SLOT,
    STRATEGY,
    TAPE,
    TRANSITION,
    VENUE,
    VENUE_BOOK,
    VENUE_ORDER,
    WINDOW,
)

__all__ = [
    "account_of",
    "book_at",
    "calendar_at",
    "command_at",
    "head",
    "instrument_at",
    "order_at",
    "pending_at",
    "proposal_at",
    "session_at",
    "slot_at",
    "strategy_at",
    "tape_head",
    "transition_at",
    "venue_head",
    "venue_order_at",
    "window_at",
]

# head(state), venue_head(venue), tape_head(tape): the header at an address
head = header_accessor(HEADER)
venue_head = header_accessor(VENUE)
tape_head = header_accessor(TAPE)

# <row>_at(state, index): one row of a table of the state
instrument_at = table_accessor(HEADER, "instruments", INSTRUMENT)
calendar_at = table_accessor(HEADER, "calendars", CALENDAR)
transition_at = table_accessor(HEADER, "transitions", TRANSITION)
session_at = table_accessor(HEADER, "sessions", SESSION)
account_of = table_accessor(HEADER, "accounts", ACCOUNT)
strategy_at = table_accessor(HEADER, "strategies", STRATEGY)
slot_at = table_accessor(HEADER, "slots", SLOT)
order_at = table_accessor(HEADER, "orders", ORDER)
command_at = table_accessor(HEADER, "commands", COMMAND)
proposal_at = table_accessor(HEADER, "proposals", PROPOSAL)
window_at = table_accessor(HEADER, "windows", WINDOW)
pending_at = table_accessor(HEADER, "pendings", PENDING)

# one row of a table of the venue
book_at = table_accessor(VENUE, "books", VENUE_BOOK)
venue_order_at = table_accessor(VENUE, "orders", VENUE_ORDER)
