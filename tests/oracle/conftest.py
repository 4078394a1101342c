"""Answers computed outside this project, straight from the real files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def known_answers(shared_data: Path) -> dict[str, Any]:
    """Return the table of independently computed values."""
    return json.loads((shared_data / "reference/known_answers.json").read_text())
