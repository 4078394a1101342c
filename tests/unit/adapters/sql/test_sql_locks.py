"""One engine per account, several accounts in one file, and a restore that waits for all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidemill.adapters.sql.place import ProcessLock
from tidemill.model.errors import LeaseLost


def test_engines_of_two_accounts_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    first, second = ProcessLock(path, "A"), ProcessLock(path, "B")
    with pytest.raises(LeaseLost, match="stop it first"):
        ProcessLock(path, "A")
    with pytest.raises(LeaseLost):
        ProcessLock(path)  # the whole file is taken while any of them lives
    first.close()
    first.close()
    ProcessLock(path, "A").close()
    second.close()
    whole = ProcessLock(path)
    with pytest.raises(LeaseLost):
        ProcessLock(path, "A")
    whole.close()
