"""The small print that makes a result checkable: assumptions, warnings, settings, source, run card, command."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any

from tidemill.research.report.figures import cell, hidden_paths, plain
from tidemill.research.report.sections.card import card
from tidemill.research.report.view import ReportView

__all__ = [
    "DISCLAIMER",
    "render_assumptions",
    "render_end",
    "render_settings",
    "render_source",
]

DISCLAIMER = (
    "Simulated results have limits: they are made with hindsight, they do not move the market, and no simulation holds "
    "every cost and failure of real trading. Past results do not foretell future ones. This report is information, not "
    "advice."
)
_PREFIX = {
    True: (
        "ok",
        "Look-ahead check passed: cut short at random places, the run took the same decisions up to each cut.",
    ),
    False: (
        "danger",
        "LOOK-AHEAD FOUND: cut short, the run took different decisions. It knew the future; do not trust this page.",
    ),
    None: ("warning", "The look-ahead check was not run for this result."),
}


def _sentences(items: list[str]) -> str:
    return "".join(f"<li>{html.escape(hidden_paths(item))}</li>" for item in items)


def render_assumptions(view: ReportView) -> str:
    """Return what the result takes for granted and what a reader must know about the data."""
    style, sentence = _PREFIX[view.record.prefix_invariant]
    assumed = _sentences(view.record.assumptions) or "<li>None were recorded.</li>"
    warned = _sentences(view.record.warnings)
    warnings = f"<div class='box warning'><h3>Warnings</h3><ul>{warned}</ul></div>" if warned else ""
    zones = sorted({instrument.zone for instrument in view.record.instruments})
    clock = html.escape(f"Times are exchange time ({', '.join(zones)}); trading days are named in {view.record.zone}.")
    return card(
        "assumptions",
        "Assumptions and checks",
        f"<div class='box {style}' id='prefix-result'><p>{html.escape(sentence)}</p></div>{warnings}"
        f"<ul class='columns'>{assumed}<li>{clock}</li></ul>",
    )


def _flat(values: dict[str, Any], lead: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{lead}{key} · ")
        elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
            for at, item in enumerate(value, 1):
                yield from _flat(
                    item if isinstance(item, dict) else {"value": item},
                    f"{lead}{key} {at} · ",
                )
        else:
            yield f"{lead}{key}", plain(key, value)


def _pairs(values: dict[str, Any]) -> str:
    rows = "".join(f"<tr>{cell(name.replace('_', ' '), head=True)}{cell(text)}</tr>" for name, text in _flat(values))
    return f"<table class='facts-table'><tbody>{rows}</tbody></table>"


def render_settings(view: ReportView) -> str:
    """Return every parameter and setting in force, one table per group."""
    config = view.record.config
    single = {key: value for key, value in config.items() if not isinstance(value, dict)}
    groups = {"General": single} if single else {}
    groups |= {
        str(key).replace("_", " ").capitalize(): value for key, value in config.items() if isinstance(value, dict)
    }
    tables = "".join(f"<div><h3>{html.escape(name)}</h3>{_pairs(values)}</div>" for name, values in groups.items())
    body = f"<div class='settings'>{tables}</div>" if tables else "<p class='note'>No settings were recorded.</p>"
    return card("settings", "Parameters and settings", body)


def render_source(view: ReportView) -> str:
    """Return the strategy's own text."""
    text = html.escape(hidden_paths(view.record.strategy_source)) or "No source was recorded."
    return card(
        "source",
        "Strategy",
        f'<details><summary>Source</summary><pre id="source-text" tabindex="0">{text}</pre>'
        '<button type="button" class="needs-script" data-copy="source-text">Copy source</button></details>',
    )


def render_end(view: ReportView) -> str:
    """Return run card, the command that repeats the run, and the disclaimer."""
    command = html.escape(hidden_paths(view.command))
    again = (
        f'<h3>Run it again</h3><pre id="command-text" tabindex="0">{command}</pre>'
        '<button type="button" class="needs-script" data-copy="command-text">Copy command</button>'
        if command
        else ""
    )
    facts = _pairs(view.record.card) if view.record.card else "<p class='note'>No run card was recorded.</p>"
    disclaimer = (
        f'<section class="wide" id="disclaimer" aria-label="Disclaimer"><p class="note">{DISCLAIMER}</p></section>'
    )
    return card("card", "Run card", f"<div class='scroll'>{facts}</div>{again}") + disclaimer
