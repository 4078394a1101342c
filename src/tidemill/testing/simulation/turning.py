"""Promise 10 by what could be known: an exit may turn a position only by what nobody could tell its engine in time.

Whatever moves a position is kept with the instant it happened, was shown to a process, and was booked. When a fill of
an exit turns a position, everything is taken out of that position which the engine could not know when the exit left,
or could not answer any more. What is left the exit must not turn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from tidemill.testing.exchange.truth import SimFill, SimOrder

__all__ = ["Turning"]

_SECOND_NS = 1_000_000_000
_ASKED_NS = 6 * _SECOND_NS  # an engine that asked so shortly before an exit left has done what it can
_TOGETHER_NS = _SECOND_NS  # orders that left so close to each other were decided together
_FOUND_NS = 60 * _SECOND_NS  # so soon at least the broker's lists are asked for
_MEND_NS = 20 * _SECOND_NS  # so soon an order is cancelled, or made smaller, that was overtaken
_TRAVEL_NS = 10 * _SECOND_NS  # an order that took longer to arrive counted as absent
_TINY = 1e-9


@dataclass(slots=True)
class _Move:
    """Something that moved a position: by how many units, when, whose (empty: not ours), what kind of fill."""

    exec_id: str
    client_id: str
    units: float
    at_ns: int
    kind: str


@dataclass(slots=True)
class _Sent:
    """A request that reduces a position, as it left: when, whose, and when its engine had asked for fills last."""

    process: int
    at_ns: int
    asked_ns: int


class Turning:
    """Knows who was told what when.

    Args:
        now_ns: virtual time.
        engine: number of the process that is ready to act now, 0 if none is.
    """

    def __init__(self, now_ns: Callable[[], int], engine: Callable[[], int]) -> None:
        self._now_ns, self._engine = now_ns, engine
        self._moves: defaultdict[str, list[_Move]] = defaultdict(list)
        self._sent: dict[str, _Sent] = {}
        self._arrived: dict[str, int] = {}
        self._answered: dict[str, int] = {}  # when a cancellation or a change of an order left last
        self._booked: dict[str, int] = {}
        self._shown: defaultdict[int, dict[str, int]] = defaultdict(dict)
        self._asked: defaultdict[int, int] = defaultdict(lambda: -_FOUND_NS)
        self._forked: dict[str, int] = {}  # when a replacement left two orders last
        self.excused = 0

    # --- what happens

    def moved(self, fill: SimFill, units: float) -> None:
        """Note that a position moved at the broker."""
        self._moves[fill.symbol].append(_Move(fill.exec_id, fill.client_id, units, self._now_ns(), fill.kind))

    def sent(self, process: int, client_id: str) -> None:
        """Note that an order, or another quantity of it, leaves a process."""
        self._sent[client_id] = _Sent(process, self._now_ns(), self._asked[process])

    def changed(self, client_id: str) -> None:
        """Note that the end, or another quantity, of an order is asked for."""
        self._answered[client_id] = self._now_ns()

    def arrived(self, client_id: str) -> None:
        """Note that an order reached the broker."""
        self._arrived[client_id] = self._now_ns()

    def asked(self, process: int) -> None:
        """Note that a process asks for fills."""
        self._asked[process] = self._now_ns()

    def shown(self, process: int, exec_ids: list[str]) -> None:
        """Note that fills were shown to a process."""
        known, now = self._shown[process], self._now_ns()
        for name in exec_ids:
            known.setdefault(name, now)

    def forked(self, client_id: str) -> None:
        """Note that a replacement left two orders alive."""
        self._forked[client_id] = self._now_ns()

    def booked(self, exec_id: str) -> None:
        """Note that a fill is in the record."""
        self._booked.setdefault(exec_id, self._now_ns())

    # --- what is asked

    def is_avoidable(self, fill: SimFill, order: SimOrder, before: float) -> bool:
        """Tell whether an exit's fill turned a position (``before`` it) that its engine could have known better."""
        over = order.filled + fill.quantity - order.quantity
        forked = self._forked.get(fill.client_id)
        is_two = forked is not None and self._is_in_time(forked, -1)
        if not order.is_open or over > _TINY or is_two or self._is_stray(fill.client_id):
            self.excused += 1  # filled after its end, beyond its size, by a twin not found yet, or long after ABSENT
            return False
        sent = self._sent.get(fill.client_id)
        hidden = 0.0
        if sent is not None:
            others = [move for move in self._moves[fill.symbol] if move.client_id != fill.client_id]
            hidden = sum(move.units for move in others if self._is_hidden(move, sent, fill.client_id))
        known = before - hidden
        is_over = known * fill.side >= 0.0 or fill.quantity > abs(known) + _TINY
        self.excused += not is_over
        return is_over

    def _is_stray(self, client_id: str) -> bool:
        """Tell whether an order came so late that it counted as absent, and could not be found and cancelled yet."""
        sent, came = self._sent.get(client_id), self._arrived.get(client_id)
        if sent is None or came is None or came - sent.at_ns < _TRAVEL_NS:
            return False
        return self._is_in_time(came, self._answered.get(client_id, -1))

    def _is_in_time(self, since_ns: int, answered_ns: int) -> bool:
        """Tell whether what happened then cannot have been found yet, or is being answered."""
        engine = self._engine()
        has_asked = self._asked[engine] >= since_ns
        return not engine or not has_asked or self._now_ns() - since_ns <= _FOUND_NS or answered_ns >= since_ns

    def _is_hidden(self, move: _Move, sent: _Sent, client_id: str) -> bool:
        """Tell whether a move could not be known when an exit left, or not be answered in time."""
        if not move.client_id:
            return True  # nobody tells of what others do before positions are compared: see promise 9
        booked = self._booked.get(move.exec_id)
        if move.at_ns <= sent.at_ns:
            shown = self._shown[sent.process].get(move.exec_id)
            if (booked is not None and booked <= sent.at_ns) or (shown is not None and shown <= sent.at_ns):
                return False
            has_asked = sent.asked_ns >= move.at_ns or sent.at_ns - sent.asked_ns <= _ASKED_NS
            rival = self._sent.get(move.client_id)
            if move.kind != "real":  # taken back or corrected: only the usual rounds tell of it
                return has_asked or sent.at_ns - move.at_ns <= _FOUND_NS
            return has_asked or (rival is not None and sent.at_ns - rival.at_ns <= _TOGETHER_NS)
        if booked is None:
            return self._is_in_time(move.at_ns, -1)
        return self._now_ns() - booked <= _MEND_NS or self._answered.get(client_id, -1) >= booked
