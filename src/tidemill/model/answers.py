"""What the core's answers mean, in one sentence each: one table for reports, the command line and the documentation."""

from __future__ import annotations

from tidemill.model.enums import Reason, Refusal

__all__ = ["REASONS", "REFUSALS"]

REFUSALS: dict[Refusal, str] = {
    Refusal.NONE: "No objection: the proposal became an order.",
    Refusal.HALTED: "Trading is halted; an operator must resume it. Exits still pass.",
    Refusal.NO_PRICE: "There is no price yet to size or check the order with.",
    Refusal.BAD_QUANTITY: "The quantity is not above zero, or nothing is left of it after rounding to the lot.",
    Refusal.OUTSIDE_WINDOW: "The bar lies outside the strategy's window of hours or weekdays.",
    Refusal.OUTSIDE_SESSION: "The exchange's regular session is not open and extended hours are off.",
    Refusal.DAILY_LOSS: "The strategy has lost its daily limit; entries wait for the next trading day.",
    Refusal.MAX_TRADES: "The strategy has opened as many positions today as it may.",
    Refusal.MAX_OPEN_POSITIONS: "As many positions are open as may be.",
    Refusal.MAX_POSITION_SIZE: "The position would be worth more than its share of the equity allows.",
    Refusal.BUYING_POWER: "The account cannot pay for this order.",
    Refusal.SHORT_NOT_ALLOWED: "Selling short is switched off.",
    Refusal.LOW_CONFIDENCE: "The signal is less sure than asked for, or does not say how sure it is.",
    Refusal.ALREADY_IN_POSITION: "A position is open and adding to it is not allowed, or not any more.",
    Refusal.ORDER_PENDING: "An order that does the same is still working.",
    Refusal.NOTHING_TO_CLOSE: "There is neither a position nor a working entry to close.",
    Refusal.BAD_STOP: "The stop lies on the wrong side of the price, or is no price.",
    Refusal.BAD_TARGET: "The target lies on the wrong side of the price, or is no price.",
    Refusal.ORDER_TABLE_FULL: "No row is left for another order; end some of the working ones.",
    Refusal.REBALANCE_WAIT: "It is not yet time to bring the position back to its target size.",
    Refusal.STALE_VERDICT: "The gate answered too late; the proposal is void.",
    Refusal.GATE_REFUSED: "The gate said no.",
    Refusal.BAD_LIMIT: "The limit is no price.",
    Refusal.WARMING_UP: "The strategy has not seen enough bars yet, or is being fed past bars to learn from.",
    Refusal.PAUSED: "Entries are paused; everything else goes on until a person lets them go on too.",
    Refusal.SIGNAL_ONLY: "Every rule agrees, but this strategy only gives signals; nothing was sent.",
    Refusal.LINK_DOWN: "The connection is down; entries wait until it is back.",
}
REASONS: dict[Reason, str] = {
    Reason.NONE: "None given.",
    Reason.SIGNAL: "The strategy asked for it.",
    Reason.STOP_LOSS: "The protective stop was reached.",
    Reason.TAKE_PROFIT: "The target was reached.",
    Reason.TRAILING_STOP: "The trailing stop was reached.",
    Reason.TIME_EXIT: "The position was held for as many bars as allowed.",
    Reason.SESSION_END: "The regular session is about to end and positions are to be flat by then.",
    Reason.MANUAL: "A person asked for it.",
    Reason.HALT: "Trading was halted and open positions were closed.",
    Reason.REBALANCE: "The position was brought back to its target size.",
    Reason.REVERSE: "The position was turned to the other side.",
    Reason.END_OF_DATA: "The data ended; open positions are valued, not sold, at the last price.",
    Reason.RSI_OVERSOLD: "The relative strength index fell below its lower bound.",
    Reason.RSI_OVERBOUGHT: "The relative strength index rose above its upper bound.",
    Reason.MOMENTUM_BREAKOUT: "Momentum rose above its bound.",
    Reason.MOMENTUM_EXHAUSTION: "Momentum faded.",
    Reason.DAILY_LOSS: "The daily loss limit was reached and open positions are to be closed then.",
    Reason.ADJUSTMENT: "No order did it: a late fill, a trade by hand, a bust or a correction was booked.",
    Reason.UNPROTECTED: "The broker would not take the protective stop, so the position was closed.",
}
