"""The tape's rows as tables with readable columns: one list of columns serves JSON, CSV, Parquet and DataFrames."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.enums import Intent, OrderState, OrderType, Reason, Refusal, TimeInForce
from tidemill.model.runrecord import RunRecord
from tidemill.model.units import MICROS

__all__ = ["TABLES", "iso_utc", "table_of"]

Column = tuple[str, NDArray[Any]]


def iso_utc(ts_ns: NDArray[np.int64]) -> NDArray[np.str_]:
    """Return UTC stamps as ISO 8601 text with a Z; fractions of a second only where there are any."""
    stamps = np.asarray(ts_ns, np.int64)
    unit = "s" if not np.any(stamps % 1_000_000_000) else "ns"
    times: Any = stamps.astype("datetime64[ns]").astype(f"datetime64[{unit}]")
    return np.char.add(np.datetime_as_string(times), "Z")


def _names(values: NDArray[np.int64], kind: type[IntEnum]) -> NDArray[np.str_]:
    lookup = np.array([kind(i).name.lower() if i in kind._value2member_map_ else "" for i in range(max(kind) + 1)])
    return lookup[values] if len(values) else np.zeros(0, "U8")


def _pick(values: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.str_]:
    return np.array(list(names) or [""])[values] if len(values) else np.zeros(0, "U8")


def _side(values: NDArray[np.int64], buy: str = "buy", sell: str = "sell") -> NDArray[np.str_]:
    return np.where(values > 0, buy, sell)


def _money(values: NDArray[np.int64]) -> NDArray[np.float64]:
    return values / MICROS


def _fills(record: RunRecord) -> list[Column]:
    rows, symbols = record.fills, [item.symbol for item in record.instruments]
    return [
        ("timestamp", rows["ts_ns"]),
        ("symbol", _pick(rows["instrument"], symbols)),
        ("strategy", _pick(rows["strategy"], record.strategies)),
        ("side", _side(rows["side"])),
        ("quantity", rows["quantity"]),
        ("price", rows["price"]),
        ("fee", _money(rows["fee"])),
        ("slippage", _money(rows["slippage"])),
        ("intent", _names(rows["intent"], Intent)),
        ("reason", _names(rows["reason"], Reason)),
        ("order_id", rows["order_id"]),
        ("realised", _money(rows["realised"])),
        ("position_after", rows["position_after"]),
        ("cash_after", _money(rows["cash_after"])),
    ]


def _trips(record: RunRecord) -> list[Column]:
    rows, symbols = record.trips, [item.symbol for item in record.instruments]
    risk = rows["risk"]
    multiple = np.divide(rows["pnl"], risk, out=np.full(len(rows), np.nan), where=risk > 0)
    return [
        ("symbol", _pick(rows["instrument"], symbols)),
        ("strategy", _pick(rows["strategy"], record.strategies)),
        ("side", _side(rows["side"], "long", "short")),
        ("quantity", rows["quantity"]),
        ("entry_time", rows["entry_ts_ns"]),
        ("entry_price", rows["entry_price"]),
        ("exit_time", rows["exit_ts_ns"]),
        ("exit_price", rows["exit_price"]),
        ("pnl", _money(rows["pnl"])),
        ("fees", _money(rows["fees"])),
        ("r_multiple", multiple),
        ("mae", rows["mae"]),
        ("mfe", rows["mfe"]),
        ("bars", rows["bars"]),
        ("entry_reason", _names(rows["entry_reason"], Reason)),
        ("exit_reason", _names(rows["exit_reason"], Reason)),
    ]


def _orders(record: RunRecord) -> list[Column]:
    rows, symbols = record.orders, [item.symbol for item in record.instruments]
    return [
        ("order_id", rows["order_id"]),
        ("symbol", _pick(rows["instrument"], symbols)),
        ("strategy", _pick(rows["strategy"], record.strategies)),
        ("side", _side(rows["side"])),
        ("type", _names(rows["type"], OrderType)),
        ("time_in_force", _names(rows["tif"], TimeInForce)),
        ("intent", _names(rows["intent"], Intent)),
        ("reason", _names(rows["reason"], Reason)),
        ("state", _names(rows["state"], OrderState)),
        ("created", rows["created_ns"]),
        ("ended", rows["ended_ns"]),
        ("quantity", rows["quantity"]),
        ("filled", rows["filled"]),
        ("average_price", rows["average_price"]),
        ("limit_price", rows["limit_price"]),
        ("stop_price", rows["stop_price"]),
    ]


def _refusals(record: RunRecord) -> list[Column]:
    rows, symbols = record.refusals, [item.symbol for item in record.instruments]
    return [
        ("timestamp", rows["ts_ns"]),
        ("symbol", _pick(rows["instrument"], symbols)),
        ("strategy", _pick(rows["strategy"], record.strategies)),
        ("side", _side(rows["side"])),
        ("refusal", _names(rows["refusal"], Refusal)),
        ("quantity", rows["quantity"]),
        ("price", rows["price"]),
    ]


def _days(record: RunRecord) -> list[Column]:
    rows = record.days
    columns: list[Column] = [("day", np.datetime_as_string(rows["day"].astype("datetime64[D]")))]
    money = ("equity", "equity_high", "equity_low", "cash", "gross", "net", "fees", "traded", "flows")
    columns += [(name, _money(rows[name])) for name in money]
    return [*columns, ("opened", rows["opened"])]


def _equity(record: RunRecord) -> list[Column]:
    return [("timestamp", record.equity["ts_ns"]), ("equity", _money(record.equity["equity"]))]


TABLES = {
    "fills": _fills,
    "trips": _trips,
    "orders": _orders,
    "refusals": _refusals,
    "days": _days,
    "equity": _equity,
}
TIME_COLUMNS = frozenset({"timestamp", "entry_time", "exit_time", "created", "ended"})


def table_of(record: RunRecord, name: str, *, iso: bool = False) -> list[Column]:
    """Return a table's columns in order; times are UTC nanoseconds, or ISO text with ``iso``."""
    columns = TABLES[name](record)
    if not iso:
        return columns
    return [(key, iso_utc(values) if key in TIME_COLUMNS else values) for key, values in columns]
