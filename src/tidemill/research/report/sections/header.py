"""The top of the page: what was run, the stamps that nobody may overlook, where to find the rest."""

from __future__ import annotations

import html

from tidemill.research.report.figures import plain
from tidemill.research.report.view import ReportView

__all__ = ["is_simulated", "render_header"]

_NAV = (
    ("chart-section", "Chart"),
    ("months", "Months"),
    ("distribution", "Distribution"),
    ("drawdowns", "Drawdowns"),
    ("groups", "Groups"),
    ("costs", "Costs"),
    ("assumptions", "Assumptions"),
    ("figures", "All figures"),
    ("settings", "Settings"),
    ("source", "Source"),
)
_FACTS = (
    ("run_id", "run"),
    ("code", "code"),
    ("strategy", "strategy"),
    ("data", "data"),
    ("config", "settings"),
    ("tidemill", "Tidemill"),
)


def is_simulated(view: ReportView) -> bool:
    """Return whether any bars of the run were made up instead of traded."""
    return any(bool(bars.meta.get("simulated")) for bars in view.record.bars)


def _facts(view: ReportView, merged: str) -> str:
    card = view.record.card
    shown = [f"{name} {plain(key, card[key])[:16]}" for key, name in _FACTS if card.get(key)]
    shown.append(f"created {view.created_at}")
    if merged:
        shown.append(f"prices away from trades shown at {merged}")
    return " · ".join(html.escape(text) for text in shown)


def _heading(title: str) -> str:
    """Return the title so that a narrow screen breaks it between its parts."""
    return " · ".join(f"<span>{html.escape(part)}</span>" for part in title.split(" · "))


def render_header(view: ReportView, merged: str) -> str:
    """Return title, stamps, run facts and the jump list; ``merged`` is the bar size of thinned stretches, or empty."""
    mode = html.escape(view.record.mode.upper())
    stamps = f'<span class="stamp mode-{html.escape(view.record.mode.lower(), quote=True)}">{mode}</span>'
    if is_simulated(view):
        stamps += '<span class="stamp simulated">SIMULATED PRICES</span>'
    links = "".join(f'<li><a href="#{anchor}">{name}</a></li>' for anchor, name in _NAV)
    return (
        '<a class="skip" href="#main">Skip to the result</a>'
        f'<header><div class="title"><p class="brand">Tidemill</p>{stamps}<h1>{_heading(view.title)}</h1>'
        '<button type="button" id="theme" class="needs-script" title="Dark or light (d)">Dark / light</button></div>'
        f'<p class="facts">{_facts(view, merged)}</p>'
        f'<nav aria-label="Sections"><ul>{links}</ul></nav></header>'
    )
