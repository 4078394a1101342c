"""Use case: signing in and out, and finding out who is behind a token, from the database, at every request."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from functools import cache

from sqlalchemy import and_, bindparam, select

from tidemill.adapters.sql.asked import Question
from tidemill.adapters.sql.database import Database, Row
from tidemill.adapters.sql.service_tables import REFRESH_TOKENS, USERS
from tidemill.adapters.sql.tables import META
from tidemill.model.people import Principal, Role, Tier
from tidemill.ports.seams import Clock
from tidemill.services.access.audit import record, record_in
from tidemill.services.access.passwords import Passwords
from tidemill.services.access.persons import NewUser, User, user_of
from tidemill.services.access.refresh import Session, Sessions
from tidemill.services.access.throttle import Throttle
from tidemill.services.access.tokens import Claims, Tokens, TokenSettings
from tidemill.services.access.users import Users, insert_user
from tidemill.services.refusals import Kind, Refused

__all__ = ["Access", "AccessSettings", "SignedIn", "principal"]

_OWNER_CODE = "owner_code"
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # nothing that is read as something else
_GROUPS, _GROUP = 5, 5  # 25 of 32 letters: 125 bits
_SECOND = 1_000_000_000
_S = REFRESH_TOKENS.c
# Asked at every request: somebody as they are now, and whether the session of their token was ended.
_BEHIND = Question(
    select(*(column for column in USERS.c if column.name != "password_hash"), _S.revoked_ns)
    .join_from(USERS, REFRESH_TOKENS, and_(_S.family == bindparam("session"), _S.user_id == USERS.c.id))
    .where(USERS.c.id == bindparam("user_id"))
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """How long people stay signed in.

    Args:
        tokens: names and lifetime of access tokens.
        refresh_s: seconds for which a session waits for its next use.
        longest_s: seconds after which one signs in again in any case.
    """

    tokens: TokenSettings = field(default_factory=TokenSettings)
    refresh_s: int = 14 * 86_400
    longest_s: int = 90 * 86_400


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What somebody gets who signs in.

    Args:
        user: who they are. access_token: to show with every request. expires_in_s: seconds it is good for.
        refresh_token: to trade for the next pair, once.
    """

    user: User
    access_token: str
    expires_in_s: int
    refresh_token: str


