"""The tape: what is whole is read back exactly, a torn end is cut off, anything else is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.model.errors import StoreMismatch, TapeBroken
from tidemill.model.records import EVENT
from tidemill.runtime.record import tape as tape_module
from tidemill.runtime.record.tape import TapeBuffer, TapeEnd, TapeFile, read_tape


def events(count: int, start: int = 0) -> Any:
    rows = np.zeros(count, EVENT)
    rows["kind"], rows["ts_ns"], rows["close"] = 3, np.arange(start, start + count), 100.0 + np.arange(count)
    return rows


def write(folder: Path, sizes: list[int]) -> tuple[list[bytes], TapeEnd]:
    """Write blocks of some sizes; return them and where the tape stands."""
    buffer, file, blocks, at = TapeBuffer(TapeEnd()), TapeFile(folder, 1), [], 0
    for size in sizes:
        buffer.extend(events(size, at), 5, 1)
        at += size
        cut = buffer.cut()
        blocks += cut
        file.write(cut, durable=True)
    file.close()
    return blocks, TapeEnd(buffer.next_seq, buffer.hash)


@given(st.lists(st.integers(1, 7), min_size=1, max_size=6), st.integers(2, 5))
def test_whatever_was_appended_comes_back_in_order_whatever_the_blocks(
    tmp_path_factory: pytest.TempPathFactory, parts: list[int], room: int
) -> None:
    folder = tmp_path_factory.mktemp("t")
    buffer, file = TapeBuffer(TapeEnd(), room), TapeFile(folder, 1)
    whole = events(sum(parts))
    at = 0
    for number, part in enumerate(parts):
        rows = whole[at : at + part].copy()
        if number % 2:
            assert buffer.extend(rows, 9, number) == at + 1
        else:
            for row in range(part):
                assert buffer.append(int(rows.ctypes.data) + row * EVENT.itemsize, 9, number) == at + row + 1
        at += part
        if number % 3 == 0:
            file.write(buffer.cut(), durable=False)
    file.write(buffer.cut(), durable=True)
    file.close()
    read, end = read_tape(folder)
    assert read["event"].tobytes() == whole.tobytes()
    assert read["mark"].tolist() == [number for number, part in enumerate(parts) for _ in range(part)]
    assert (end.next_seq, end.hash) == (buffer.next_seq, buffer.hash)


def test_a_tape_torn_at_any_byte_keeps_its_whole_blocks_and_goes_on(tmp_path: Path) -> None:
    blocks, _ = write(tmp_path / "whole", [2, 1, 2])
    (path,) = (tmp_path / "whole").glob("events-*.tape")
    data = path.read_bytes()
    ends = np.cumsum([len(block) for block in blocks]).tolist()
    rows = [2, 3, 5]
    for cut in range(len(data)):
        folder = tmp_path / f"cut{cut}"
        folder.mkdir()
        torn = folder / path.name
        torn.write_bytes(data[:cut])
        kept = sum(size for size, end in zip([2, 1, 2], ends, strict=True) if end <= cut)
        read, end = read_tape(folder, mend=True)
        assert len(read) == kept
        assert kept in {0, *rows}
        assert torn.stat().st_size == max([0, *(stop for stop in ends if stop <= cut)])
        if cut % 97 == 0:
            buffer, file = TapeBuffer(end), TapeFile(folder, end.next_seq)
            buffer.extend(events(1, 99), 1)
            file.write(buffer.cut(), durable=True)
            file.close()
            again, _ = read_tape(folder)
            assert len(again) == kept + 1


def test_a_flipped_bit_is_noticed_wherever_it_is(tmp_path: Path) -> None:
    write(tmp_path, [1, 1, 1])
    (path,) = tmp_path.glob("events-*.tape")
    data = path.read_bytes()
    size = len(data) // 3
    for at in range(0, len(data), 5):
        changed = bytearray(data)
        changed[at] ^= 0x10
        path.write_bytes(changed)
        if at < 2 * size:
            with pytest.raises((TapeBroken, StoreMismatch)):
                read_tape(tmp_path)
        else:  # the last block: as if its pages had not reached the disk, unless its own head lies
            try:
                assert len(read_tape(tmp_path)[0]) == 2
            except (TapeBroken, StoreMismatch):
                assert at < 2 * size + 56


@pytest.mark.parametrize("order", [[1, 0, 2], [0, 2], [0, 1, 1, 2], [1, 2]])
def test_blocks_moved_lost_or_doubled_by_hand_are_refused(tmp_path: Path, order: list[int]) -> None:
    blocks, _ = write(tmp_path, [1, 2, 3])
    (path,) = tmp_path.glob("events-*.tape")
    path.write_bytes(b"".join(blocks[number] for number in order))
    with pytest.raises(TapeBroken, match="does not carry on the chain"):
        read_tape(tmp_path)


def test_a_long_tape_goes_on_in_another_file_and_a_hole_in_the_first_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tape_module, "_FILE_BYTES", 600)
    write(tmp_path, [2, 2, 2, 2])
    paths = sorted(tmp_path.glob("events-*.tape"))
    assert len(paths) > 1
    assert len(read_tape(tmp_path)[0]) == 8
    paths[0].write_bytes(paths[0].read_bytes()[:-1])
    with pytest.raises(TapeBroken, match="later files exist"):
        read_tape(tmp_path)


def test_no_folder_is_an_empty_tape(tmp_path: Path) -> None:
    rows, end = read_tape(tmp_path / "none")
    assert (len(rows), end) == (0, TapeEnd())
