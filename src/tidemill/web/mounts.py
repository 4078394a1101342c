"""Every router and every path it is reachable under, in one place: the canonical one first, then the sources'.

Routers with static paths (``/public``, ``/auth/status``) come before those whose paths take a name.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, FastAPI

from tidemill.web.agents import broker as agents_broker
from tidemill.web.agents import protecting as agents_protecting
from tidemill.web.agents import routes as agents
from tidemill.web.agents import trading as agents_trading
from tidemill.web.auth import routes as auth
from tidemill.web.backtests import routes as backtests
from tidemill.web.below import below
from tidemill.web.custom_strategies import routes as custom_strategies
from tidemill.web.events import routes as events
from tidemill.web.export import routes as export
from tidemill.web.health import routes as health
from tidemill.web.live_trading import routes as live_trading
from tidemill.web.metrics import routes as metrics
from tidemill.web.notifications import routes as notifications
from tidemill.web.performance import routes as performance
from tidemill.web.runs import protecting as runs_protecting
from tidemill.web.runs import routes as runs
from tidemill.web.runs import ticks
from tidemill.web.sessions import routes as sessions
from tidemill.web.strategies import routes as strategies
from tidemill.web.system import routes as system
from tidemill.web.trading import config as manual_config
from tidemill.web.trading import logs as manual_logs
from tidemill.web.trading import money as manual_money
from tidemill.web.trading import orders as manual_orders
from tidemill.web.trading import outside as manual_outside
from tidemill.web.trading import signals as manual_signals
from tidemill.web.users import routes as users
from tidemill.web.violations import routes as violations
from tidemill.web.webhooks import routes as webhooks

__all__ = ["MOUNTS", "Mount", "mount_all"]


@dataclass(frozen=True, slots=True)
class Mount:
    """One router under its paths.

    Args:
        router: of a feature.
        prefixes: where it is mounted; the first is the canonical one.
        tag: heading in the documentation.
    """

    router: APIRouter
    prefixes: tuple[str, ...]
    tag: str


MOUNTS: tuple[Mount, ...] = (
    Mount(auth.router, ("/v1/auth", "/api/v1/auth"), "Signing in"),
    Mount(users.router, ("/v1/users",), "People"),
    Mount(users.audit_router, ("/v1/audit",), "People"),
    Mount(agents_broker.router, ("/v1/agents", "/api/agents"), "Trading agents"),
    Mount(agents_trading.router, ("/v1/agents", "/api/agents"), "Trading agents"),
    Mount(agents.router, ("/v1/agents", "/api/agents"), "Trading agents"),
    Mount(agents_trading.agent_router, ("/v1/agents", "/api/agents"), "Trading agents"),
    Mount(agents_protecting.router, ("/v1/agents", "/api/agents"), "Trading agents"),
    Mount(live_trading.router, ("/v1/live-strategies", "/api/v1/live-trading"), "Live strategies"),
    Mount(sessions.router, ("/v1", "/api/trading"), "Trading sessions"),
    Mount(runs.router, ("/v1/runs",), "Runs"),
    Mount(runs_protecting.router, ("/v1/runs",), "Runs"),
    Mount(ticks.run_router, ("/v1/runs",), "Runs"),
    Mount(ticks.router, ("/v1/tick",), "Runs"),
    Mount(backtests.router, ("/v1/backtests", "/api/backtest"), "Backtests"),
    Mount(performance.router, ("/v1/performance", "/api/performance"), "Performance"),
    Mount(strategies.router, ("/v1/strategies", "/api/strategies"), "Strategies"),
    Mount(custom_strategies.router, ("/v1/custom-strategies", "/api/custom-strategies"), "Custom strategies"),
    Mount(manual_orders.router, ("/v1/orders",), "Trading by hand"),
    Mount(manual_orders.fills_router, ("/v1/fills",), "Trading by hand"),
    Mount(manual_orders.flatten_router, ("/v1/flatten",), "Trading by hand"),
    Mount(manual_config.halt_router, ("/v1/halt",), "Trading by hand"),
    Mount(manual_config.resume_router, ("/v1/resume",), "Trading by hand"),
    Mount(manual_config.router, ("/v1/config",), "Trading by hand"),
    Mount(manual_signals.router, ("/v1/signal",), "Trading by hand"),
    Mount(manual_money.pnl_router, ("/v1/pnl",), "Trading by hand"),
    Mount(manual_money.router, ("/v1",), "Trading by hand"),
    Mount(manual_logs.router, ("/v1/logs",), "Trading by hand"),
    Mount(manual_logs.export_router, ("/v1/export",), "Trading by hand"),
    Mount(manual_outside.broker_router, ("/v1/broker",), "Trading by hand"),
    Mount(manual_outside.model_router, ("/v1/model",), "Trading by hand"),
    Mount(manual_outside.hooks_router, ("/v1/hooks",), "Trading by hand"),
    Mount(events.router, ("/v1/events",), "Events and files"),
    Mount(violations.router, ("/v1/violations",), "Events and files"),
    Mount(export.router, ("/v1/export",), "Events and files"),
    Mount(health.router, ("/v1/health",), "System"),
    Mount(metrics.router, ("/v1/metrics",), "System"),
    Mount(notifications.router, ("/v1/notifications",), "Notifications"),
    Mount(webhooks.router, ("/v1/webhooks",), "Notifications"),
    Mount(system.router, ("/v1/debug",), "System"),
)


def mount_all(app: FastAPI) -> None:
    """Mount everything under each of its paths."""
    for mount in MOUNTS:
        for prefix in mount.prefixes:
            app.include_router(below(prefix, mount.router, mount.tag))
