"""Fixtures of processes that die: a store they share, and nothing waited for that no death can see."""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from tidemill.adapters.sql.opening import open_store
from tidemill.runtime.words import poller


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    """Return a store in memory that every run of a file shares."""
    opened = open_store("sqlite://", migrate=True, verify=False)
    yield opened
    opened.close()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave out what no simulated death can see: the disk's own delay, and most looks for commands."""
    monkeypatch.setattr(os, "fdatasync", lambda _handle: None)
    monkeypatch.setattr(poller, "POLL_S", 2.0)
    yield
    with warnings.catch_warnings():  # a process that dies leaves coroutines behind that were never begun
        warnings.simplefilter("ignore", RuntimeWarning)
        gc.collect()
