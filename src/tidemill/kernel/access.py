"""Rows of the state, the venue and the tape by name: the only place that knows how a block is laid out."""

from __future__ import annotations

from typing import Any

from tidemill.kernel.compile import inlined
from tidemill.kernel.memory import record_at, row_at
from tidemill.model.records import (
    ACCOUNT,
    CALENDAR,
    COMMAND,
    HEADER,
    INSTRUMENT,
    ORDER,
    PROPOSAL,
    SESSION,
    SLOT,
    STRATEGY,
    TAPE,
    TRANSITION,
    VENUE,
    VENUE_BOOK,
    VENUE_ORDER,
)

__all__ = [
    "account_of",
    "book_at",
    "calendar_at",
    "command_at",
    "head",
    "instrument_at",
    "order_at",
    "proposal_at",
    "session_at",
    "slot_at",
    "strategy_at",
    "tape_head",
    "transition_at",
    "venue_head",
    "venue_order_at",
]


@inlined
def head(state: int) -> Any:
    """Return the header of a state block."""
    return record_at(state, HEADER)


@inlined
def instrument_at(state: int, index: int) -> Any:
    """Return one instrument."""
    top = record_at(state, HEADER)
    return row_at(state + top.instruments, index, top.n_instruments, INSTRUMENT)


@inlined
def calendar_at(state: int, index: int) -> Any:
    """Return one calendar."""
    top = record_at(state, HEADER)
    return row_at(state + top.calendars, index, top.n_calendars, CALENDAR)


@inlined
def transition_at(state: int, index: int) -> Any:
    """Return one change of a zone's offset."""
    top = record_at(state, HEADER)
    return row_at(state + top.transitions, index, top.n_transitions, TRANSITION)


@inlined
def session_at(state: int, index: int) -> Any:
    """Return one exchange session."""
    top = record_at(state, HEADER)
    return row_at(state + top.sessions, index, top.n_sessions, SESSION)


@inlined
def account_of(state: int, index: int) -> Any:
    """Return one account."""
    top = record_at(state, HEADER)
    return row_at(state + top.accounts, index, top.n_accounts, ACCOUNT)


@inlined
def strategy_at(state: int, index: int) -> Any:
    """Return one strategy's settings and ledger."""
    top = record_at(state, HEADER)
    return row_at(state + top.strategies, index, top.n_strategies, STRATEGY)


@inlined
def slot_at(state: int, index: int) -> Any:
    """Return one slot: a strategy's position and memory in one instrument."""
    top = record_at(state, HEADER)
    return row_at(state + top.slots, index, top.n_slots, SLOT)


@inlined
def order_at(state: int, index: int) -> Any:
    """Return one row of the order table."""
    top = record_at(state, HEADER)
    return row_at(state + top.orders, index, top.n_orders, ORDER)


@inlined
def command_at(state: int, index: int) -> Any:
    """Return one command of this turn."""
    top = record_at(state, HEADER)
    return row_at(state + top.commands, index, top.n_commands, COMMAND)


@inlined
def proposal_at(state: int, index: int) -> Any:
    """Return one proposal of this step."""
    top = record_at(state, HEADER)
    return row_at(state + top.proposals, index, top.n_proposals, PROPOSAL)


@inlined
def venue_head(venue: int) -> Any:
    """Return the header of a venue block."""
    return record_at(venue, VENUE)


@inlined
def book_at(venue: int, index: int) -> Any:
    """Return the book of one instrument."""
    top = record_at(venue, VENUE)
    return row_at(venue + top.books, index, top.n_books, VENUE_BOOK)


@inlined
def venue_order_at(venue: int, index: int) -> Any:
    """Return one row of the venue's order table."""
    top = record_at(venue, VENUE)
    return row_at(venue + top.orders, index, top.n_orders, VENUE_ORDER)


@inlined
def tape_head(tape: int) -> Any:
    """Return the header of a tape."""
    return record_at(tape, TAPE)
