"""What the machinery may do before entries stop: it can be loosened within bounds, never switched off."""

from __future__ import annotations

from dataclasses import dataclass

from tidemill.model.errors import ConfigError
from tidemill.runtime.guard.numbers import finite

__all__ = ["Tolerances"]

# Highest value each tolerance may be given: it can be loosened, never switched off.
_LOOSEST: dict[str, float] = {
    "entry_ttl_s": 3_600.0,
    "max_data_age_s": 86_400.0,
    "max_market_data_age_s": 3_600.0,
    "collar_pct": 50.0,
    "collar_atr": 100.0,
    "duplicate_window_s": 60.0,
    "max_clock_skew_s": 60.0,
    "max_loop_lag_s": 60.0,
    "max_db_latency_s": 60.0,
    "min_disk_free_bytes": 1e15,
    "max_unknown_orders": 100,
    "max_inbox_depth": 1e6,
    "rate_window_s": 3_600.0,
    "max_orders_per_window": 1e5,
    "max_messages_per_window": 1e6,
    "repetition_window_s": 86_400.0,
    "max_strategy_orders_per_window": 1e5,
    "max_rejects_in_row": 1e3,
    "max_slippage_bps": 1e4,
    "send_deadline_s": 60.0,
    "lease_margin_s": 60.0,
    "approval_life_s": 60.0,
    "violation_cooldown_s": 86_400.0,
}


@dataclass(frozen=True, slots=True)
class Tolerances:
    """What the machinery may do before entries stop. None of them can be switched off.

    Defaults without a source of their own are those of the design (promises 4, 22, 25; breakers and duplicate orders
    after 17 CFR 240.15c3-5; loop lag, disk, rejects, unknown orders).

    Args:
        entry_ttl_s: an entry older than that never leaves.
        max_data_age_s: of a symbol's newest price, its bar size and the feed's delay allowed for.
        max_market_data_age_s: the same for market orders, which take what they get.
        collar_pct, collar_atr: how far past the middle price an order may reach: the wider of both.
        duplicate_window_s: same account, symbol, side and quantity within it, from another decision.
        max_clock_skew_s, max_loop_lag_s, max_db_latency_s: seconds. min_disk_free_bytes: where the database lies.
        max_unknown_orders: of an account, from which on entries stop.
        max_inbox_depth: fills and order events waiting.
        rate_window_s, max_orders_per_window, max_messages_per_window: of the account.
        repetition_window_s, max_strategy_orders_per_window: of one strategy; beyond it it is disabled.
        max_rejects_in_row: of the account, from which on entries stop.
        max_slippage_bps: mean slippage beyond what was expected.
        needs_alert_channel: whether somebody must be reachable.
        send_deadline_s, lease_margin_s: the lease must outlast both.
        approval_life_s: an approval not used within it is void.
        auto_halt: a critical violation halts until a named person clears it.
        violation_cooldown_s: the same violation is written down once in so many seconds (it denies every time).

    Raises:
        ConfigError: a number is out of its bounds.
    """

    entry_ttl_s: float = 5.0
    max_data_age_s: float = 60.0
    max_market_data_age_s: float = 15.0
    collar_pct: float = 3.0
    collar_atr: float = 5.0
    duplicate_window_s: float = 2.0
    max_clock_skew_s: float = 1.0
    max_loop_lag_s: float = 2.0
    max_db_latency_s: float = 2.0
    min_disk_free_bytes: int = 1_000_000_000
    max_unknown_orders: int = 2
    max_inbox_depth: int = 1_000
    rate_window_s: float = 60.0
    max_orders_per_window: int = 60
    max_messages_per_window: int = 120
    repetition_window_s: float = 60.0
    max_strategy_orders_per_window: int = 30
    max_rejects_in_row: int = 5
    max_slippage_bps: float = 50.0
    needs_alert_channel: bool = True
    send_deadline_s: float = 5.0
    lease_margin_s: float = 1.0
    approval_life_s: float = 2.0
    auto_halt: bool = True
    violation_cooldown_s: float = 300.0

    def __post_init__(self) -> None:
        for name, loosest in _LOOSEST.items():
            value = getattr(self, name)
            if not (finite(value) and 0 < value <= loosest):
                raise ConfigError(f"{name} must lie above 0 and up to {loosest:g}, not {value!r}.")
