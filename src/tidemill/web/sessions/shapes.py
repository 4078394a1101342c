"""Sessions as they are told."""

from __future__ import annotations

from tidemill.services.faces.session_settings import waiting_settings
from tidemill.services.faces.sessions import Session
from tidemill.services.fleet.facts import Facts, Portfolio, Row, number, usd
from tidemill.web.sessions.schemas import SessionOut, SettingsAnswer, SettingsOut, TradeOut
from tidemill.web.times import iso_utc

__all__ = ["money_of", "session_out", "settings_answer", "settings_out", "trade_out"]

_STATUS = {"STARTING": "ACTIVE", "RUNNING": "ACTIVE"}


def money_of(facts: Facts, session: Session) -> Portfolio:
    """Return the money of a session."""
    return facts.portfolio(session.run, session.agent.spec.run.cash)


def session_out(facts: Facts, session: Session) -> SessionOut:
    """Return a session with what it has done."""
    agent, run, money = session.agent, session.run, money_of(facts, session)
    figures = next(iter(facts.metrics([run], 1)), None)
    return SessionOut(
        id=agent.number,
        user_id=agent.user_id,
        start_time=iso_utc(run.started_ns),
        end_time=iso_utc(run.ended_ns) if run.ended_ns else None,
        mode=run.mode.upper(),
        strategy=agent.name,
        symbols=list(agent.spec.symbols),
        initial_cash=agent.spec.run.cash,
        final_cash=None if run.is_active else money.cash,
        total_trades=figures["trades"] or 0 if figures else 0,
        winning_trades=figures["winning_trades"] or 0 if figures else 0,
        total_pnl=money.total_pnl,
        status=_STATUS.get(run.status, run.status),
        message=run.message,
        scheduled_end_time=agent.spec.schedule.end or None,
        run_id=run.run_id,
        feed="SIMULATED" if agent.spec.feed.kind == "synthetic" else agent.spec.feed.kind,
        created_at=iso_utc(agent.created_ns),
    )


def settings_out(session: Session) -> SettingsOut:
    """Return the settings of a session."""
    return SettingsOut(**session.settings.values())


def settings_answer(session: Session) -> SettingsAnswer:
    """Return the settings of a session, and whether it goes by them."""
    waiting = waiting_settings(session.began_with, session.settings)
    return SettingsAnswer(
        **session.settings.values(), session_id=session.agent.number, is_in_force=not waiting, waiting=waiting
    )


def trade_out(row: Row, session: Session, closed: dict[str, int]) -> TradeOut:
    """Return a fill; ``closed`` holds results of round trips by the order that closed them."""
    pnl = closed.get(row["client_id"])
    return TradeOut(
        id=row["exec_id"],
        user_id=session.agent.user_id,
        session_id=session.agent.number,
        symbol=row["symbol"],
        action=row["side"],
        quantity=number(row["quantity"]) or 0.0,
        price=number(row["price"]) or 0.0,
        timestamp=iso_utc(row["ts_ns"]),
        strategy=row["strategy"],
        mode=session.run.mode.upper(),
        pnl=usd(pnl) if pnl is not None else None,
        fee=usd(row["fee_micros"]),
        created_at=iso_utc(row["ts_ns"]),
    )
