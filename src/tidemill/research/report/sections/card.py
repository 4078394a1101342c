"""The frame of a section: a card with an anchor and a head."""

from __future__ import annotations

__all__ = ["card"]


def card(anchor: str, title: str, body: str, size: str = "wide") -> str:
    """Return a section as a card; ``title`` and ``body`` are markup and must be escaped already."""
    return (
        f'<section class="card {size}" id="{anchor}" aria-labelledby="{anchor}-head">'
        f'<h2 id="{anchor}-head">{title}</h2>{body}</section>'
    )
