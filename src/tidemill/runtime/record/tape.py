"""The tape of a run: every event the core took, in order, in files of hash-chained blocks.

Rows are sealed into blocks; a block carries the hash of the one before it. What is on disk up to the last whole block
is the run: fed again into a fresh core it gives the same decisions. A torn block at the very end (the machine died
while writing) is cut off; anything else that does not add up is refused.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.errors import StoreError, StoreMismatch, TapeBroken
from tidemill.model.records import EVENT

__all__ = [
    "HELD",
    "LAST",
    "TAPE_EVENT",
    "TapeBuffer",
    "TapeEnd",
    "TapeFile",
    "read_seals",
    "read_tape",
    "take_over",
    "whole_block",
]

TAPE_EVENT = np.dtype(
    [
        ("event", EVENT),
        ("wall_ns", np.int64),  # clock of the machine when the event was taken, UTC
        ("mark", np.int64),  # LAST and HELD, added
    ]
)
LAST = 1  # the last bar of its instant: the account is marked after it
HELD = 2  # the simulated exchange saw it now; the core takes it at the next row of kind NONE

_MAGIC = b"TMTAPE01"
_HEAD = struct.Struct("<8sqq32s32s")  # magic and version, first row, rows, hash of the block before, own hash
_START = bytes(32)
_EVENT_BYTES = EVENT.itemsize
_ROW_BYTES = TAPE_EVENT.itemsize
_FILE_BYTES = 16 * 1024 * 1024  # what a new owner copies at most before it may write


@dataclass(slots=True)
class TapeEnd:
    """Where a tape stands: the number the next row takes, and the hash the next block carries on."""

    next_seq: int = 1
    hash: bytes = _START


def _block_hash(before: bytes, first: int, count: int, rows: bytes) -> bytes:
    digest = hashlib.blake2b(before, digest_size=32)
    digest.update(struct.pack("<qq", first, count))
    digest.update(rows)
    return digest.digest()


def whole_block(data: bytes | bytearray, at: int, first: int = 0) -> tuple[int, int, bytes] | None:
    """Return first row, number of rows and bytes of the block that lies at an offset; None if none lies there whole.

    Args:
        first: the row it has to begin with; 0: any.
    """
    if at + _HEAD.size > len(data):
        return None
    magic, begin, count, before, own = _HEAD.unpack_from(data, at)
    stop = at + _HEAD.size + count * _ROW_BYTES
    if magic != _MAGIC or count < 1 or stop > len(data) or begin != (first or begin):
        return None
    whole = own == _block_hash(before, begin, count, bytes(data[at + _HEAD.size : stop]))
    return (begin, count, bytes(data[at:stop])) if whole else None


class TapeBuffer:
    """Collects rows in memory and seals them into blocks; lives on the loop's thread.

    Args:
        end: where the tape stands.
        rows: rows of one block at most.
    """

    def __init__(self, end: TapeEnd, rows: int = 4096) -> None:
        self.next_seq = end.next_seq
        self.hash = end.hash
        self._rows = np.zeros(rows, TAPE_EVENT)
        self._address = int(self._rows.ctypes.data)
        self._words = self._rows.view(np.int64).reshape(rows, _ROW_BYTES // 8)
        self._count = 0
        self._blocks: list[bytes] = []

    def append(self, event: int, wall_ns: int, mark: int = 0) -> int:
        """Take the EVENT row at an address; return its number on the tape."""
        at = self._count
        ctypes.memmove(self._address + at * _ROW_BYTES, event, _EVENT_BYTES)
        words = self._words[at]
        words[-2] = wall_ns
        words[-1] = mark
        self._count = at + 1
        if self._count == len(self._rows):
            self._seal()
        seq = self.next_seq
        self.next_seq = seq + 1
        return seq

    def extend(self, rows: NDArray[Any], wall_ns: int, mark: int = 0) -> int:
        """Take EVENT rows one behind the other; return the number of the first."""
        first, done = self.next_seq, 0
        while done < len(rows):
            at = self._count
            count = min(len(rows) - done, len(self._rows) - at)
            self._rows["event"][at : at + count] = rows[done : done + count]
            self._words[at : at + count, -2] = wall_ns
            self._words[at : at + count, -1] = mark
            self._count += count
            done += count
            if self._count == len(self._rows):
                self._seal(self.next_seq + count - self._count)
            self.next_seq += count
        return first

    def cut(self) -> list[bytes]:
        """Seal what is there and hand over all blocks that nobody has written yet."""
        if self._count:
            self._seal(self.next_seq - self._count)
        blocks, self._blocks = self._blocks, []
        return blocks

    def _seal(self, first: int | None = None) -> None:
        begin = self.next_seq + 1 - self._count if first is None else first
        rows = self._rows[: self._count].tobytes()
        own = _block_hash(self.hash, begin, self._count, rows)
        self._blocks.append(_HEAD.pack(_MAGIC, begin, self._count, self.hash, own) + rows)
        self.hash = own
        self._count = 0


class TapeFile:
    """Appends blocks to the run's files; lives on the writer's thread.

    Args:
        folder: the run's own folder; it is made if needed.
        next_seq: number of the next row, which names a new file.
    """

    def __init__(self, folder: Path, next_seq: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._fd = self._open(next_seq)
        self._bytes = os.fstat(self._fd).st_size

    def _open(self, first: int) -> int:
        return os.open(self._folder / f"events-{first:015d}.tape", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, blocks: list[bytes], *, durable: bool) -> None:
        """Append blocks, and wait for the disk if asked.

        Raises:
            StoreError: the disk is full or broken; nothing after the last whole block counts.
        """
        try:
            for block in blocks:
                if self._bytes > _FILE_BYTES:
                    os.fdatasync(self._fd)
                    os.close(self._fd)
                    self._fd = self._open(_HEAD.unpack_from(block)[1])
                    self._bytes = 0
                view = memoryview(block)
                while view:
                    done = os.write(self._fd, view)
                    view = view[done:]
                    self._bytes += done
            if durable:
                os.fdatasync(self._fd)
        except OSError as error:
            raise StoreError(
                f"The tape cannot be written ({error.strerror}); free space on the disk, then start again."
            ) from error

    def close(self) -> None:
        """Let the file go; what had to be on the disk has been waited for."""
        os.close(self._fd)
        self._fd = -1  # a number that is given to another file next


def _read_file(path: Path, end: TapeEnd, *, is_last: bool, mend: bool) -> list[NDArray[Any]]:
    """Return a file's rows and move ``end``; a torn end of the last file is cut off if ``mend``."""
    data = path.read_bytes()
    at, parts = 0, []
    while at < len(data):
        whole = at + _HEAD.size <= len(data)
        magic, first, count, before, own = _HEAD.unpack_from(data, at) if whole else (_MAGIC, 0, 0, b"", b"")
        if whole and magic != _MAGIC:
            raise StoreMismatch(f"{path.name}: this is no tape of this version; use the Tidemill that wrote it.")
        stop = at + _HEAD.size + count * _ROW_BYTES
        if not whole or stop > len(data):
            if not is_last:
                raise TapeBroken(f"{path.name}: the file ends inside a block, and later files exist; restore a backup.")
            if data.find(_MAGIC, at + len(_MAGIC)) >= 0:  # not torn: its head lies about its length
                raise TapeBroken(f"{path.name}: row {end.next_seq} begins a block of a wrong length; restore a backup.")
            if mend:
                os.truncate(path, at)
            break
        rows = data[at + _HEAD.size : stop]
        chained = before == end.hash and first == end.next_seq
        if not chained or own != _block_hash(before, first, count, rows):
            if is_last and stop == len(data) and chained:  # the pages of the last block reached the disk in part
                if mend:
                    os.truncate(path, at)
                break
            raise TapeBroken(f"{path.name}: row {end.next_seq} does not carry on the chain; restore a backup.")
        parts.append(np.frombuffer(rows, TAPE_EVENT))
        end.next_seq, end.hash = first + count, own
        at = stop
    return parts


