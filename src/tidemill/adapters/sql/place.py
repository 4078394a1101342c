"""Where a SQLite file may lie, who may read it, and which one process may own it."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from tidemill.model.errors import LeaseLost, StoreError

__all__ = ["ProcessLock", "filesystem_of", "prepare_file"]

# SQLite's write-ahead log needs memory shared by all its users, which no network file system gives
# (https://www.sqlite.org/wal.html, "all processes using a database must be on the same host computer").
_NETWORK = (
    *("afs", "beegfs", "ceph", "cifs", "fuse.ceph", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"),
    *("glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "orangefs", "smb2", "smb3", "smbfs"),
)
_OWNER_ONLY = 0o600
_MOUNTS = Path("/proc/self/mountinfo")


def filesystem_of(path: Path, mounts: str) -> str:
    """Return the type of the file system a path lies on.

    Args:
        path: absolute.
        mounts: text of Linux' ``/proc/self/mountinfo``.
    """
    best, kind = -1, ""
    for line in mounts.splitlines():
        head, _, tail = line.partition(" - ")
        parts, rest = head.split(" "), tail.split(" ")
        if len(parts) < 5 or not rest[0]:  # mount point is the fifth field, see proc(5)
            continue
        point = Path(parts[4].replace("\\040", " "))
        if len(point.parts) >= best and (point == path or point in path.parents):
            best, kind = len(point.parts), rest[0]
    return kind


def _refuse_network(path: Path) -> None:
    text = str(path)
    kind = "a network share" if text.startswith(("\\\\", "//")) else ""
    if not kind and _MOUNTS.exists():
        found = filesystem_of(path, _MOUNTS.read_text(encoding="utf-8", errors="replace"))
        kind = found if found in _NETWORK else ""
    if kind:
        raise StoreError(
            f"{path} lies on a network file system ({kind}), where a commit may be lost; "
            "put the database on a local disk, or use PostgreSQL."
        )


def prepare_file(path: Path, *, create: bool) -> None:
    """Make sure that the database lies on a local disk and that only its owner may read it.

    Raises:
        StoreError: it lies on a network file system, is not there, or its mode cannot be set.
    """
    _refuse_network(path)
    if not create and not path.exists():
        raise StoreError(f"There is no database at {path}; check the path, or let Tidemill create it (migrate).")
    try:
        if create:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, _OWNER_ONLY))
        for part in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
            if part.exists() and part.stat().st_mode & 0o777 != _OWNER_ONLY:
                part.chmod(_OWNER_ONLY)
    except OSError as error:
        raise StoreError(f"{path} cannot be used ({error.strerror}); give its folder to this user.") from error


class ProcessLock:
    """The right to run an engine on a SQLite file: one process has it, and death gives it back.

    Args:
        path: the database; the lock is a file beside it.
        account: lock this account only: engines of other accounts may run beside; empty: the whole file.

    Raises:
        LeaseLost: another process has it.
    """

    def __init__(self, path: Path, account: str = "") -> None:
        self._fds: list[int] = []
        self._account = account
        names = [path.with_name(path.name + ".lock")]
        if account:
            digest = hashlib.blake2b(account.encode(), digest_size=8).hexdigest()
            names.append(path.with_name(f"{path.name}.lock-{digest}"))
        for name in names:
            self._take(name, path, is_shared=name is not names[-1])

    def holds(self, account: str) -> bool:
        """Tell whether no other engine of an account can be alive."""
        return bool(self._fds) and self._account in {"", account}

    def _take(self, name: Path, path: Path, *, is_shared: bool) -> None:
        try:
            self._fds.append(os.open(name, os.O_RDWR | os.O_CREAT, _OWNER_ONLY))
        except OSError as error:
            self.close()
            raise StoreError(f"{name} cannot be opened ({error.strerror}); give it to this user.") from error
        try:
            _lock(self._fds[-1], is_shared=is_shared)
        except OSError as error:
            self.close()
            raise LeaseLost(f"Another Tidemill engine runs on {path}; stop it first.") from error

    def close(self) -> None:
        """Let another process have it; harmless when done twice."""
        while self._fds:
            os.close(self._fds.pop())


if sys.platform == "win32":
    import msvcrt

    def _lock(fd: int, *, is_shared: bool) -> None:
        if not is_shared:  # there are no shared locks
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(fd: int, *, is_shared: bool) -> None:
        fcntl.flock(fd, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
