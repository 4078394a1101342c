"""Use cases of webhooks: each belongs to somebody, has a secret of its own, and a log of its deliveries."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from sqlalchemy import func, select

from tidemill.adapters.sql.database import Database, Row
from tidemill.adapters.sql.service_tables import DELIVERIES, WEBHOOKS
from tidemill.model.people import Principal, UserScope
from tidemill.ports.channel import Channel
from tidemill.ports.seams import Clock, Ids
from tidemill.services.access.audit import record_in
from tidemill.services.notify.kinds import Happening, Kind, Priority
from tidemill.services.notify.notifications import Notifications
from tidemill.services.notify.sealing import Seal
from tidemill.services.refusals import Kind as Why
from tidemill.services.refusals import Refused

__all__ = ["Webhooks", "secret_of"]

_MOST = 10  # webhooks of one person
_BYTES = 32  # of chance in a secret
_PREFIX = "whsec_"


def secret_of(seal: Seal, row: Row) -> str:
    """Return a webhook's secret. Raises StoreError: it is sealed for another row or with another key."""
    return seal.open_up(row["secret_sealed"], _owner(row["user_id"], row["id"]))


def _owner(user_id: int, hook_id: int) -> str:
    return f"webhook:{user_id}:{hook_id}"


class Webhooks:
    """Webhooks of everybody; each call sees those of one.

    Args:
        database, clock, ids: of the installation. seal: keeps secrets. channel: knows which addresses will do;
            None: there are no webhooks here.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        seal: Seal,
        channel: Channel | None,
        notifications: Notifications,
    ) -> None:
        self._database, self._clock, self._ids, self._seal = database, clock, ids, seal
        self._channel, self._notifications = channel, notifications

    def list(self, scope: UserScope) -> Sequence[Row]:
        """Return somebody's webhooks, oldest first."""
        return self._database.rows(select(WEBHOOKS).where(WEBHOOKS.c.user_id == scope.user_id).order_by(WEBHOOKS.c.id))

    def get(self, scope: UserScope, hook_id: int) -> Row:
        """Return one. Raises Refused: nobody has it, or somebody else."""
        one = (WEBHOOKS.c.user_id == scope.user_id, WEBHOOKS.c.id == hook_id)
        row = self._database.row(select(WEBHOOKS).where(*one))
        if row is None:
            raise Refused(Why.NOT_FOUND, "no_such_webhook", "There is no such webhook; list yours.")
        return row

    def add(self, principal: Principal, url: str, events: Sequence[Kind], description: str) -> tuple[Row, str]:
        """Add a webhook; return it and its secret, which is told this once.

        Raises:
            Refused: the address will not do, or there are enough.
        """
        self._check(url)
        secret, now = _fresh(), self._clock.now_ns()
        values = {"url": url, "events": _joined(events), "description": description, "is_active": 1, "failures": 0}
        with self._database.write() as writing:
            mine = WEBHOOKS.c.user_id == principal.user_id
            known = writing.row(select(func.count().label("count")).select_from(WEBHOOKS).where(mine))
            if known is not None and known["count"] >= _MOST:
                raise Refused(Why.CONFLICT, "enough_webhooks", f"There are {_MOST} already; remove one first.")
            times = {"created_ns": now, "updated_ns": now, "user_id": principal.user_id, "secret_sealed": ""}
            hook_id = writing.insert(WEBHOOKS.insert().values(**values, **times))
            sealed = self._seal.close_up(secret, _owner(principal.user_id, hook_id))
            writing.run(WEBHOOKS.update().where(WEBHOOKS.c.id == hook_id).values(secret_sealed=sealed))
            record_in(
                writing, principal, "webhook.create", f"webhook:{hook_id}", {"events": values["events"]}, at_ns=now
            )
        return self.get(principal.scope, hook_id), secret

    def change(
        self,
        principal: Principal,
        hook_id: int,
        *,
        url: str | None = None,
        events: Sequence[Kind] | None = None,
        description: str | None = None,
        is_active: bool | None = None,
    ) -> Row:
        """Change what is given. Raises Refused: as of `get` and `add`."""
        self.get(principal.scope, hook_id)
        if url is not None:
            self._check(url)
        wanted = {
            "url": url,
            "events": _joined(events) if events is not None else None,
            "description": description,
            "is_active": int(is_active) if is_active is not None else None,
        }
        values = {name: value for name, value in wanted.items() if value is not None}
        self._write(principal, hook_id, "webhook.change", {**values, "updated_ns": self._clock.now_ns()})
        return self.get(principal.scope, hook_id)

    def renew_secret(self, principal: Principal, hook_id: int) -> tuple[Row, str]:
        """Give a webhook another secret; return it. Raises Refused: as of `get`."""
        self.get(principal.scope, hook_id)
        secret = _fresh()
        sealed = self._seal.close_up(secret, _owner(principal.user_id, hook_id))
        values = {"secret_sealed": sealed, "updated_ns": self._clock.now_ns()}
        self._write(principal, hook_id, "webhook.secret", values)
        return self.get(principal.scope, hook_id), secret

    def remove(self, principal: Principal, hook_id: int) -> None:
        """Remove one; what waits for it is given up. Raises Refused: as of `get`."""
        self.get(principal.scope, hook_id)
        now = self._clock.now_ns()
        with self._database.write() as writing:
            writing.run(WEBHOOKS.delete().where(WEBHOOKS.c.id == hook_id, WEBHOOKS.c.user_id == principal.user_id))
            waiting = (DELIVERIES.c.target == str(hook_id), DELIVERIES.c.channel == "webhook")
            given_up = {"status": "FAILED", "error": "The webhook was removed.", "done_ns": now}
            writing.run(DELIVERIES.update().where(*waiting, DELIVERIES.c.status == "PENDING").values(**given_up))
            record_in(writing, principal, "webhook.remove", f"webhook:{hook_id}", at_ns=now)

    def test(self, principal: Principal, hook_id: int) -> Row:
        """Have something sent to a webhook; return the delivery, whose outcome follows in the log."""
        self.get(principal.scope, hook_id)
        happening = Happening(
            principal.user_id,
            self._ids.fresh("test-"),
            Kind.TEST,
            "A test",
            "You asked for this.",
            self._clock.now_ns(),
            Priority.LOW,
        )
        with self._database.write() as writing:
            number = self._notifications.deliver(writing, happening, hook_id)
            found = writing.row(select(DELIVERIES).where(DELIVERIES.c.id == number))
        if found is None:
            raise Refused(Why.BUSY, "not_kept", "The delivery could not be kept; try again.")
        return found

    def deliveries(self, scope: UserScope, hook_id: int, limit: int, before: int | None = None) -> Sequence[Row]:
        """Return the log of a webhook, newest first. Raises Refused: as of `get`."""
        self.get(scope, hook_id)
        mine = (DELIVERIES.c.channel == "webhook", DELIVERIES.c.target == str(hook_id))
        query = select(DELIVERIES).where(*mine, DELIVERIES.c.user_id == scope.user_id)
        if before is not None:
            query = query.where(DELIVERIES.c.id < before)
        return self._database.rows(query.order_by(DELIVERIES.c.id.desc()).limit(limit))

    def _check(self, url: str) -> None:
        wrong = self._channel.check(url) if self._channel is not None else "There is no channel for webhooks here."
        if wrong:
            raise Refused(Why.INVALID, "bad_webhook_url", wrong, field="body.url")

    def _write(self, principal: Principal, hook_id: int, action: str, values: dict[str, object]) -> None:
        one = (WEBHOOKS.c.id == hook_id, WEBHOOKS.c.user_id == principal.user_id)
        with self._database.write() as writing:
            writing.run(WEBHOOKS.update().where(*one).values(**values))
            record_in(writing, principal, action, f"webhook:{hook_id}", at_ns=self._clock.now_ns())


def _fresh() -> str:
    return _PREFIX + secrets.token_hex(_BYTES)


def _joined(events: Sequence[Kind]) -> str:
    return ",".join(sorted({str(event) for event in events}))
