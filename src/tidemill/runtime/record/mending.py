"""Blocks of the tape that a power cut took from its file, written again from the store that kept them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from tidemill.runtime.record.tape import whole_block

__all__ = ["put_back"]


def put_back(folder: Path, kept: Iterable[bytes]) -> int:
    """Write blocks again that the store kept and the file of the tape lost, wholly or in part.

    Only the newest file can have lost anything: the disk is waited for before another one is begun. What is whole
    stays as it is, so blocks behind a lost one are found again.

    Args:
        folder: the run's own folder.
        kept: blocks one behind the other, as the transactions carried them.

    Returns:
        how many blocks were written again.
    """
    blocks = {block[0]: block for body in kept for block in _split(body)}
    if not blocks:
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    path = max(folder.glob("events-*.tape"), default=folder / f"events-{min(blocks):015d}.tape")
    data = bytearray(path.read_bytes()) if path.exists() else bytearray()
    at, first, count = 0, int(path.stem.rpartition("-")[2]), 0
    while True:
        block = whole_block(data, at, first)
        if block is None and (block := blocks.get(first)) is not None:
            data[at : at + len(block[2])] = block[2]
            count += 1
        if block is None:
            break
        at, first = at + len(block[2]), first + block[1]
    if count:
        if data.count(0, at) == len(data) - at:  # room the file was given, and nothing was written to
            del data[at:]
        _write(path, data)
    return count


def _split(body: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while (block := whole_block(body, at)) is not None:
        yield block
        at += len(block[2])


def _write(path: Path, data: bytearray) -> None:
    """Write over what is there: at every instant each byte is the former or the right one."""
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        file.write(data)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
