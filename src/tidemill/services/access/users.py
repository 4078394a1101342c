"""Users of an installation: adding, finding, changing, removing them, and who may do that to whom."""

from __future__ import annotations

from typing import Any

from tidemill.adapters.sql.database import Database, Row, Writing
from tidemill.adapters.sql.service_tables import (
    NOTIFICATIONS,
    REFRESH_TOKENS,
    RUN_OWNERS,
    USER_SETTINGS,
    USERS,
    WEBHOOKS,
)
from tidemill.model.errors import AlreadyThere
from tidemill.model.people import Principal, Role
from tidemill.ports.seams import Clock
from tidemill.services.access.audit import record_in, take_turn
from tidemill.services.access.passwords import Passwords, refuse_weak
from tidemill.services.access.persons import (
    NewUser,
    User,
    UserChange,
    check_email,
    check_username,
    may_give,
    nobody,
    user_of,
)
from tidemill.services.access.refresh import Sessions
from tidemill.services.refusals import Kind, Refused

__all__ = ["Users", "insert_user"]

_U = USERS.c
_PLAN = "ACTIVE"


class Users:
    """Everybody who may sign in.

    Args:
        database, clock: of the installation. passwords: how they are kept. sessions: to end theirs.
    """

    def __init__(self, database: Database, clock: Clock, passwords: Passwords, sessions: Sessions) -> None:
        self._database, self._clock, self._passwords, self._sessions = database, clock, passwords, sessions

    def find(self, user_id: int) -> User | None:
        """Return somebody by number."""
        row = self._database.row(USERS.select().where(_U.id == user_id))
        return user_of(row) if row else None

    def named(self, login: str) -> Row | None:
        """Return the row of somebody by user name or e-mail address, with what is kept of the password."""
        plain = login.strip().lower()
        column = _U.email if "@" in plain else _U.username
        return self._database.row(USERS.select().where(column == plain))

    def any(self) -> bool:
        """Tell whether there is anybody yet."""
        return self._database.row(USERS.select().limit(1)) is not None

    def page(self, limit: int, after: int = 0) -> list[User]:
        """Return users by number.

        Args:
            limit: how many at most. after: only those with a greater number.
        """
        rows = self._database.rows(USERS.select().where(_U.id > after).order_by(_U.id).limit(limit))
        return [user_of(row) for row in rows]

    def add(self, new: NewUser, by: Principal | None, *, address: str = "") -> User:
        """Add somebody.

        Args:
            by: who adds them; None: whoever has the machine.

        Raises:
            Refused: a name is not well formed or taken, the password is weak, or the role is above their own.
        """
        may_give(by, new.role)
        row = self.row_of(new)
        with self._database.write() as writing:
            user = insert_user(writing, row)
            what = {"role": new.role, "tier": new.tier}
            record_in(
                writing, by, "user.create", f"user:{user.user_id}", what, at_ns=row["created_ns"], address=address
            )
        return user

    def row_of(self, new: NewUser) -> dict[str, Any]:
        """Return the columns of somebody new, the password hashed. Raises Refused."""
        username, email = new.username.strip().lower(), new.email.strip().lower()
        check_username(username)
        check_email(email)
        refuse_weak(new.password, username, email)
        now = self._clock.now_ns()
        return {
            "username": username,
            "email": email,
            "password_hash": self._passwords.hash(new.password),
            "roles": str(new.role),
            "tier": str(new.tier),
            "plan_status": _PLAN,
            "is_active": 1,
            "session_version": 1,
            "created_ns": now,
            "updated_ns": now,
        }

    def change(self, user_id: int, change: UserChange, by: Principal | None, *, address: str = "") -> User:
        """Change somebody; those who may do less now, or nothing, are signed out.

        Raises:
            Refused: there is nobody of that number, or ``by`` may not do that to them.
        """
        values = change.values()
        if change.email is not None:
            check_email(values["email"])
        if change.role is not None:
            may_give(by, change.role)
        with self._database.write() as writing:
            take_turn(writing)
            user = self._theirs(writing, user_id, by)
            loses = change.is_active is False or (change.role is not None and change.role.rank < user.role.rank)
            if loses and user.role is Role.OWNER:
                _keep_an_owner(writing, user)
            if loses:
                self._sessions.end_all(writing, user_id)
                values["session_version"] = user.version + 1
            values["updated_ns"] = self._clock.now_ns()
            try:
                writing.run(USERS.update().where(_U.id == user_id).values(**values))
            except AlreadyThere:
                raise _taken() from None
            told = {name: value for name, value in values.items() if name not in {"updated_ns", "session_version"}}
            record_in(writing, by, "user.change", f"user:{user_id}", told, at_ns=values["updated_ns"], address=address)
            row = writing.row(USERS.select().where(_U.id == user_id))
        if row is None:
            raise nobody()
        return user_of(row)

    def remove(self, user_id: int, by: Principal | None, *, address: str = "") -> None:
        """Remove somebody and what only they could use; the record of their runs stays.

        Raises:
            Refused: there is nobody of that number, a run of theirs is active, or ``by`` may not do that.
        """
        with self._database.write() as writing:
            take_turn(writing)
            user = self._theirs(writing, user_id, by)
            if by is not None and by.user_id == user_id:
                raise Refused(Kind.CONFLICT, "own_account", "Nobody removes their own account; ask another owner.")
            if user.role is Role.OWNER:
                _keep_an_owner(writing, user)
            if writing.row(RUN_OWNERS.select().where(RUN_OWNERS.c.user_id == user_id, RUN_OWNERS.c.slot >= 0)):
                raise Refused(Kind.CONFLICT, "runs_active", "They have active runs; stop these first.")
            for table in (REFRESH_TOKENS, USER_SETTINGS, WEBHOOKS, NOTIFICATIONS):
                writing.run(table.delete().where(table.c.user_id == user_id))
            writing.run(USERS.delete().where(_U.id == user_id))
            thing = f"user:{user_id}"
            what = {"username": user.username}
            record_in(writing, by, "user.remove", thing, what, at_ns=self._clock.now_ns(), address=address)

    def set_password(self, user_id: int, password: str, by: Principal | None, *, address: str = "") -> None:
        """Give somebody another password, and end all their sessions.

        Raises:
            Refused: it is weak, or there is nobody of that number.
        """
        user = self.find(user_id)
        if user is None:
            raise nobody()
        refuse_weak(password, user.username, user.email)
        kept, now = self._passwords.hash(password), self._clock.now_ns()
        with self._database.write() as writing:
            user = self._theirs(writing, user_id, None)
            values = {"password_hash": kept, "session_version": user.version + 1, "updated_ns": now}
            writing.run(USERS.update().where(_U.id == user_id).values(**values))
            self._sessions.end_all(writing, user_id)
            record_in(writing, by, "user.password", f"user:{user_id}", at_ns=now, address=address)

    def keep_better(self, user_id: int, password_hash: str) -> None:
        """Replace what is kept of a password that was right by a dearer hash of the same."""
        with self._database.write() as writing:
            writing.run(USERS.update().where(_U.id == user_id).values(password_hash=password_hash))

    def _theirs(self, writing: Writing, user_id: int, by: Principal | None) -> User:
        """Return somebody whom ``by`` may change: those below them, and owners everybody."""
        row = writing.row(USERS.select().where(_U.id == user_id))
        if row is None:
            raise nobody()
        user = user_of(row)
        if by is not None and not by.may(Role.OWNER) and not any(own.rank > user.role.rank for own in by.roles):
            raise Refused(Kind.NOT_ALLOWED, "not_allowed", "Only those above somebody change them; ask an owner.")
        return user


def insert_user(writing: Writing, row: dict[str, Any]) -> User:
    """Write somebody new. Raises Refused when a name is taken."""
    try:
        user_id = writing.insert(USERS.insert().values(**row))
    except AlreadyThere:
        raise _taken() from None
    found = writing.row(USERS.select().where(_U.id == user_id))
    if found is None:
        raise nobody()
    return user_of(found)


def _taken() -> Refused:
    return Refused(Kind.CONFLICT, "name_taken", "That user name or e-mail address is taken; choose another.")


def _keep_an_owner(writing: Writing, user: User) -> None:
    others = USERS.select().where(_U.roles == str(Role.OWNER), _U.is_active == 1, _U.id != user.user_id).limit(1)
    if writing.row(others) is None:
        raise Refused(Kind.CONFLICT, "last_owner", "This is the only owner; make somebody else one first.")
