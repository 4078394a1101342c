"""Small still charts as SVG text: they need no script, print well and take their colours from the page."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tidemill.research.report.figures import count

__all__ = ["bar_chart", "line_chart", "scatter_chart", "ticks"]

WIDTH, HEIGHT = 640, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 12, 10, 24
_EDGE = 25  # how near an edge a label is turned inwards
_SQUARE = 440  # height of the scatter
MOST_POINTS = 800
MOST_DOTS = 1_500


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Return round numbers between two bounds: steps of 1, 2 or 5 times a power of ten."""
    span = high - low
    if not span > 0:
        return [low]
    rough = span / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    first = math.ceil(low / step)
    return [index * step for index in range(first, math.floor(high / step) + 1)]


class _Frame:
    """Maps values to the drawing: the plot lies between the margins, y grows upwards."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float], height: int = HEIGHT) -> None:
        self.x, self.y, self.height = x, y, height

    def across(self, value: NDArray[np.float64] | float) -> NDArray[np.float64] | float:
        span = (self.x[1] - self.x[0]) or 1.0
        return _LEFT + (value - self.x[0]) / span * (WIDTH - _LEFT - _RIGHT)

    def up(self, value: NDArray[np.float64] | float) -> NDArray[np.float64] | float:
        span = (self.y[1] - self.y[0]) or 1.0
        return self.height - _BOTTOM - (value - self.y[0]) / span * (self.height - _TOP - _BOTTOM)

    def grid(self, decimals: int, suffix: str) -> list[str]:
        out = []
        for value in ticks(*self.y):
            y = self.up(value)
            style = "zero" if value == 0 else "rule"
            label = html.escape(count(value, decimals) + suffix)
            out.append(f'<line class="{style}" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            out.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
        return out

    def foot(self, labels: Sequence[tuple[float, str]]) -> list[str]:
        """Write the labels under the axis; those near an edge grow inwards, so that it does not cut them."""
        parts = []
        for at, text in labels:
            x = float(self.across(at))
            left, right = x < _LEFT + _EDGE, x > WIDTH - _RIGHT - _EDGE
            anchor = "start" if left else "end" if right else "middle"
            parts.append(f'<text x="{x:.1f}" y="{self.height - 6}" text-anchor="{anchor}">{html.escape(text)}</text>')
        return parts


def _wrap(title: str, parts: list[str], height: int = HEIGHT) -> str:
    name = html.escape(title, quote=True)
    size = f'viewBox="0 0 {WIDTH} {height}"'
    return f'<svg class="still" {size} role="img" aria-label="{name}">{"".join(parts)}</svg>'


def _decimals(low: float, high: float) -> int:
    steps = ticks(low, high)
    step = steps[1] - steps[0] if len(steps) > 1 else abs(steps[0]) or 1.0
    return max(0, min(4, -math.floor(math.log10(step) + 1e-9)))


def _thinned(length: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, length - 1, min(length, MOST_POINTS)).astype(np.int64))


def _bounds(series: Sequence[NDArray[np.float64]], *, zero: bool) -> tuple[float, float]:
    values = np.concatenate([line[np.isfinite(line)] for line in series])
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    room = (high - low) * 0.05 or 1.0
    return low - (0.0 if zero and low == 0 else room), high + (0.0 if zero and high == 0 else room)


def line_chart(
    title: str,
    lines: Sequence[tuple[str, NDArray[np.float64]]],
    labels: Sequence[str],
    *,
    suffix: str = "",
    zero: bool = False,
    area: bool = False,
    height: int = HEIGHT,
) -> str:
    """Draw lines over evenly spaced points.

    Args:
        title: what is drawn, for readers who cannot see it.
        lines: (style class, values) pairs of one length; missing values break the line.
        labels: text under the first, middle and last point and evenly between.
        suffix: unit after each number of the scale.
        zero: whether the scale must hold zero.
        area: whether the first line is filled down (or up) to zero.
        height: of the drawing.
    """
    length = len(lines[0][1])
    rows = _thinned(length)
    frame = _Frame(
        (0.0, max(length - 1.0, 1.0)),
        _bounds([values for _, values in lines], zero=zero),
        height,
    )
    places = np.linspace(0, max(length - 1, 0), len(labels))
    parts = frame.grid(_decimals(*frame.y), suffix)
    for style, values in lines:
        shown = [int(row) for row in rows if math.isfinite(values[row])]
        points = " ".join(f"{frame.across(float(row)):.1f},{frame.up(float(values[row])):.1f}" for row in shown)
        if area and values is lines[0][1] and shown:
            base = frame.up(0.0)
            start, end = frame.across(float(shown[0])), frame.across(float(shown[-1]))
            parts.append(
                f'<polygon class="{style} fill" points="{start:.1f},{base:.1f} {points} {end:.1f},{base:.1f}"/>'
            )
        parts.append(f'<polyline class="{style}" points="{points}"/>')
    inner = [(float(at), text) for at, text in zip(places, labels, strict=True)]
    return _wrap(title, parts + frame.foot(inner), height)


def bar_chart(
    title: str,
    edges: NDArray[np.float64],
    counts: NDArray[np.float64],
    *,
    decimals: int,
    suffix: str = "",
) -> str:
    """Draw a histogram; bars left of zero are losses, right of it gains.

    Args:
        title: what is drawn.
        edges: float64[n + 1], rising.
        counts: float64[n].
        decimals: of the numbers under the axis.
        suffix: unit after them.
    """
    frame = _Frame(
        (float(edges[0]), float(edges[-1])),
        (0.0, float(max(counts.max(initial=0.0), 1.0)) * 1.08),
    )
    parts = frame.grid(0, "")
    for at, height in enumerate(counts):
        left, right = frame.across(float(edges[at])), frame.across(float(edges[at + 1]))
        style = "gain" if (edges[at] + edges[at + 1]) / 2 >= 0 else "loss"
        note = f"{count(edges[at], decimals)} to {count(edges[at + 1], decimals)}{suffix}: {count(float(height))}"
        top = frame.up(float(height))
        wide = max(float(right) - float(left) - 1.0, 0.5)
        parts.append(
            f'<rect class="{style}" x="{left:.1f}" y="{top:.1f}" width="{wide:.1f}" '
            f'height="{frame.up(0.0) - top:.1f}"><title>{html.escape(note)}</title></rect>'
        )
    inner = [(value, count(value, decimals) + suffix) for value in ticks(*frame.x, 6)]
    return _wrap(title, parts + frame.foot(inner))


def scatter_chart(title: str, x: NDArray[np.float64], y: NDArray[np.float64], gains: NDArray[np.bool_]) -> str:
    """Draw one dot per trade, losses as hollow rings; above 1,500 trades an even choice of them."""
    rows = (
        np.unique(np.linspace(0, len(x) - 1, min(len(x), MOST_DOTS)).astype(np.int64))
        if len(x)
        else np.zeros(0, np.int64)
    )
    # One freak trade must not squeeze all others into a corner: the axes end at the 99th percentile.
    reach = [float(np.percentile(values, 99)) * 1.05 or 1.0 if len(values) else 1.0 for values in (x, y)]
    frame = _Frame((0.0, reach[0]), (0.0, reach[1]), _SQUARE)
    decimals = _decimals(*frame.y)
    parts = frame.grid(decimals, "")
    for style in ("loss", "gain"):
        wanted = rows[gains[rows] == (style == "gain")]
        across = frame.across(np.minimum(x[wanted], reach[0]))
        up = frame.up(np.minimum(y[wanted], reach[1]))
        parts.append(f'<g class="{style} dots">')
        parts += [
            f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.6"/>'
            for a, b in zip(np.atleast_1d(across), np.atleast_1d(up), strict=True)
        ]
        parts.append("</g>")
    inner = [(value, count(value, _decimals(*frame.x))) for value in ticks(*frame.x, 6)]
    return _wrap(title, parts + frame.foot(inner), _SQUARE)
