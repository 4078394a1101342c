"""What a power cut takes from the tape's file comes back from the store, and nothing else is touched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tidemill.model.errors import TapeBroken
from tidemill.model.records import EVENT
from tidemill.runtime.record.mending import put_back
from tidemill.runtime.record.tape import TapeBuffer, TapeEnd, TapeFile, read_tape


def written(folder: Path, counts: list[int]) -> list[bytes]:
    """Write one block for each count of rows; return the blocks."""
    buffer, file = TapeBuffer(TapeEnd()), TapeFile(folder, 1)
    rows = np.zeros(1, EVENT)
    blocks = []
    for count in counts:
        for _ in range(count):
            rows["now_ns"] += 1
            buffer.append(int(rows.ctypes.data), 7)
        blocks += buffer.cut()
    file.write(blocks, durable=True)
    file.close()
    return blocks


def only_file(folder: Path) -> Path:
    (path,) = folder.glob("events-*.tape")
    return path


@pytest.mark.parametrize("lost", range(4))
@pytest.mark.parametrize("how", ["cut", "torn", "holes", "zeros behind"])
def test_lost_blocks_come_back(tmp_path: Path, lost: int, how: str) -> None:
    blocks = written(tmp_path, [3, 1, 2, 5])
    path = only_file(tmp_path)
    whole = path.read_bytes()
    start = sum(len(block) for block in blocks[:lost])
    stop = start + len(blocks[lost])
    damaged = {
        "cut": whole[:start],
        "torn": whole[: stop - 9],
        "holes": whole[:start] + bytes(stop - start) + whole[stop:],
        "zeros behind": whole[:start] + bytes(9000),
    }[how]
    path.write_bytes(damaged)
    kept = [blocks[lost]] if how == "holes" else [b"".join(blocks[lost : lost + 2]), *blocks[lost + 2 :]]
    assert put_back(tmp_path, kept) >= 1
    assert path.read_bytes() == whole
    rows, end = read_tape(tmp_path)
    assert rows["event"]["now_ns"].tolist() == list(range(1, 12))
    assert end.next_seq == 12
    assert put_back(tmp_path, kept) == 0


def test_a_file_that_never_reached_the_disk_is_written_anew(tmp_path: Path) -> None:
    blocks = written(tmp_path / "a", [2, 3])
    assert put_back(tmp_path / "b", blocks) == 2
    assert only_file(tmp_path / "b").read_bytes() == only_file(tmp_path / "a").read_bytes()
    assert only_file(tmp_path / "b").stat().st_mode & 0o777 == 0o600


def test_blocks_of_another_chain_do_not_pass(tmp_path: Path) -> None:
    written(tmp_path / "a", [2])
    other = written(tmp_path / "b", [1, 1, 1])
    assert put_back(tmp_path / "a", other[2:]) == 1
    with pytest.raises(TapeBroken, match="does not carry on the chain"):
        read_tape(tmp_path / "a")


def test_without_kept_blocks_nothing_is_touched(tmp_path: Path) -> None:
    written(tmp_path, [2])
    path = only_file(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    size = path.stat().st_size
    assert put_back(tmp_path, []) == 0
    assert path.stat().st_size == size
