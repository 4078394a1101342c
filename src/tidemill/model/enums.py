"""Small whole numbers with names: the only words the compiled core knows.

Values are stored in records, tapes and files: never renumber, only add.
"""

from __future__ import annotations

from enum import IntEnum

__all__ = [
    "CommandKind",
    "CommissionKind",
    "EventKind",
    "FillTiming",
    "Intent",
    "Link",
    "Operator",
    "OrderState",
    "OrderType",
    "PathRule",
    "Reason",
    "Rebalance",
    "Refusal",
    "Session",
    "Side",
    "Sizing",
    "Slippage",
    "TimeInForce",
    "Timer",
    "Verdict",
]


class EventKind(IntEnum):
    """What one event row is."""

    NONE = 0
    BAR = 1
    QUOTE = 2
    TRADE = 3
    TIMER = 4
    SESSION_CHANGE = 5
    INTENT = 6
    VERDICT = 7
    ACK = 8
    FILL = 9
    REJECT = 10
    CANCELLED = 11
    EXPIRED = 12
    ACCOUNT_SNAPSHOT = 13
    LINK = 14
    OPERATOR = 15
    SPLIT = 16
    DIVIDEND = 17
    REPLACED = 18
    CANCEL_REFUSED = 19
    UNKNOWN = 20
    ABSENT = 21
    ADJUST = 22


class CommandKind(IntEnum):
    """What the core wants the outside to do."""

    NONE = 0
    SUBMIT = 1
    CANCEL = 2
    REPLACE = 3
    PROPOSE = 4
    NOTIFY = 5
    HALT = 6


class Side(IntEnum):
    """Direction of an order or position."""

    SELL = -1
    NONE = 0
    BUY = 1


class OrderType(IntEnum):
    """How an order's price is decided."""

    MARKET = 0
    LIMIT = 1
    STOP = 2
    STOP_LIMIT = 3
    TRAILING_STOP = 4


class TimeInForce(IntEnum):
    """How long an order may work."""

    DAY = 0
    GTC = 1
    IOC = 2
    FOK = 3
    OPG = 4
    CLS = 5


class Intent(IntEnum):
    """Why an order exists: entries pass every rule, exits and protection pass none that could trap a position."""

    NONE = 0
    ENTRY = 1
    EXIT = 2
    PROTECT = 3


class Reason(IntEnum):
    """Why an order was sent; on a closing fill it is the exit reason of the round trip."""

    NONE = 0
    SIGNAL = 1
    STOP_LOSS = 2
    TAKE_PROFIT = 3
    TRAILING_STOP = 4
    TIME_EXIT = 5
    SESSION_END = 6
    MANUAL = 7
    HALT = 8
    REBALANCE = 9
    REVERSE = 10
    END_OF_DATA = 11
    RSI_OVERSOLD = 12
    RSI_OVERBOUGHT = 13
    MOMENTUM_BREAKOUT = 14
    MOMENTUM_EXHAUSTION = 15
    DAILY_LOSS = 16
    ADJUSTMENT = 17
    UNPROTECTED = 18


class OrderState(IntEnum):
    """Where an order stands; the legal moves are one table in ``kernel/transitions.py``."""

    NONE = 0
    CREATED = 1
    APPROVED = 2
    SENDING = 3
    UNKNOWN = 4
    HELD = 5
    WORKING = 6
    PARTIAL = 7
    CANCEL_PENDING = 8
    REPLACE_PENDING = 9
    FILLED = 10
    CANCELED = 11
    REJECTED = 12
    EXPIRED = 13
    DENIED = 14
    ABSENT = 15


class Refusal(IntEnum):
    """Why the core did not turn a proposal into an order; 0 means it may pass."""

    NONE = 0
    HALTED = 1
    NO_PRICE = 2
    BAD_QUANTITY = 3
    OUTSIDE_WINDOW = 4
    OUTSIDE_SESSION = 5
    DAILY_LOSS = 6
    MAX_TRADES = 7
    MAX_OPEN_POSITIONS = 8
    MAX_POSITION_SIZE = 9
    BUYING_POWER = 10
    SHORT_NOT_ALLOWED = 11
    ALREADY_IN_POSITION = 12
    ORDER_PENDING = 13
    NOTHING_TO_CLOSE = 14
    BAD_STOP = 15
    BAD_TARGET = 16
    ORDER_TABLE_FULL = 17
    REBALANCE_WAIT = 18
    STALE_VERDICT = 19
    GATE_REFUSED = 20
    BAD_LIMIT = 21
    WARMING_UP = 22
    PAUSED = 23
    SIGNAL_ONLY = 24
    LINK_DOWN = 25
    LOW_CONFIDENCE = 26


class Operator(IntEnum):
    """What a person (or the watchdog) orders; carried by an OPERATOR event."""

    NONE = 0
    HALT = 1
    RESUME = 2
    CANCEL_ALL = 3
    FLATTEN = 4
    DISABLE = 5  # a strategy's step is not called any more; its row stands in the event's order
    UNMUTE = 6
    PAUSE = 7
    GO_ON = 8
    CANCEL_ORDER = 9
    MUTE = 10
    LIMITS = 11  # what the guard allows has changed; the core only notes it
    PROTECT = 12  # another stop, target or trail of one position; its strategy's row stands in the event's order


class Verdict(IntEnum):
    """What a gate says to a proposal; carried by a VERDICT event."""

    VETO = 0
    APPROVE = 1
    SCALE = 2


class Link(IntEnum):
    """Whether the outside can be reached; carried by a LINK event."""

    DOWN = 0
    UP = 1


class Timer(IntEnum):
    """What a TIMER event asks for."""

    NONE = 0
    LAPSE = 1
    SESSION_END = 2


class Session(IntEnum):
    """The exchange's session, never a run."""

    CLOSED = 0
    PRE = 1
    REGULAR = 2
    POST = 3


class Sizing(IntEnum):
    """How a quantity is decided when a strategy names none."""

    FIXED = 0
    FIXED_AMOUNT = 1
    PERCENT = 2
    RISK_PERCENT = 3
    KELLY = 4
    EQUAL_WEIGHT = 5


class Rebalance(IntEnum):
    """When an open position is brought back to its target size."""

    NEVER = 0
    DAILY = 1
    WEEKLY = 2
    ON_SIGNAL = 3


class Slippage(IntEnum):
    """How much worse than the touched price a market or stop order fills."""

    NONE = 0
    FIXED = 1
    PROPORTIONAL = 2
    HALF_SPREAD = 3


class CommissionKind(IntEnum):
    """How a fill is charged."""

    NONE = 0
    PER_UNIT = 1
    PERCENT = 2


class FillTiming(IntEnum):
    """When a market order decided on a bar's close fills."""

    NEXT_OPEN = 0
    SAME_CLOSE = 1


class PathRule(IntEnum):
    """Which of stop and target comes first when one bar touches both."""

    STOP_FIRST = 0
    TARGET_FIRST = 1
    WORST = 2
    BEST = 3
