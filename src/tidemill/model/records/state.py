"""The state of a run: header, instruments, calendars and the account."""

from __future__ import annotations

import numpy as np

from tidemill.model.records.events import CLOCK, EVENT
from tidemill.model.records.trading import ORDER

__all__ = ["ACCOUNT", "CALENDAR", "HEADER", "INSTRUMENT", "SESSION", "TRANSITION", "WINDOW"]

_I = np.int64
_F = np.float64

HEADER = np.dtype(
    [
        ("version", _I),  # layout version of this block
        ("bytes", _I),  # size of the whole block
        ("mutable_bytes", _I),  # what a snapshot must copy; the rest is reference data
        ("seq", _I),  # turns taken
        ("now_ns", _I),  # of the current turn; never goes back
        ("halted", _I),  # 1 refuses entries until an operator resumes
        ("paused", _I),  # 1 refuses entries until an operator lets them go on
        ("muted", _I),  # 1 refuses entries while past bars are fed to learn from
        ("link_down", _I),  # 1 refuses entries until the outside can be reached again
        ("day", _I),  # trading day of the account's calendar, days since 1970
        ("next_roll_ns", _I),  # when the account's next trading day begins, UTC
        ("open_slots", _I),  # slots with a position
        ("instruments", _I),  # offset of the table from the block's start
        ("n_instruments", _I),
        ("calendars", _I),
        ("n_calendars", _I),
        ("transitions", _I),  # zone offsets of all calendars and windows
        ("n_transitions", _I),
        ("sessions", _I),
        ("n_sessions", _I),
        ("accounts", _I),
        ("n_accounts", _I),
        ("strategies", _I),
        ("n_strategies", _I),
        ("slots", _I),
        ("n_slots", _I),
        ("orders", _I),
        ("n_orders", _I),  # capacity
        ("free_order", _I),  # head of the chain of free rows, -1 when full
        ("next_order_id", _I),
        ("live_orders", _I),  # rows in use
        ("order_rows", _I),  # rows ever used: the first ones
        ("commands", _I),
        ("n_commands", _I),  # capacity
        ("command_count", _I),  # commands of this turn
        ("proposals", _I),
        ("n_proposals", _I),  # capacity
        ("windows", _I),
        ("n_windows", _I),
        ("pendings", _I),  # by slot
        ("n_pendings", _I),  # 0: no strategy asks a gate
        ("next_proposal_id", _I),
        ("late_fills", _I),  # fills of orders that had already ended; booked when they come as ADJUST
        ("quarantined", _I),  # reports that match no order or no legal move
        ("unknown_verdicts", _I),  # answers to proposals that no longer pend
        ("unprotected", _I),  # times a position was left without an order that should protect it
        ("clock_ns", _I),  # instant for which the clock was computed
        ("event", EVENT),
        ("clock", CLOCK),
        ("adjustment", ORDER),  # stands in for the order where there is none
    ]
)

INSTRUMENT = np.dtype(
    [
        ("tick", _F),  # price step, 0 = none
        ("lot", _F),  # quantity step
        ("multiplier", _F),  # money per point and unit
        ("margin", _F),  # money per unit while open
        ("margined", _I),  # 1: futures, FX
        ("calendar", _I),  # row
        ("rate_instrument", _I),  # row whose last price converts its currency to the account's, -1 = same currency
        ("rate_inverse", _I),  # 1: divide by that price
        ("first_slot", _I),  # slots of one instrument are neighbours
        ("slot_count", _I),
        ("last", _F),  # last price, NaN before the first
        ("bid", _F),
        ("ask", _F),
        ("high", _F),  # of the last bar
        ("low", _F),
        ("last_ns", _I),  # when the last price became known
        ("interval_ns", _I),  # finest interval: its bars mark positions; 0 = any
    ]
)

CALENDAR = np.dtype(
    [
        ("zone", _I),  # first row of its transitions
        ("zone_rows", _I),
        ("zone_at", _I),  # current row, relative
        ("roll_ns", _I),  # new day this long after local midnight (negative: evening before)
        ("began_ns", _I),  # start of the current trading day, UTC
        ("next_roll_ns", _I),  # start of the next, UTC
        ("day", _I),  # current trading day
        ("session", _I),  # first row of its sessions
        ("session_rows", _I),  # 0: always open
        ("session_at", _I),  # first session whose end lies ahead, relative
    ]
)

TRANSITION = np.dtype(
    [
        ("ts_ns", _I),  # from this instant on
        ("offset_ns", _I),  # local = UTC + offset
    ]
)

WINDOW = np.dtype(
    [
        ("start_min", _I),  # minutes after local midnight
        ("end_min", _I),  # before the start: runs overnight
    ]
)

SESSION = np.dtype(
    [
        ("day", _I),
        ("pre_ns", _I),  # start of pre-market, UTC
        ("open_ns", _I),
        ("close_ns", _I),
        ("post_ns", _I),  # end of after-hours
    ]
)

ACCOUNT = np.dtype(
    [
        ("cash", _I),  # micros
        ("market", _I),  # value of open positions (margined: unrealised result), micros
        ("gross", _I),  # sum of absolute notional values, micros
        ("net", _I),  # sum of signed notional values, micros
        ("blocked", _I),  # buying power in use: value of what is paid in full, margin of the rest, micros
        ("reserved", _I),  # worst-case cost of working entry orders, micros
        ("fees", _I),  # paid so far, micros
        ("realised", _I),  # before fees, micros
        ("flows", _I),  # dividends and other cash, micros
        ("traded", _I),  # notional traded, micros
        ("day_start_equity", _I),  # micros
        ("worst_gap", _I),  # loss if open positions had closed their bar at its worst price, micros
        ("leverage", _F),  # gross value allowed per unit of equity, ratio
        ("ceiling", _I),  # what the broker lets open and working positions take together, micros; 0 = not told
    ]
)
