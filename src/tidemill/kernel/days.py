"""The turn of the trading day: baselines and counters start anew."""

from __future__ import annotations

from tidemill.kernel.access import account_of, calendar_at, head, strategy_at, tape_head
from tidemill.kernel.clock import day_of
from tidemill.kernel.compile import kernel
from tidemill.kernel.tape import begin_day

__all__ = ["roll_day", "roll_to"]


@kernel
def roll_day(state: int, tape: int, instant_ns: int) -> None:
    """Begin a new trading day where the account's calendar says so: baselines and counters start anew."""
    top = head(state)
    day = day_of(state, 0, instant_ns)
    top.next_roll_ns = calendar_at(state, 0).next_roll_ns
    if day == top.day and tape_head(tape).day_count > 0:
        return
    top.day = day
    account = account_of(state, 0)
    account.day_start_equity = account.cash + account.market
    for index in range(top.n_strategies):
        strategy = strategy_at(state, index)
        strategy.day = day
        strategy.day_start_result = strategy.cash + strategy.market
        strategy.opened_today = 0
    begin_day(state, tape, day)


@kernel
def roll_to(state: int, tape: int, instant_ns: int) -> None:
    """Begin a new trading day if ``instant_ns`` has reached it."""
    if instant_ns >= head(state).next_roll_ns or tape_head(tape).day_count == 0:
        roll_day(state, tape, instant_ns)
