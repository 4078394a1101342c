"""The core's Python face: builds the state, binds strategies, feeds events, runs the loop."""

from __future__ import annotations

from tidemill.kernel.warm import ensure_compiled

ensure_compiled()
