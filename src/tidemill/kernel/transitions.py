"""The order state machine as one table: every pair of state and report is defined.

Source: the order life cycle every broker adapter must map onto. A fill is always booked, whatever the state says:
fills beat states. Nothing leaves a final state except by a fill or by evidence after ABSENT, which is flagged.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tidemill.model.enums import EventKind, OrderState

__all__ = ["FINAL_STATES", "LEGAL", "MOVES", "QUARANTINE", "STAY", "is_final"]

STAY: Final = -1  # legal, nothing changes
QUARANTINE: Final = -2  # counted and alerted, nothing changes

_S = OrderState
_K = EventKind

FINAL_STATES = frozenset({_S.FILLED, _S.CANCELED, _S.REJECTED, _S.EXPIRED, _S.DENIED, _S.ABSENT})

LEGAL: dict[OrderState, frozenset[OrderState]] = {
    _S.CREATED: frozenset({_S.APPROVED, _S.DENIED, _S.EXPIRED}),
    _S.APPROVED: frozenset({_S.SENDING, _S.DENIED, _S.EXPIRED}),
    _S.SENDING: frozenset(
        {_S.WORKING, _S.HELD, _S.PARTIAL, _S.FILLED, _S.REJECTED, _S.CANCELED, _S.EXPIRED, _S.UNKNOWN}
    ),
    _S.UNKNOWN: frozenset(
        {_S.WORKING, _S.HELD, _S.PARTIAL, _S.FILLED, _S.REJECTED, _S.CANCELED, _S.EXPIRED, _S.ABSENT}
    ),
    _S.HELD: frozenset(
        {
            _S.WORKING,
            _S.PARTIAL,
            _S.FILLED,
            _S.CANCEL_PENDING,
            _S.REPLACE_PENDING,
            _S.CANCELED,
            _S.EXPIRED,
            _S.REJECTED,
        }
    ),
    _S.WORKING: frozenset(
        {
            _S.HELD,
            _S.PARTIAL,
            _S.FILLED,
            _S.CANCEL_PENDING,
            _S.REPLACE_PENDING,
            _S.CANCELED,
            _S.EXPIRED,
            _S.REJECTED,
        }
    ),
    _S.PARTIAL: frozenset({_S.PARTIAL, _S.FILLED, _S.CANCEL_PENDING, _S.REPLACE_PENDING, _S.CANCELED, _S.EXPIRED}),
    _S.CANCEL_PENDING: frozenset(
        {
            _S.CANCELED,
            _S.PARTIAL,
            _S.FILLED,
            _S.WORKING,
            _S.EXPIRED,
            _S.REJECTED,
            _S.CANCEL_PENDING,
            _S.UNKNOWN,
            _S.ABSENT,
        }
    ),
    _S.REPLACE_PENDING: frozenset(
        {
            _S.WORKING,
            _S.PARTIAL,
            _S.FILLED,
            _S.CANCELED,
            _S.EXPIRED,
            _S.REJECTED,
            _S.CANCEL_PENDING,
            _S.REPLACE_PENDING,
            _S.UNKNOWN,
            _S.ABSENT,
        }
    ),
}


def _moves() -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Build next state by (state, report); fills are decided by quantity, not by this table."""
    table = np.full((len(_S), len(_K)), QUARANTINE, np.int64)
    targets = {
        _K.ACK: _S.WORKING,
        _K.REJECT: _S.REJECTED,
        _K.CANCELLED: _S.CANCELED,
        _K.EXPIRED: _S.EXPIRED,
        _K.UNKNOWN: _S.UNKNOWN,
        _K.ABSENT: _S.ABSENT,
    }
    for state in _S:
        for kind, target in targets.items():
            if target in LEGAL.get(state, frozenset()):
                table[state, kind] = target
            elif state in FINAL_STATES or target == state:
                table[state, kind] = STAY  # a repeated or late report; an older snapshot never moves a state back
    for state in (_S.PARTIAL, _S.CANCEL_PENDING, _S.REPLACE_PENDING):
        table[state, _K.ACK] = STAY  # the acknowledgement was overtaken by a fill or by our own request
    table[_S.WORKING, _K.ACK] = STAY
    table[_S.HELD, _K.ACK] = _S.WORKING
    table[_S.REPLACE_PENDING, _K.REPLACED] = _S.WORKING
    table[_S.CANCEL_PENDING, _K.REPLACED] = STAY  # the replacement was overtaken by our request to cancel
    for state in (_S.WORKING, _S.HELD, _S.PARTIAL):
        table[state, _K.REPLACED] = STAY
        table[state, _K.CANCEL_REFUSED] = STAY
    table[_S.CANCEL_PENDING, _K.CANCEL_REFUSED] = _S.WORKING
    table[_S.REPLACE_PENDING, _K.CANCEL_REFUSED] = _S.WORKING
    for state in FINAL_STATES:
        table[state, _K.REPLACED] = STAY
        table[state, _K.CANCEL_REFUSED] = STAY
    return table


MOVES: Final = _moves()
_FINAL_FLAGS: Final = np.array([1 if state in FINAL_STATES else 0 for state in _S], np.int64)


def is_final(state: OrderState) -> bool:
    """Tell whether an order in this state has ended."""
    return bool(_FINAL_FLAGS[state])
