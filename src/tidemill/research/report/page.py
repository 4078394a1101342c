"""Puts the page together: one HTML file that needs nothing else and may load nothing else."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from functools import cache
from typing import Any

from tidemill.research.report.assets import read_asset
from tidemill.research.report.drawing import Drawing
from tidemill.research.report.payload import build_payload
from tidemill.research.report.sections.groups import render_costs, render_groups
from tidemill.research.report.sections.header import render_header
from tidemill.research.report.sections.returns import (
    render_distribution,
    render_drawdowns,
    render_excursions,
    render_months,
    render_rolling,
)
from tidemill.research.report.sections.settings import (
    render_assumptions,
    render_end,
    render_settings,
    render_source,
)
from tidemill.research.report.sections.still import render_stills
from tidemill.research.report.sections.tiles import render_all_figures, render_tiles
from tidemill.research.report.sections.trading import render_trading
from tidemill.research.report.view import ReportView

__all__ = ["compose", "script_json", "script_text"]

_MODULES = (
    "decode.js",
    "format.js",
    "timeline.js",
    "tradelayer.js",
    "marklayer.js",
    "chart.js",
    "trades.js",
    "report.js",
)
_LIBRARY = "lightweight-charts.js"
_STYLE = "report.css"
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./[\w-]+\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)


@cache
def script_text() -> str:
    """Return the page's modules as one module, in order of need; they only import from each other."""
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", read_asset(name))) for name in _MODULES)


def script_json(value: Any) -> str:
    """Return JSON that is safe inside a script element: nothing in it can end the element or break a line of script."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(script: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii") + "'"


def _policy(scripts: list[str]) -> str:
    """Return the page's policy: only these very scripts run, nothing is fetched, sent or framed."""
    allowed = " ".join(_hash(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _body(view: ReportView, merged: str) -> str:
    parts = (
        render_tiles(view),
        render_stills(view),
        render_trading(view, merged),
        '<div class="grid">',
        render_months(view),
        render_distribution(view),
        render_drawdowns(view),
        render_rolling(view),
        render_groups(view),
        render_excursions(view),
        render_costs(view),
        render_assumptions(view),
        render_all_figures(view),
        render_settings(view),
        render_source(view),
        render_end(view),
        "</div>",
    )
    return f'{render_header(view, merged)}<main id="main">{"".join(parts)}</main>'


def compose(view: ReportView, drawing: Drawing | None = None) -> str:
    """Return the whole page as text."""
    payload = build_payload(view.record, view.name, drawing)
    merged = next((each["mergedTo"] for each in payload["instruments"] if each["mergedTo"]), "")
    scripts = [read_asset(_LIBRARY), script_text()]
    policy = html.escape(_policy(scripts), quote=False)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="dark light"><link rel="icon" href="data:,">'
        f"<title>{html.escape(f'{view.record.mode.upper()} {view.title}')}</title>"
        f"<style>{read_asset(_STYLE)}</style>"
        "<noscript><style>.needs-script{display:none!important}.still-only{display:block!important}</style></noscript>"
        f"</head><body>{_body(view, merged)}"
        f'<script type="application/json" id="tidemill-data">{script_json(payload)}</script>'
        f'<script>{scripts[0]}</script><script type="module">{scripts[1]}</script></body></html>\n'
    )
