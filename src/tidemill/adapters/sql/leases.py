"""Who may send for an account: one row each, whose epoch rises with every owner and never falls."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import bindparam, select, update

from tidemill.adapters.sql.session import Session
from tidemill.adapters.sql.statements import insert_sql, text_of
from tidemill.adapters.sql.tables import LEASES
from tidemill.model.errors import LeaseLost
from tidemill.ports.store import Lease

__all__ = ["check_epoch", "epoch_of", "find", "release", "renew", "take"]

_COLUMNS = ("account", "epoch", "owner", "expires_ns")
_NOBODY = ""


@cache
def _find_sql(database: str, lock: str) -> str:
    """Return the query of a lease; ``share`` keeps others from taking it until we commit, ``own`` reserves it."""
    statement = select(*(LEASES.c[name] for name in _COLUMNS)).where(LEASES.c.account == bindparam("account"))
    if lock:
        statement = statement.with_for_update(read=lock == "share")
    return text_of(statement, database, ("account",))


@cache
def _change_sql(database: str) -> str:
    statement = (
        update(LEASES)
        .values(epoch=bindparam("new_epoch"), owner=bindparam("new_owner"), expires_ns=bindparam("new_expires"))
        .where(LEASES.c.account == bindparam("of_account"), LEASES.c.epoch == bindparam("of_epoch"))
    )
    return text_of(statement, database, ("new_epoch", "new_owner", "new_expires", "of_account", "of_epoch"))


def check_epoch(cursor: Any, database: str, account: str, epoch: int) -> None:
    """Make sure, inside a transaction and until its end, that an account's lease has our epoch.

    Raises:
        LeaseLost: it has another.
    """
    row = cursor.execute(_find_sql(database, "share"), (account,)).fetchone()
    if row is None or row[1] != epoch:
        raise LeaseLost(
            f"Account {account}: our lease has epoch {epoch}, the database says {row[1] if row else 'none'}; "
            "another engine owns the account now; nothing was written."
        )


def epoch_of(session: Session, account: str) -> int:
    """Return the newest epoch of an account, 0 when nobody ever had it."""
    rows = session.read(_find_sql(session.database, ""), (account,))
    return int(rows[0][1]) if rows else 0


def find(session: Session, account: str) -> Lease | None:
    """Return an account's lease as it stands, None when nobody ever had it."""
    rows = session.read(_find_sql(session.database, ""), (account,))
    return Lease(*rows[0]) if rows else None


def take(session: Session, account: str, owner: str, now_ns: int, ttl_ns: int, is_gone: Callable[[str], bool]) -> Lease:
    """Take a lease that is free, has run out, is the same owner's or a dead one's; see ``Store.take_lease``."""
    with session.write() as cursor:
        first = insert_sql(session.database, LEASES, _COLUMNS, ("account",), "keep")
        cursor.execute(first, (account, 0, _NOBODY, 0))
        row = cursor.execute(_find_sql(session.database, "own"), (account,)).fetchone()
        held = Lease(*row)
        if held.owner not in {_NOBODY, owner} and held.expires_ns > now_ns and not is_gone(held.owner):
            wait_s = (held.expires_ns - now_ns) / 1e9
            raise LeaseLost(
                f"Account {account}: {held.owner} owns it for another {wait_s:.1f} s; stop it, or wait until then."
            )
        lease = Lease(account, held.epoch + 1, owner, now_ns + ttl_ns)
        cursor.execute(_change_sql(session.database), (lease.epoch, owner, lease.expires_ns, account, held.epoch))
    return lease


def renew(session: Session, lease: Lease, now_ns: int, ttl_ns: int) -> Lease:
    """Prolong a lease nobody took since, run out or not; see ``Store.renew_lease``."""
    longer = Lease(lease.account, lease.epoch, lease.owner, now_ns + ttl_ns)
    with session.write() as cursor:
        row = cursor.execute(_find_sql(session.database, "own"), (lease.account,)).fetchone()
        if row is None or (row[1], row[2]) != (lease.epoch, lease.owner):
            raise LeaseLost(f"Account {lease.account}: another engine owns it now, or the lease was given back.")
        values = (longer.epoch, longer.owner, longer.expires_ns, lease.account, lease.epoch)
        cursor.execute(_change_sql(session.database), values)
    return longer


def release(session: Session, lease: Lease) -> None:
    """Give a lease back; its epoch stays, so that the next one is higher."""
    with session.write() as cursor:
        row = cursor.execute(_find_sql(session.database, "own"), (lease.account,)).fetchone()
        if row is not None and (row[1], row[2]) == (lease.epoch, lease.owner):
            cursor.execute(_change_sql(session.database), (lease.epoch, _NOBODY, 0, lease.account, lease.epoch))
