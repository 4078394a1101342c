"""Sends what waits to be sent: attempts are written down before they are made, and made again, later and later."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy import select

from tidemill.adapters.sql.database import Database, Row
from tidemill.adapters.sql.service_tables import DELIVERIES, USERS, WEBHOOKS
from tidemill.model.bars import SECOND_NS
from tidemill.model.errors import TidemillError
from tidemill.ports.channel import Channel, Letter, Outcome
from tidemill.ports.seams import Clock
from tidemill.services.logs import Log
from tidemill.services.notify.escalating import PATIENCE, Escalation
from tidemill.services.notify.sealing import Seal
from tidemill.services.notify.texts import text_of
from tidemill.services.notify.webhooks import secret_of

__all__ = ["DELAYS_S", "Outbound"]

# After each attempt; the last one without a next is the end: nine attempts within a little more than a day.
DELAYS_S = (10, 30, 120, 600, 1_800, 7_200, 21_600, 57_600)
_HANDS = 4  # calls at once; a slow receiver holds one for seconds
_OF_ONE = 2  # of these for one receiver
_LOOK = 64


@dataclass(frozen=True, slots=True)
class _Claimed:
    row: Row
    letter: Letter
    channel: Channel


class Outbound:
    """Delivers.

    Args:
        database, clock: of the installation. seal: opens secrets. channels: by name. log: of the process.
    """

    def __init__(self, database: Database, clock: Clock, seal: Seal, channels: Mapping[str, Channel], log: Log) -> None:
        self._database, self._clock, self._seal = database, clock, seal
        self._channels, self._log = channels, log
        self._escalation = Escalation(database, clock, channels)

    def turn(self) -> int:
        """Make the attempts that are due; return how many. Raises StoreError: the database is busy."""
        claimed = [item for row in self._due() if (item := self._claim(row)) is not None]
        if not claimed:
            return 0
        with ThreadPoolExecutor(min(_HANDS, len(claimed)), "delivery") as hands:
            outcomes = list(hands.map(lambda item: item.channel.send(item.letter), claimed))
        for item, outcome in zip(claimed, outcomes, strict=True):
            self._settle(item.row, outcome)
        return len(claimed)

    def _due(self) -> list[Row]:
        now = self._clock.now_ns()
        waiting = (DELIVERIES.c.status == "PENDING", DELIVERIES.c.next_ns <= now)
        query = select(DELIVERIES).where(*waiting).order_by(DELIVERIES.c.next_ns, DELIVERIES.c.id).limit(_LOOK)
        count: dict[tuple[str, str], int] = {}
        found = []
        for row in self._database.rows(query):
            place = (row["channel"], row["target"])
            count[place] = count.get(place, 0) + 1
            if count[place] <= _OF_ONE:
                found.append(row)
        return found

    def _claim(self, row: Row) -> _Claimed | None:
        """Write an attempt down before it is made: after a crash it counts, and is made again after its delay."""
        now = self._clock.now_ns()
        channel = self._channels.get(row["channel"])
        try:
            letter = self._letter(row, now)
        except TidemillError as error:
            self._escalate(row)
            self._end(row, Outcome(is_done=False, error=str(error), is_final=True))
            return None
        if channel is None or letter is None:
            why = (
                "Where it was to go is gone." if channel is not None else f"There is no channel {row['channel']} here."
            )
            self._escalate(row)
            self._end(row, Outcome(is_done=False, error=why, is_final=True))
            return None
        attempts = row["attempts"] + 1
        delay_s = DELAYS_S[min(attempts, len(DELAYS_S)) - 1]
        one = (DELIVERIES.c.id == row["id"], DELIVERIES.c.status == "PENDING", DELIVERIES.c.attempts == row["attempts"])
        with self._database.write() as writing:
            values = {"attempts": attempts, "next_ns": now + delay_s * SECOND_NS}
            if not writing.run(DELIVERIES.update().where(*one).values(**values)):
                return None  # another process has it
        return _Claimed(row, letter, channel)

    def _letter(self, row: Row, now_ns: int) -> Letter | None:
        """Return what is to be sent and where to; None: nobody is there any more."""
        title, text = text_of(row["body_json"])
        at_s = now_ns // SECOND_NS
        if row["channel"] == "webhook":
            one = (WEBHOOKS.c.id == int(row["target"]), WEBHOOKS.c.user_id == row["user_id"], WEBHOOKS.c.is_active == 1)
            hook = self._database.row(select(WEBHOOKS).where(*one))
            if hook is None:
                return None
            secret = secret_of(self._seal, hook)
            return Letter(row["id"], row["event"], title, text, row["body_json"], at_s, hook["url"], secret)
        user = self._database.row(select(USERS).where(USERS.c.id == row["user_id"], USERS.c.is_active == 1))
        if user is None:
            return None
        return Letter(row["id"], row["event"], title, text, row["body_json"], at_s, user["email"])

    def _settle(self, row: Row, outcome: Outcome) -> None:
        if not outcome.is_done and (outcome.is_final or row["attempts"] + 1 >= PATIENCE):
            self._escalate(row)
        is_last = outcome.is_done or outcome.is_final or row["attempts"] + 1 > len(DELAYS_S)
        if is_last:
            self._end(row, outcome)
            return
        values = {"error": outcome.error[:300], "response_code": outcome.code}
        with self._database.write() as writing:
            writing.run(DELIVERIES.update().where(DELIVERIES.c.id == row["id"]).values(**values))

    def _escalate(self, row: Row) -> None:
        if channel := self._escalation.consider(row):
            self._log.warning("escalated", delivery=row["id"], channel=row["channel"], to=channel, kind=row["event"])

    def _end(self, row: Row, outcome: Outcome) -> None:
        status = "SUCCESS" if outcome.is_done else "FAILED"
        values = {"status": status, "error": outcome.error[:300], "response_code": outcome.code}
        waiting = (DELIVERIES.c.id == row["id"], DELIVERIES.c.status == "PENDING")
        with self._database.write() as writing:
            writing.run(DELIVERIES.update().where(*waiting).values(**values, done_ns=self._clock.now_ns()))
            if row["channel"] == "webhook":
                failures = 0 if outcome.is_done else WEBHOOKS.c.failures + 1
                writing.run(WEBHOOKS.update().where(WEBHOOKS.c.id == int(row["target"])).values(failures=failures))
        if not outcome.is_done:
            self._log.warning(
                "undelivered", delivery=row["id"], channel=row["channel"], kind=row["event"], why=outcome.error
            )
