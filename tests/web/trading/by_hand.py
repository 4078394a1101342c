"""What tests of trading by hand share: a desk that trades at whatever time they run, and its smallest words."""

from __future__ import annotations

from typing import Any

from hosting import until
from installation import Service

__all__ = ["ALWAYS", "SMOKE", "order", "place", "settled", "tick", "trades"]

# As `make open-trading` sets it, and limits no test meets by chance.
ALWAYS: dict[str, Any] = {
    "session_windows": ["00:00-24:00"],
    "session_days": ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"],
    "max_trades_per_day": 100,
    "daily_loss_cap_usd": 10_000.0,
    "position_limit_pct": 100.0,
    "max_daily_volume_usd": 10_000_000.0,
}
SMOKE: dict[str, Any] = {
    "symbol": "NQZ5",
    "side": "SELL",
    "qty": 1,
    "entry": 17895,
    "stop": 17905,
    "target": 17875,
    "paper": True,
}


def place(service: Service, body: dict[str, Any], status: int = 201, name: str = "trader", **more: Any) -> Any:
    """Post an order."""
    return service.post(name, "/v1/orders", body, status, **more)


def tick(service: Service, price: float, symbol: str = "NQZ5", name: str = "trader") -> None:
    """Push a price as the source does: symbol and price."""
    service.post(name, "/v1/tick", {"symbol": symbol, "price": price})


def order(service: Service, order_id: str, name: str = "trader") -> Any:
    """Return an order as it stands."""
    return service.get(name, f"/v1/orders/{order_id}")


def settled(service: Service, order_id: str, status: str, name: str = "trader") -> Any:
    """Wait until an order stands somewhere."""
    return until(lambda: order(service, order_id, name), lambda found: found["status"] == status)


def trades(service: Service, count: int, name: str = "trader") -> Any:
    """Wait until so many round trips have ended."""
    return until(
        lambda: service.get(name, "/v1/logs/trades")["trades"],
        lambda rows: sum(row["exit_price"] is not None for row in rows) >= count,
        20.0,
    )
