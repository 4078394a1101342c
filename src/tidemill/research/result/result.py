"""The object a Python user gets back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidemill.model.runrecord import RunRecord
from tidemill.research.metrics import verdict
from tidemill.research.report import render_report
from tidemill.research.report.drawing import Drawing
from tidemill.research.result.files import result_document, write_json, write_tables, write_text
from tidemill.research.result.tables import TIME_COLUMNS, table_of

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["BacktestResult", "headline_of"]

_HEADLINE = (
    ("Final equity", "final_equity", "{:,.2f}"),
    ("Net profit", "net_profit", "{:+,.2f}"),
    ("Total return", "total_return_pct", "{:+.2f} %"),
    ("CAGR", "cagr_pct", "{:+.2f} %"),
    ("Sharpe", "sharpe", "{:.2f}"),
    ("Max drawdown", "max_drawdown_pct", "{:.2f} %"),
    ("Trades", "total_trades", "{:,}"),
    ("Win rate", "win_rate", "{:.1%}"),
    ("Profit factor", "profit_factor", "{:.2f}"),
    ("Fees", "fees", "{:,.2f}"),
)


def headline_of(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the figures a trader looks at first, as text; a missing one is a dash."""
    values = [(label, metrics.get(key), form) for label, key, form in _HEADLINE]
    return [(label, "—" if value is None else form.format(value)) for label, value, form in values]


class BacktestResult:
    """A finished backtest: ``metrics`` by name, tables as DataFrames, and writers for every format.

    Args:
        record: the run.
        metrics: flat dict of ``tidemill.research.metrics``.
        command: what reproduces it, for the report.
        created_at: ISO stamp, for the report.
        inputs: what was asked for as plain tables, so that a result file can be run again.
        draw: makes what the report's chart shows beside the trades; asked only when a report is written.
    """

    def __init__(
        self,
        record: RunRecord,
        metrics: dict[str, Any],
        *,
        command: str = "",
        created_at: str = "",
        inputs: Mapping[str, Any] | None = None,
        draw: Callable[[], Drawing] | None = None,
    ) -> None:
        self.record, self.metrics, self.command, self.created_at = record, metrics, command, created_at
        self.inputs, self.draw = dict(inputs or {}), draw

    def __repr__(self) -> str:
        lines = [f"{', '.join(self.record.strategies)} on {', '.join(i.symbol for i in self.record.instruments)}"]
        return "\n".join(lines + [f"  {label:<14}{text:>16}" for label, text in self.headline()])

    def headline(self) -> list[tuple[str, str]]:
        """Return the figures a trader looks at first, as text; a missing one is a dash."""
        return headline_of(self.metrics)

    def _frame(self, name: str) -> DataFrame:
        import pandas as pd

        frame = pd.DataFrame(dict(table_of(self.record, name)))
        for key in TIME_COLUMNS & set(frame.columns):
            frame[key] = pd.to_datetime(frame[key], utc=True)
        return frame

    @property
    def fills(self) -> DataFrame:
        """Every fill: time (UTC), symbol, side, quantity, price, fee, reason."""
        return self._frame("fills")

    @property
    def trips(self) -> DataFrame:
        """Every round trip with profit, R, MAE, MFE and exit reason."""
        return self._frame("trips")

    @property
    def orders(self) -> DataFrame:
        """Every ended order and its final state."""
        return self._frame("orders")

    @property
    def refusals(self) -> DataFrame:
        """Every proposal a rule refused, with the rule's code."""
        return self._frame("refusals")

    @property
    def days(self) -> DataFrame:
        """Equity, exposure and costs per trading day."""
        return self._frame("days").set_index("day")

    @property
    def equity(self) -> DataFrame:
        """The account's equity at every bar end."""
        return self._frame("equity").set_index("timestamp")

    def document(self) -> dict[str, Any]:
        """Return the JSON document of the run."""
        asked = {
            "verdict": verdict(self.metrics),
            "command": self.command,
            "created_at": self.created_at,
            "inputs": self.inputs,
        }
        return {**result_document(self.record, self.metrics), **asked}

    def to_json(self, path: str | Path) -> Path:
        """Write the JSON document and return its path."""
        write_json(self.document(), Path(path))
        return Path(path)

    def to_tables(self, folder: str | Path, kind: str = "csv") -> list[Path]:
        """Write every table as CSV or Parquet and return the paths."""
        return write_tables(self.record, Path(folder), kind)

    def report(self, path: str | Path) -> Path:
        """Write the self-contained HTML report and return its path."""
        drawing = self.draw() if self.draw else None
        page = render_report(
            self.record, self.metrics, created_at=self.created_at, command=self.command, drawing=drawing
        )
        write_text(page, Path(path), "--report")
        return Path(path)
