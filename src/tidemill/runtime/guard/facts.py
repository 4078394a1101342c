"""Everything a guard rule may look at when an order is about to leave. What is not filled in is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tidemill.model.broker import OrderRequest
from tidemill.model.enums import Session, Side
from tidemill.model.instrument import Instrument
from tidemill.runtime.guard.baseline import Baseline
from tidemill.runtime.guard.correlation import CorrelationMatrix
from tidemill.runtime.guard.numbers import UNKNOWN

__all__ = ["Arming", "Facts", "OpenOrder", "Scope", "ScopeFacts", "SentOrder", "SymbolFacts"]


class Scope(StrEnum):
    """Whose limits are meant: each has its own sub-ledger, positions and baselines."""

    ACCOUNT = "account"
    AGENT = "agent"
    STRATEGY = "strategy"
    SESSION = "session"
    GUARDRAIL = "guardrail"


@dataclass(slots=True)
class OpenOrder:
    """An order that may still fill, as far as we know.

    Args:
        request: as it was decided.
        remaining: units that may still fill; of an unknown order all of it.
        owner: ``RUN/STRATEGY`` whose it is.
        is_unknown: nobody knows whether it lives.
        is_acknowledged: the broker has shown it, so its own buying power counts it.
        filled: units it has filled; a change of its quantity counts them again.
        has_left: it is at the broker, or may be.
    """

    request: OrderRequest
    remaining: float
    owner: str
    is_unknown: bool = False
    is_acknowledged: bool = True
    filled: float = 0.0
    has_left: bool = True


@dataclass(frozen=True, slots=True)
class SentOrder:
    """One order that left lately, for finding doubles; ``mono_ns`` is the monotonic clock then."""

    client_id: str
    symbol: str
    side: Side
    quantity: float
    mono_ns: int


@dataclass(frozen=True, slots=True)
class Arming:
    """The keys that together allow real money; each must be turned by another hand.

    Args:
        server_flag: the process was started for live trading.
        agent_is_live: the agent's mode says so.
        owner_reauthenticated: the owner logged in again for it.
        suffix_confirmed: the owner typed the account's last characters.
        own_limits: the limits are the owner's, not the defaults.
    """

    server_flag: bool = False
    agent_is_live: bool = False
    owner_reauthenticated: bool = False
    suffix_confirmed: bool = False
    own_limits: bool = False


@dataclass(slots=True)
class SymbolFacts:
    """What is known about one symbol now.

    Args:
        instrument: tick, lot, multiplier, margin; None: not known.
        last, bid, ask: prices; NaN: none. A feed without quotes leaves bid and ask NaN.
        stamp_ns: when the newest price was made by the exchange's clock (a bar: its end), UTC.
        arrived_mono_ns: when it arrived here, monotonic.
        is_fresh: the feed itself says that the symbol lives.
        interval_ns: bar size of a feed of bars, 0 for ticks. delay_ns: how late the feed is by contract.
        atr: average true range in price points; NaN: not known.
        session: of its exchange now; None: not known.
        block: why it may not be traded now (halted, auction, expiring, unmapped split); empty: nothing stands in the
            way; None: not known.
        confirmed_units: signed position of the whole account as the broker's fills and answers show it.
        own_units: signed position of the strategy that sends.
        sector: for sector limits; empty: not known.
    """

    instrument: Instrument | None = None
    last: float = UNKNOWN
    bid: float = UNKNOWN
    ask: float = UNKNOWN
    stamp_ns: int | None = None
    arrived_mono_ns: int | None = None
    is_fresh: bool = False
    interval_ns: int = 0
    delay_ns: int = 0
    atr: float = UNKNOWN
    session: Session | None = None
    block: str | None = None
    confirmed_units: float = UNKNOWN
    own_units: float = UNKNOWN
    sector: str = ""


@dataclass(slots=True)
class ScopeFacts:
    """What one sub-ledger (or the whole account) holds, has on its way, and how it stands.

    Args:
        units: signed position by symbol; a symbol that is not there is flat.
        orders: everything of it that may still fill, this order included or not.
        equity_micros: cash and positions at present marks.
        baseline: where its trading day, week and peak began.
        trades_today: positions opened this trading day.
        volume_today_micros: value filled this trading day (see ``worst_case.value_per_unit``).
        losses_in_row: losing round trips since the last winner.
        slippage_bps: mean slippage of its last fills beyond what was expected, basis points; 0 without fills.
    """

    units: dict[str, float] = field(default_factory=dict)
    orders: Sequence[OpenOrder] = ()
    equity_micros: int | None = None
    baseline: Baseline | None = None
    trades_today: int | None = None
    volume_today_micros: int | None = None
    losses_in_row: int | None = None
    slippage_bps: float = UNKNOWN


@dataclass(slots=True)
class Facts:
    """The present, filled in by the run right before it asks.

    Args:
        now_ns: wall clock. mono_ns: monotonic clock.
        trading_day: of the account's calendar, days since 1970-01-01.
        account, run_id, strategy: who sends.
        mode: ``paper`` or ``live``, as promised to the user.
        broker_account, broker_environment: as the broker's own answer tells.
        arming: the keys for real money.
        symbols: by name: the order's and every other that is held or pending.
        scopes: the sub-ledgers by the scope of their limits; several may be one object.
        orders_in_window, messages_in_window: sent by the account within ``Tolerances.rate_window_s``.
        strategy_orders_in_window: entries this strategy has sent within ``Tolerances.repetition_window_s``.
        rejects_in_row: of the account since the last accepted order.
        recent: orders that left within the last seconds.
        recon_symbols: symbols in which our record and the broker's differ; None: not compared.
        is_reconciled: the start-up comparison is through.
        lease_remaining_ns: until the right to send for the account runs out, monotonic.
        loop_lag_s, clock_skew_s, db_latency_s: seconds. disk_free_bytes: where the database lies.
        alert_channel_ok: somebody can be woken. order_stream_ready, market_data_ready: the connections stand.
        inbox_depth: fills and order events not yet worked through.
        buying_power_micros: as the broker tells.
        correlations: of daily returns; None: not computed.
    """

    now_ns: int
    mono_ns: int
    trading_day: int
    account: str
    run_id: str
    strategy: str
    mode: str = ""
    broker_account: str = ""
    broker_environment: str = ""
    arming: Arming = field(default_factory=Arming)
    symbols: Mapping[str, SymbolFacts] = field(default_factory=dict)
    scopes: dict[Scope, ScopeFacts] = field(default_factory=dict)
    orders_in_window: int | None = None
    messages_in_window: int | None = None
    strategy_orders_in_window: int | None = None
    rejects_in_row: int | None = None
    recent: Sequence[SentOrder] = ()
    recon_symbols: Sequence[str] | None = None
    is_reconciled: bool = False
    lease_remaining_ns: int | None = None
    loop_lag_s: float = UNKNOWN
    clock_skew_s: float = UNKNOWN
    db_latency_s: float = UNKNOWN
    disk_free_bytes: int | None = None
    alert_channel_ok: bool = False
    order_stream_ready: bool = False
    market_data_ready: bool = False
    inbox_depth: int | None = None
    buying_power_micros: int | None = None
    correlations: CorrelationMatrix | None = None

    @property
    def owner(self) -> str:
        """Return ``RUN/STRATEGY``, as open orders carry it."""
        return f"{self.run_id}/{self.strategy}"

    def scope_key(self, scope: Scope) -> str:
        """Return the name under which a halt or breaker of these limits is kept."""
        if scope is Scope.STRATEGY:
            return f"strategy:{self.run_id}/{self.strategy}"
        return f"account:{self.account}" if scope in {Scope.ACCOUNT, Scope.GUARDRAIL} else f"run:{self.run_id}"

    def scope_keys(self, symbol: str) -> tuple[str, ...]:
        """Return every scope whose halt stops an order in a symbol, widest first."""
        run = self.run_id
        own = (f"strategy:{run}/{self.strategy}", f"symbol:{run}/{symbol}")
        return "system", f"account:{self.account}", f"run:{run}", *own
