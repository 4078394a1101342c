"""Round trips split by symbol, hour, weekday, exit reason, side and strategy; costs, exposure and benchmark."""

from __future__ import annotations

import html
from typing import Any

from tidemill.model.answers import REASONS
from tidemill.model.enums import Reason
from tidemill.research.report.catalogue import CATALOGUE, figure_text, label_of
from tidemill.research.report.figures import DASH, cell, count, money, ratio, tone
from tidemill.research.report.view import GROUPS, ReportView

__all__ = ["render_costs", "render_groups"]

_ALWAYS = ("hour", "weekday", "exit_reason", "side")
_BAR_WIDTH = 70
_TITLES = {
    "Costs": "Costs",
    "Exposure": "Exposure and turnover",
    "Benchmark": "Against the benchmark",
}


def _bar(value: float, widest: float) -> str:
    """Draw a result as a bar left (loss) or right (gain) of the middle."""
    long = abs(value) / widest * _BAR_WIDTH / 2 if widest else 0.0
    left = _BAR_WIDTH / 2 if value >= 0 else _BAR_WIDTH / 2 - long
    style = "gain" if value >= 0 else "loss"
    return (
        f'<td class="spark"><svg viewBox="0 0 {_BAR_WIDTH} 12" width="{_BAR_WIDTH}" height="12" aria-hidden="true">'
        f'<line class="zero" x1="{_BAR_WIDTH / 2:g}" x2="{_BAR_WIDTH / 2:g}" y1="0" y2="12"/>'
        f'<rect class="{style}" x="{left:.1f}" y="2" width="{long:.1f}" height="8"/></svg></td>'
    )


def _name(key: str, group: str) -> str:
    return group.replace("_", " ").lower().capitalize() if key in ("exit_reason", "side") else group


def _hint(key: str, group: str) -> str:
    """Return what an exit reason means, to be read on hovering over its row."""
    told = REASONS[Reason[group]] if key == "exit_reason" and group in Reason.__members__ else ""
    return f' title="{html.escape(told, quote=True)}"' if told else ""


def _row(name: str, row: dict[str, Any], widest: float, hint: str) -> str:
    net = row["net_profit"]
    cells = (
        cell(name, head=True),
        cell(count(row["trades"]), "num"),
        cell(count(100 * row["win_rate"], 1), "num"),
        cell(money(net), "num " + tone(net)),
        _bar(net, widest),
        cell(ratio(row.get("expectancy_r")), "num"),
        cell(ratio(row.get("profit_factor")), "num"),
    )
    return f"<tr{hint}>{''.join(cells)}</tr>"


def _table(key: str, rows: list[dict[str, Any]]) -> str:
    widest = max((abs(row["net_profit"]) for row in rows), default=0.0)
    heads = "".join(f"<th scope='col' class='num'>{name}</th>" for name in ("Trades", "Win %", "Net"))
    body = "".join(_row(_name(key, row["group"]), row, widest, _hint(key, row["group"])) for row in rows)
    return (
        f"<div class='scroll'><table><thead><tr><th scope='col'>{html.escape(GROUPS[key][3:].capitalize())}</th>{heads}"
        "<td></td><th scope='col' class='num'>Avg R</th><th scope='col' class='num'>PF</th></tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def render_groups(view: ReportView) -> str:
    """Return the split tables; symbol and strategy only when there is more than one."""
    parts = []
    for key, title in GROUPS.items():
        rows = view.tables.groups.get(key, [])
        if rows and (key in _ALWAYS or len(rows) > 1):
            parts.append(
                f"<section class='card half' aria-label='{title}'><h3>{title}</h3>{_table(key, rows)}</section>"
            )
    body = "".join(parts) or "<p class='note'>No trades.</p>"
    return (
        '<section id="groups" class="wide" aria-labelledby="groups-head">'
        f'<h2 id="groups-head">Where the result came from</h2><div class="grid">{body}</div></section>'
    )


def _facts(view: ReportView, group: str) -> str:
    rows = []
    for key in CATALOGUE[group]:
        if key not in view.metrics:
            continue
        text = figure_text(key, view.metrics[key])
        why = view.notes.get(key, "") if text == DASH else ""
        hint = html.escape(view.definitions.get(key, ""), quote=True)
        value = f"{text} ({why})" if why else text
        rows.append(f"<tr title='{hint}'>{cell(label_of(key), head=True)}{cell(value, 'num')}</tr>")
    return "".join(rows)


def render_costs(view: ReportView) -> str:
    """Return what trading cost, how much was at work, and what holding the benchmark would have brought."""
    cards = []
    for group, title in _TITLES.items():
        rows = _facts(view, group) or "<tr><td>Not computed for this run.</td></tr>"
        cards.append(
            f'<section class="card" id="{group.lower()}" aria-label="{title}"><h2>{title}</h2>'
            f"<table class='facts-table'><tbody>{rows}</tbody></table></section>"
        )
    return f'<div class="third stack">{cards[0]}{cards[1]}</div><div class="third stack">{cards[2]}</div>'