class Access:
    """Who may come in.

    Args:
        database, clock: of the installation. key: signs tokens. settings: lifetimes. passwords: checks them.
    """

    def __init__(
        self, database: Database, clock: Clock, key: bytes, settings: AccessSettings, passwords: Passwords | None = None
    ) -> None:
        self._database, self._clock, self.settings = database, clock, settings
        self.passwords = passwords or Passwords()
        self.tokens = Tokens(key, settings.tokens, clock)
        self.sessions = Sessions(database, clock, settings.refresh_s, settings.longest_s)
        self.users = Users(database, clock, self.passwords, self.sessions)
        self._throttle = Throttle(database, clock)

    def new_owner_code(self, *, again: bool = False) -> str | None:
        """Return the one-time code that makes its bearer the owner; None when somebody is there or one was given.

        Args:
            again: make another one; the first was lost.
        """
        if self.users.any():
            return None
        groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
        code = "-".join(groups)
        with self._database.write() as writing:
            kept = writing.row(META.select().where(META.c.name == _OWNER_CODE))
            if kept is not None and not again:
                return None
            writing.run(META.delete().where(META.c.name == _OWNER_CODE))
            writing.run(META.insert().values(name=_OWNER_CODE, value=_digest(code)))
        return code

    def register_owner(self, code: str, new: NewUser, *, address: str = "") -> SignedIn:
        """Make the first user, the owner, from the code the installation printed.

        Raises:
            Refused: the code is wrong or was used, or the new user's names or password will not do.
        """
        self._throttle.enter("owner code", address)
        owner = NewUser(new.username, new.email, new.password, Role.OWNER, Tier.ENTERPRISE)
        kept = self._database.row(META.select().where(META.c.name == _OWNER_CODE))
        if kept is None or not hmac.compare_digest(str(kept["value"]), _digest(code)):
            record(self._database, None, "owner.refused", "owner", at_ns=self._clock.now_ns(), address=address)
            raise Refused(
                Kind.NOT_ALLOWED, "bad_owner_code", "That code is wrong or was used already.", field="body.code"
            )
        row = self.users.row_of(owner)
        with self._database.write() as writing:
            gone = writing.run(META.delete().where(META.c.name == _OWNER_CODE, META.c.value == _digest(code)))
            if not gone or writing.row(USERS.select().limit(1)) is not None:
                raise Refused(Kind.CONFLICT, "owner_is_there", "Somebody was first; sign in, or ask the owner.")
            user = insert_user(writing, row)
            by = Principal(user.user_id, user.username, frozenset({user.role}), user.tier)
            record_in(writing, by, "owner.register", f"user:{user.user_id}", at_ns=row["created_ns"], address=address)
        self._throttle.forget("owner code", address)
        return self._begin(user)

    def sign_in(self, login: str, password: str, *, address: str = "", request_id: str = "") -> SignedIn:
        """Sign somebody in by user name or e-mail address.

        Raises:
            Refused: name or password are wrong (which of them is not told), or it is too early for another attempt.
        """
        name = login.strip().lower()[:254]
        self._throttle.enter(name, address)
        row = self.users.named(name)
        checked = self.passwords.check(str(row["password_hash"]) if row else None, password)
        if row is None or not checked.is_right or not row["is_active"]:
            self._tell("login.refused", name, row, address, request_id)
            sentence = "The name or the password is wrong; check both."
            raise Refused(Kind.NOT_SIGNED_IN, "wrong_login", sentence)
        self._throttle.forget(name, address)
        if checked.better:
            self.users.keep_better(int(row["id"]), checked.better)
        signed_in = self._begin(user_of(row))
        self._tell("login", name, row, address, request_id)
        return signed_in

    def refresh(self, refresh_token: str) -> SignedIn:
        """Trade a refresh token for a new pair.

        Raises:
            Refused: it is not good any more; the whole session ends when it was used before.
        """
        session, version = self.sessions.prolong(refresh_token)
        user = self.users.find(session.user_id)
        if user is None or not user.is_active or user.version != version:
            self.sessions.end(session.family)
            raise Refused(Kind.NOT_SIGNED_IN, "bad_refresh_token", "That session is over; sign in again.")
        return self._signed_in(user, session)

    def sign_out(self, principal: Principal, *, everywhere: bool = False, address: str = "") -> None:
        """End the session somebody is in, or all of theirs.

        Args:
            everywhere: on all machines.
        """
        if principal.session and not everywhere:
            self.sessions.end(principal.session)
        with self._database.write() as writing:
            if everywhere:
                self.sessions.end_all(writing, principal.user_id)
                theirs = USERS.c.id == principal.user_id
                writing.run(USERS.update().where(theirs).values(session_version=USERS.c.session_version + 1))
            what, now = {"everywhere": everywhere}, self._clock.now_ns()
            record_in(writing, principal, "logout", f"user:{principal.user_id}", what, at_ns=now, address=address)

    def change_password(self, principal: Principal, old: str, new: str, *, address: str = "") -> SignedIn:
        """Change one's own password; every other session ends.

        Raises:
            Refused: the old one is wrong, or the new one is weak.
        """
        self.confirm(principal, old, address=address)
        self.users.set_password(principal.user_id, new, principal, address=address)
        user = self.users.find(principal.user_id)
        if user is None:
            raise Refused(Kind.NOT_SIGNED_IN, "bad_token", "That token is not good here; sign in again.")
        return self._begin(user)

    def confirm(self, principal: Principal, password: str, *, address: str = "") -> None:
        """Make sure that it is still the same person who sits there, before something that cannot be undone.

        Raises:
            Refused: the password is wrong, or it is too early for another attempt.
        """
        self._throttle.enter(principal.username, address)
        row = self._database.row(USERS.select().where(USERS.c.id == principal.user_id))
        if not self.passwords.check(str(row["password_hash"]) if row else None, password).is_right:
            self._tell("confirm.refused", principal.username, row, address, "")
            raise Refused(Kind.NOT_ALLOWED, "wrong_password", "That is not your password.", field="body.password")
        self._throttle.forget(principal.username, address)

    def principal_of(self, token: str) -> Principal:
        """Return who is behind a token, with the roles and tier they have at this moment.

        Raises:
            Refused: the token is not good, was ended, or belongs to nobody who may come in.
        """
        claims = self.tokens.read(token)
        found = self._database.ask(_BEHIND, session=claims.session, user_id=claims.user_id)
        row = found[0] if found else {"is_active": 0}
        if not row["is_active"] or row["session_version"] != claims.version or row["revoked_ns"]:
            raise Refused(Kind.NOT_SIGNED_IN, "signed_out", "That token was signed out; sign in again.")
        user = user_of(row)
        highest = user.role if claims.most is None or claims.most.rank > user.role.rank else claims.most
        return principal(user, highest, claims.token_id, claims.session)

    def owner(self) -> Principal | None:
        """Return the first owner, for requests of this machine that need no token; None when there is none yet."""
        found = USERS.select().where(USERS.c.roles == str(Role.OWNER), USERS.c.is_active == 1).order_by(USERS.c.id)
        row = self._database.row(found.limit(1))
        return principal(user_of(row), Role.OWNER) if row else None

    def mint(self, user: User, lifetime_s: int, most: Role | None = None) -> tuple[str, int]:
        """Return an access token for somebody without a password, and the second of its end; for who has the machine.

        Args:
            lifetime_s: seconds it is good for. most: highest role it may use.
        """
        session = self.sessions.begin(user.user_id, user.version, lifetime_s)
        with self._database.write() as writing:
            what, thing = {"lifetime_s": lifetime_s, "max_role": most}, f"user:{user.user_id}"
            record_in(writing, None, "token.mint", thing, what, at_ns=self._clock.now_ns())
        return self._sign(user, session, most, lifetime_s)

    def _begin(self, user: User) -> SignedIn:
        return self._signed_in(user, self.sessions.begin(user.user_id, user.version))

    def _signed_in(self, user: User, session: Session) -> SignedIn:
        token, ends = self._sign(user, session)
        left = ends - self._clock.now_ns() // _SECOND
        return SignedIn(user, token, left, session.refresh_token)

    def _sign(
        self, user: User, session: Session, most: Role | None = None, lifetime_s: int | None = None
    ) -> tuple[str, int]:
        claims = Claims(user.user_id, user.version, session.family, secrets.token_hex(16), most)
        highest = user.role if most is None or most.rank > user.role.rank else most
        roles = principal(user, highest).roles
        names = [str(role) for role in Role if role in roles]
        return self.tokens.sign(claims, user.username, names, lifetime_s=lifetime_s)

    def _tell(self, action: str, name: str, row: Row | None, address: str, request_id: str) -> None:
        """Write down an attempt to sign in; a name nobody has may be a mistyped password, so it is left out."""
        who = principal(user_of(row), Role(row["roles"])) if row else None
        record(
            self._database,
            who,
            action,
            f"user:{row['id']}" if row else "user:unknown",
            {"name": name} if row else {},
            at_ns=self._clock.now_ns(),
            address=address,
            request_id=request_id,
        )


def principal(user: User, highest: Role, token_id: str = "", session: str = "") -> Principal:
    """Return somebody with all roles up to one."""
    return Principal(user.user_id, user.username, _up_to(highest), user.tier, token_id, session)


@cache
def _up_to(highest: Role) -> frozenset[Role]:
    return frozenset(role for role in Role if role.rank <= highest.rank)


def _digest(code: str) -> str:
    plain = "".join(code.split()).replace("-", "").upper()
    return hashlib.sha256(plain.encode()).hexdigest()
