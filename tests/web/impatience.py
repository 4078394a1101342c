"""Services without an engine: what is asked of one is written down, and nobody waits for its answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from tidemill.services.commands.asking import Asking

__all__ = ["nobody_waits"]


@contextmanager
def nobody_waits() -> Iterator[None]:
    """Let every wish come back unanswered at once, as it would after its ten seconds."""
    patient = Asking._await_answers  # noqa: SLF001 - the one place that waits

    def hasty(self: Asking, wishes: Sequence[Any], wait_s: float) -> list[Any]:
        return patient(self, wishes, 0.0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Asking, "_await_answers", hasty)
        yield
