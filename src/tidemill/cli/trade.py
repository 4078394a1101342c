"""``tidemill trade``: a quick trade out of a file or a few questions, sent to the API once and kept beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from tidemill.cli.flags import with_flags
from tidemill.cli.places import DATA_DIR, DATABASE
from tidemill.model.errors import ConfigError, GuardRefusal, OutputError

__all__ = ["TEMPLATE", "smoke", "trade"]

_NQ = ("NQ", "MNQ")
TEMPLATE: dict[str, Any] = {
    "symbol": "NQZ5",
    "side": "BUY",
    "quantity": 1,
    "order_type": "LIMIT",
    "price": 17895,
    "stop_price": 17885,
    "target_price": 17915,
    "paper": True,
    "features": {"strategy_id": "ORB", "setup": "Quick-Trade"},
    "notes": "",
}
_ALWAYS = {"session_windows": ["00:00-24:00"], "session_days": ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]}
_SMOKE = {"symbol": "NQZ5", "side": "SELL", "qty": 1, "entry": 17895, "stop": 17905, "target": 17875, "paper": True}


@with_flags()
def trade(
    file: Annotated[Path | None, typer.Argument(help="JSON of an order; questions are asked when left out.")] = None,
    *,
    entered_at: Annotated[str | None, typer.Option(help="When it was entered, UTC.", metavar="TIME")] = None,
    backfill: Annotated[bool, typer.Option("--backfill", help="A trade of the past: only written down.")] = False,
    any_symbol: Annotated[bool, typer.Option("--any-symbol", help="Not only NQ and micro NQ.")] = False,
    key: Annotated[str | None, typer.Option(help="Idempotency key; a new one when left out.")] = None,
    archive: Annotated[Path, typer.Option(help="Folder that keeps what was sent.")] = Path("trades_submitted"),
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
) -> None:
    """Send a quick trade to the running service; a file that is not there is written as a template to edit."""
    from tidemill.cli.calling import call
    from tidemill.runtime.clock import SystemIds
    from tidemill.services.manual.universe import is_contract_of

    if file is not None and not file.exists():
        _write(file, TEMPLATE)
        typer.echo(f"{file} was not there; it is a template now: edit it, then ask again. Nothing was sent.")
        return
    body = _asked() if file is None else _read(file)
    if backfill and file is None and entered_at is None:
        entered_at = typer.prompt("Entered at (UTC, 2025-09-12T13:45:00Z)")
    if entered_at is not None:
        body["entered_at"] = entered_at
    if backfill:
        body["features"] = {**body.get("features", {}), "is_backfill": True}
    if not any_symbol and not is_contract_of(str(body.get("symbol", "")), _NQ):
        raise ConfigError(f"Quick trades are for NQ and micro NQ, not {body.get('symbol')!r}; say --any-symbol.")
    name = key or SystemIds().fresh("trade-")
    agent = "tidemill-cli" if file is None else "tidemill-manual-json"
    status, text = call("POST", "/v1/orders", body, agent=agent, key=name, data_dir=data_dir, database=database)
    answer = _told(status, text)
    archive.mkdir(parents=True, exist_ok=True)
    _write(archive / f"{name}.json", {"key": name, "order": body, "answer": answer})
    typer.echo(f"{answer['order_id']} {answer['status']} {answer['side']} {answer['quantity']:g} {answer['symbol']}")


def _asked() -> dict[str, Any]:
    """Return a trade out of a few questions."""
    body: dict[str, Any] = {
        "symbol": typer.prompt("Symbol", default="NQZ5"),
        "side": typer.prompt("Side (BUY or SELL)"),
        "qty": typer.prompt("Contracts", default=1, type=int),
        "entry": typer.prompt("Entry", type=float),
        "stop": typer.prompt("Stop", type=float),
    }
    if target := typer.prompt("Target (0: none)", default=0.0, type=float, show_default=False):
        body["target"] = target
    body["notes"] = typer.prompt("Notes", default="", show_default=False)
    return body


def _read(file: Path) -> dict[str, Any]:
    try:
        body = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file} cannot be read as JSON ({error}).") from None
    if not isinstance(body, dict):
        raise ConfigError(f"{file} holds no order; write an object with symbol, side and quantity.")
    return body


def _write(file: Path, values: Any) -> None:
    try:
        file.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{file} cannot be written ({error.strerror}).") from None


def _told(status: int, text: str) -> Any:
    """Return an answer. Raises GuardRefusal: the service said no."""
    found = json.loads(text) if text.startswith(("{", "[")) else {"message": text}
    if status >= 400:
        raise GuardRefusal(str(found.get("code", "refused")), str(found.get("message", text)))
    return found


@with_flags()
def smoke(
    step: Annotated[str, typer.Argument(help="open-trading, test-order, test-logs or all.")] = "all",
    *,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
) -> None:
    """Try the running service out: open all hours, place a paper bracket and fill it, read logs and their export."""
    from tidemill.cli.calling import call

    steps: dict[str, list[tuple[str, str, Any]]] = {
        "open-trading": [("PUT", "/v1/config", _ALWAYS)],
        "test-order": [
            ("POST", "/v1/orders", _SMOKE),
            ("POST", "/v1/tick", {"symbol": "NQZ5", "price": 17894.75}),
            ("POST", "/v1/flatten", None),
            ("POST", "/v1/tick", {"symbol": "NQZ5", "price": 17894.75}),
        ],
        "test-logs": [("GET", "/v1/logs/trades?limit=10", None), ("GET", "/v1/export/trades.csv?limit=10", None)],
    }
    if step not in {"all", *steps}:
        raise ConfigError(f"There is no step {step!r}; say open-trading, test-order, test-logs or all.")
    for name in steps if step == "all" else (step,):
        for method, path, body in steps[name]:
            status, text = call(method, path, body, agent="tidemill-cli", data_dir=data_dir, database=database)
            _told(status, text)
            typer.echo(f"{status} {method} {path}")
