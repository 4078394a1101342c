"""The command line: one file per verb."""

from __future__ import annotations

import gc

# A start makes some hundred thousand objects that all stay. With Python's own limits the collector walks all of them
# several times over and finds nothing: a twentieth of the time to a first result.
gc.set_threshold(50_000, 20, 20)
