"""The order state machine: every pair of state and report, and final states that nothing leaves."""

from __future__ import annotations

import numpy as np
import pytest

from tidemill.kernel.transitions import FINAL_STATES, LEGAL, MOVES, QUARANTINE, STAY, is_final
from tidemill.model.enums import EventKind, OrderState

S = OrderState
REPORTS = ("ACK", "REJECT", "CANCELLED", "EXPIRED", "REPLACED", "CANCEL_REFUSED", "UNKNOWN", "ABSENT")
W, C, R, E, U, A, X, STILL = (
    S.WORKING, S.CANCELED, S.REJECTED, S.EXPIRED, S.UNKNOWN, S.ABSENT, QUARANTINE, STAY,
)  # fmt: skip

# One row per state, one column per report in the order of REPORTS.
EXPECTED = {
    S.NONE: (X, X, X, X, X, X, X, X),
    S.CREATED: (X, X, X, E, X, X, X, X),
    S.APPROVED: (X, X, X, E, X, X, X, X),
    S.SENDING: (W, R, C, E, X, X, U, X),
    S.UNKNOWN: (W, R, C, E, X, X, STILL, A),
    S.HELD: (W, R, C, E, STILL, STILL, X, X),
    S.WORKING: (STILL, R, C, E, STILL, STILL, X, X),
    S.PARTIAL: (STILL, X, C, E, STILL, STILL, X, X),
    S.CANCEL_PENDING: (STILL, R, C, E, STILL, W, U, A),
    S.REPLACE_PENDING: (STILL, R, C, E, W, W, U, A),
    S.FILLED: (STILL,) * 8,
    S.CANCELED: (STILL,) * 8,
    S.REJECTED: (STILL,) * 8,
    S.EXPIRED: (STILL,) * 8,
    S.DENIED: (STILL,) * 8,
    S.ABSENT: (STILL,) * 8,
}


@pytest.mark.parametrize("state", list(OrderState))
@pytest.mark.parametrize("column", range(len(REPORTS)), ids=REPORTS)
def test_every_pair_of_state_and_report(state: OrderState, column: int) -> None:
    assert MOVES[state, EventKind[REPORTS[column]]] == EXPECTED[state][column]


def test_no_report_moves_an_order_out_of_a_final_state() -> None:
    for state in FINAL_STATES:
        assert not np.any(MOVES[state] >= 0)
        assert state not in LEGAL


def test_every_other_event_is_quarantined() -> None:
    others = [kind for kind in EventKind if kind.name not in REPORTS]
    for state in OrderState:
        assert all(MOVES[state, kind] == QUARANTINE for kind in others)


def test_every_move_is_legal() -> None:
    for state in OrderState:
        for kind in EventKind:
            move = int(MOVES[state, kind])
            if move >= 0:
                # a held order that the exchange activates and a refused request both fall back to WORKING
                assert OrderState(move) in LEGAL[state]


def test_final_states_are_named() -> None:
    assert [state.name for state in OrderState if is_final(state)] == [
        "FILLED", "CANCELED", "REJECTED", "EXPIRED", "DENIED", "ABSENT",
    ]  # fmt: skip


def test_every_state_can_be_left_for_a_final_one() -> None:
    for state in set(OrderState) - FINAL_STATES - {S.NONE}:
        seen, todo = set(), {state}
        while todo:
            here = todo.pop()
            seen.add(here)
            todo |= set(LEGAL.get(here, ())) - seen
        assert seen & FINAL_STATES