def read_tape(folder: Path, *, mend: bool = False) -> tuple[NDArray[Any], TapeEnd]:
    """Return all rows of a run and where its tape stands.

    Args:
        folder: the run's own folder; without one the tape is empty.
        mend: cut off a torn end, before more is appended.

    Raises:
        TapeBroken: a row was changed, lost or added by hand. StoreMismatch: written by another version.
    """
    end = TapeEnd()
    parts: list[NDArray[Any]] = []
    paths = sorted(folder.glob("events-*.tape")) if folder.is_dir() else []
    for path in paths:
        parts += _read_file(path, end, is_last=path == paths[-1], mend=mend)
    return (np.concatenate(parts) if parts else np.zeros(0, TAPE_EVENT)), end


def take_over(folder: Path) -> None:
    """Take a run's tape from whoever may still hold it open: a copy takes the place of its last file.

    An engine that was stopped past its lease, and goes on, then writes into a file that nobody reads.
    """
    paths = sorted(folder.glob("events-*.tape")) if folder.is_dir() else []
    if not paths:
        return
    draft = paths[-1].with_suffix(".new")
    shutil.copyfile(paths[-1], draft)
    handle = os.open(draft, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    draft.chmod(0o600)
    draft.replace(paths[-1])


def read_seals(folder: Path) -> list[TapeEnd]:
    """Return where each whole block of a run's tape ends, and its hash: what rows of the store's tape point to."""
    seals = []
    for path in sorted(folder.glob("events-*.tape")):
        data, at = path.read_bytes(), 0
        while at + _HEAD.size <= len(data):
            _, first, count, _, own = _HEAD.unpack_from(data, at)
            at += _HEAD.size + count * _ROW_BYTES
            if at <= len(data):
                seals.append(TapeEnd(first + count, own))
    return seals
