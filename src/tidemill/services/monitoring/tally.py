"""What has happened, counted from the record: the same numbers from any process, before and after a restart."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, case, func, literal_column, select

from tidemill.adapters.sql.database import Database
from tidemill.adapters.sql.read_tables import READ_TABLES
from tidemill.adapters.sql.service_tables import DELIVERIES
from tidemill.adapters.sql.tables import COMMANDS, INTENTS, ORDERS, OUTBOX, RUNS, TAPE

__all__ = ["BUCKETS_S", "OTHER", "Counts", "Tally"]

OTHER = "other"
_SYMBOLS = 50  # label values of their own; later ones share one
_PAGE = 20_000
_MANY = 400  # runs in one question, below every database's limit of parameters
_OVER = ("STOPPED", "COMPLETED", "ERROR")
_CODE = re.compile(r"([a-z][a-z0-9_]{1,39})(?=:)")
_MODELS = {"gate_refused": "refused", "stale_verdict": "stale"}
_HALTS = ("HALT", "CANCEL_ALL", "FLATTEN", "DISABLE")
_MACHINES = ("engine", "watchdog", "keeper", "up")
# From the decision to the moment its request leaves; what takes longer than a minute was held back, not late.
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_LATE_NS = 60_000_000_000


@dataclass(slots=True)
class Counts:
    """Everything that has happened so far.

    Args:
        accepted: orders by symbol and side. blocked: by symbol, side and short reason. models: blocked by a model, by
            version and reason. halts: by who halted.
        latencies: of orders, one count for each of ``BUCKETS_S`` and one beyond; latency_s: their sum.
        deliveries: of webhooks, by status.
    """

    accepted: Counter[tuple[str, str]] = field(default_factory=Counter)
    blocked: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    models: Counter[tuple[str, str]] = field(default_factory=Counter)
    halts: Counter[str] = field(default_factory=Counter)
    latencies: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    latency_s: float = 0.0
    deliveries: Counter[str] = field(default_factory=Counter)


class _OfRuns:
    """A question that is answered run by run; what is over is not asked again.

    Args:
        database: asked. statement: grouped by run, with ``run_id`` among its columns. run_id: the column.
    """

    def __init__(self, database: Database, statement: Select[Any], run_id: Any) -> None:
        self._database, self._statement, self._run_id = database, statement, run_id
        self._kept: dict[str, tuple[Hashable, list[Mapping[Any, Any]]]] = {}

    def rows(self, runs: Mapping[str, Hashable], over: frozenset[str]) -> list[Mapping[Any, Any]]:
        """Return the rows of all runs.

        Args:
            runs: what changes when a run changes, by run. over: those that are.
        """
        asked = [name for name, mark in runs.items() if name not in over or self._kept.get(name, ((),))[0] != mark]
        for begin in range(0, len(asked), _MANY):
            names = asked[begin : begin + _MANY]
            for name in names:
                self._kept[name] = (runs[name], [])
            for row in self._database.rows(self._statement.where(self._run_id.in_(names))):
                self._kept[row["run_id"]][1].append(row)
        return [row for _, rows in self._kept.values() for row in rows]


class Tally:
    """Counts from the record; not for several threads at once.

    Args:
        database: of the installation.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        rejected = case((ORDERS.c.state == "REJECTED", ORDERS.c.text), else_=literal_column("''")).label("why")
        first = func.min(ORDERS.c.created_ns).label("first_ns")
        o, signals = ORDERS.c, READ_TABLES["signals"]
        s = signals.c
        count = func.count().label("count")
        self._orders = _OfRuns(
            database,
            select(o.run_id, o.symbol, o.side, rejected, count, first).group_by(o.run_id, o.symbol, o.side, rejected),
            o.run_id,
        )
        self._refused = _OfRuns(
            database,
            select(s.run_id, s.symbol, s.side, s.refusal.label("why"), count, func.min(s.at_ns).label("first_ns"))
            .where(s.status == "REFUSED")
            .group_by(s.run_id, s.symbol, s.side, s.refusal),
            s.run_id,
        )
        self._asked: list[Mapping[Any, Any]] = []
        self._asked_upto = self._halts_upto = self._sent_upto = 0
        self._halted: Counter[str] = Counter()
        self._latencies, self._latency_s = [0] * (len(BUCKETS_S) + 1), 0.0

    def count(self) -> Counts:
        """Return what has happened so far. Raises StoreError."""
        found = self._database.rows(select(RUNS.c.run_id, RUNS.c.state, RUNS.c.ended_ns))
        runs: dict[str, Hashable] = {row["run_id"]: (row["state"], row["ended_ns"]) for row in found}
        over = frozenset(row["run_id"] for row in found if row["state"] in _OVER)
        orders, refused = self._orders.rows(runs, over), self._refused.rows(runs, over)
        self._read_asked()
        self._read_halts()
        self._read_sent()
        counts = Counts(latencies=list(self._latencies), latency_s=self._latency_s)
        self._add_orders(counts, orders, refused)
        counts.halts.update(self._halted)
        status = DELIVERIES.c.status
        rows = self._database.rows(
            select(status, func.count().label("count")).where(DELIVERIES.c.channel == "webhook").group_by(status)
        )
        counts.deliveries.update({row["status"]: row["count"] for row in rows})
        return counts

    def _add_orders(
        self, counts: Counts, orders: Sequence[Mapping[Any, Any]], refused: Sequence[Mapping[Any, Any]]
    ) -> None:
        names = _named([*orders, *refused, *self._asked])
        for row in orders:
            symbol, side, why = names.get(row["symbol"], OTHER), row["side"], row["why"]
            if not why:
                counts.accepted[symbol, side] += row["count"]
            else:
                counts.blocked[symbol, side, _code(why, "broker")] += row["count"]
        for row in [*refused, *self._asked]:
            symbol, why = names.get(row["symbol"], OTHER), str(row["why"] or "unknown").lower()
            counts.blocked[symbol, row["side"] or "", why] += row["count"]
            if why in _MODELS:
                counts.models["unknown", _MODELS[why]] += row["count"]

    def _read_asked(self) -> None:
        """Take what people asked for and was refused before an engine saw it."""
        c = COMMANDS.c
        query = select(c.number, c.body, c.answer, c.at_ns).where(c.kind == "order", c.key.like("refused-%"))
        last = self._last(c.number)
        for row in self._between(query, c.number, self._asked_upto, last):
            body = json.loads(row["body"])
            symbol, side = str(body.get("symbol", ""))[:24], str(body.get("side", "")).upper()
            side = side if side in {"BUY", "SELL"} else ""
            why = _code(row["answer"], "refused")
            self._asked.append({"symbol": symbol, "side": side, "why": why, "count": 1, "first_ns": row["at_ns"]})
        self._asked_upto = last

    def _read_halts(self) -> None:
        c = TAPE.c
        last = self._last(c.number)
        query = select(c.number, c.source).where(c.kind.in_(_HALTS))
        for row in self._between(query, c.number, self._halts_upto, last):
            by = str(row["source"]).partition(":")[2]
            self._halted[by if by in _MACHINES else "operator"] += 1
        self._halts_upto = last

    def _read_sent(self) -> None:
        """Take requests that have left, up to the first that is still to leave."""
        c = OUTBOX.c
        query = (
            select(c.number, c.state, c.sent_ns, INTENTS.c.created_ns)
            .join(INTENTS, INTENTS.c.client_id == c.client_id)
            .where(c.action == "submit")
        )
        for row in self._between(query, c.number, self._sent_upto, self._last(c.number)):
            if row["state"] == "PENDING":
                return
            self._sent_upto = row["number"]
            took = row["sent_ns"] - row["created_ns"]
            # What a replay decides has the market's time, not the machine's.
            if row["sent_ns"] and 0 <= took <= _LATE_NS:
                self._latencies[bisect_left(BUCKETS_S, took / 1e9)] += 1
                self._latency_s += took / 1e9

    def _last(self, number: Any) -> int:
        row = self._database.row(select(func.max(number).label("last")))
        return int(row["last"] or 0) if row is not None else 0

    def _between(self, query: Select[Any], number: Any, after: int, last: int) -> Iterator[Mapping[Any, Any]]:
        """Yield rows by number, of those that have not been looked at yet; at the first look all of them."""
        for begin in range(after, last, _PAGE):
            where = (number > begin) & (number <= min(begin + _PAGE, last))
            yield from self._database.rows(query.where(where).order_by(number))


def _code(text: str, otherwise: str) -> str:
    """Return the name at the start of a refusal; what people and brokers write never becomes a label."""
    found = _CODE.match(text)
    return found[1] if found else otherwise


def _named(rows: Sequence[Mapping[Any, Any]]) -> dict[str, str]:
    """Return the symbols that have a label of their own: the first ever seen, so that nobody loses theirs."""
    first: dict[str, int] = {}
    for row in rows:
        first[row["symbol"]] = min(row["first_ns"], first.get(row["symbol"], row["first_ns"]))
    return {name: name for name in sorted(first, key=lambda name: (first[name], name))[:_SYMBOLS]}
