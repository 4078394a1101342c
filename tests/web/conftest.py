"""Fixtures of the API's tests: an installation with people, for one test or for a file of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from installation import Service, make_service


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Return an installation with people, for one test."""
    yield from make_service(tmp_path)


@pytest.fixture(scope="module")
def shared_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Return an installation with people, for a file of tests that do not disturb each other."""
    yield from make_service(tmp_path_factory.mktemp("service"))
