"""Backtests of people: asked for within a tier's quota, looked at, cancelled, compared; the pool works them off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

from sqlalchemy import delete, func, select, update

from tidemill.adapters.sql.database import Database, Writing
from tidemill.adapters.sql.service_tables import JOBS
from tidemill.model.errors import StoreError
from tidemill.model.people import Principal, UserScope
from tidemill.ports.seams import Clock, Ids
from tidemill.services.access.tiers import limits_of
from tidemill.services.fleet.feeds import data_names
from tidemill.services.fleet.naming import plain_name
from tidemill.services.fleet.refusals import not_now, not_there
from tidemill.services.fleet.strategies import CUSTOM_TYPE, Chosen, Strategies
from tidemill.services.home import Home
from tidemill.services.jobs.asked import Asked, BacktestWish, asked_of
from tidemill.services.jobs.job import ACTIVE, Job, job_of
from tidemill.services.jobs.known import NO_NEWS
from tidemill.services.jobs.limits import bars_within
from tidemill.services.jobs.pool import Pool, job_folder
from tidemill.services.jobs.queue import Queue, lock_user
from tidemill.services.jobs.work import MEMORY_HOLDS, REPORT, RESULT, TIER_ALLOWS
from tidemill.services.refusals import Kind, Refused

__all__ = ["Backtests", "Health", "StrategyWish"]

_KIND = "backtest"
_SENTIMENT = "sentimentanalysis"
_MOST_KEPT = 200  # finished ones of one person; their records of performance stay
_BARS_PER_SESSION = 390


@dataclass(frozen=True, slots=True)
class StrategyWish:
    """Which strategy a backtest is of.

    Args:
        name: as the API lists it, or ``custom``. parameters: that differ from its defaults.
        custom_id: number of a custom strategy, 0: none. document: conditions that are not kept, empty: none.
        saved_id: number of a saved strategy, 0: none.
    """

    name: str = ""
    parameters: Mapping[str, Any] | None = None
    custom_id: int = 0
    document: Mapping[str, Any] | None = None
    saved_id: int = 0


@dataclass(frozen=True, slots=True)
class Health:
    """How the service of backtests fares: processes it may use, jobs that wait, jobs at work."""

    workers: int
    queued: int
    running: int


class Backtests:
    """Backtests of everybody; each call sees those of one.

    Args:
        home, database, clock, ids: of the installation. strategies: what names mean. queue, pool: do the work.
    """

    def __init__(
        self, home: Home, database: Database, clock: Clock, ids: Ids, strategies: Strategies, queue: Queue, pool: Pool
    ) -> None:
        self._home, self._database, self._clock, self._ids = home, database, clock, ids
        self._strategies, self.queue, self.pool = strategies, queue, pool

    def submit(self, principal: Principal, strategy: StrategyWish, wish: BacktestWish) -> Job:
        """Queue a backtest; one that asks for the same as one still waiting or at work is that one.

        Raises:
            Refused: the tier's queue is full, the data are more than it allows, or it has no custom strategies.
            ConfigError, UnknownName: something does not fit; nothing was queued.
        """
        asked = self._asked(principal, strategy, wish)
        limits, now = limits_of(principal.tier), self._clock.now_ns()
        if asked.data["kind"] == "synthetic":
            bars = asked.data["sessions"] * _BARS_PER_SESSION * len(asked.symbols)
            _check_bars(bars, limits.backtest_bars, TIER_ALLOWS)
            _check_bars(bars, bars_within(self.pool.limits), MEMORY_HOLDS)
        digest = asked.hash()
        with self._database.write() as writing:
            lock_user(writing, principal.user_id)
            active = writing.rows(select(JOBS).where(JOBS.c.user_id == principal.user_id, JOBS.c.status.in_(ACTIVE)))
            same = next((row for row in active if row["body_hash"] == digest and not row["is_cancelled"]), None)
            if same is not None:
                return job_of(same)
            if len(active) >= limits.backtest_queue:
                raise _full(str(principal.tier), limits.backtest_queue, [row["id"] for row in active])
            job_id = self._ids.fresh("backtest-")
            self.queue.add(writing, _row(job_id, principal, asked, digest, now))
            old = self._forget_old(writing, principal.scope)
        for gone in old:
            rmtree(job_folder(self._home, gone), ignore_errors=True)
        self.pool.wake()
        return self.get(principal.scope, job_id)

    def _asked(self, principal: Principal, strategy: StrategyWish, wish: BacktestWish) -> Asked:
        chosen, kind, number = self._chosen(principal, strategy)
        name = strategy.name if strategy.name and kind != CUSTOM_TYPE else chosen.title
        return asked_of(self._home, wish, chosen.request, name=name, kind=kind, strategy_id=number)

    def _chosen(self, principal: Principal, strategy: StrategyWish) -> tuple[Chosen, str, str]:
        """Return a strategy, its type, and its number where it has one."""
        if strategy.custom_id and strategy.document:
            raise Refused(Kind.INVALID, "two_strategies", "Name a customStrategyId or conditions, one of the two.")
        if strategy.custom_id:
            return self._strategies.custom(principal, strategy.custom_id), CUSTOM_TYPE, str(strategy.custom_id)
        if strategy.document:
            return self._strategies.inline(principal, strategy.document, CUSTOM_TYPE), CUSTOM_TYPE, ""
        if strategy.saved_id:
            chosen = self._strategies.by_id(principal.scope, strategy.saved_id, strategy.parameters)
            kind = CUSTOM_TYPE if chosen.request.strategy == "conditions" else str(chosen.request.strategy)
            return chosen, kind, str(strategy.saved_id)
        plain = plain_name(strategy.name)
        if plain == _SENTIMENT:
            raise Refused(Kind.INVALID, "no_news", NO_NEWS, field="body.strategy")
        if plain == CUSTOM_TYPE:
            sentence = "A custom strategy is named by customStrategyId, or given as buy_conditions and sell_conditions."
            raise Refused(Kind.INVALID, "no_conditions", sentence, field="body.customStrategyId")
        chosen = self._strategies.by_name(strategy.name, strategy.parameters)
        return chosen, str(chosen.request.strategy), ""

    def _forget_old(self, writing: Writing, scope: UserScope) -> Sequence[str]:
        """Delete the oldest finished jobs beyond those that are kept, and return which; their files are to follow."""
        mine = (JOBS.c.user_id == scope.user_id, JOBS.c.status.not_in(ACTIVE))
        newest = select(JOBS.c.id).where(*mine).order_by(JOBS.c.created_ns.desc()).offset(_MOST_KEPT).limit(100)
        old = [row["id"] for row in writing.rows(newest)]
        if old:
            writing.run(delete(JOBS).where(JOBS.c.id.in_(old)))
        return old

    def get(self, scope: UserScope, job_id: str) -> Job:
        """Return one job. Raises Refused: nobody has it, or somebody else."""
        row = self._database.row(select(JOBS).where(JOBS.c.id == job_id, JOBS.c.user_id == scope.user_id))
        if row is None:
            raise not_there("backtest", job_id)
        return job_of(row)

    def list(self, scope: UserScope, *, status: str = "", limit: int = 100, offset: int = 0) -> Sequence[Job]:
        """Return somebody's jobs, newest first; of a status, if asked."""
        mine = select(JOBS).where(JOBS.c.user_id == scope.user_id, JOBS.c.kind == _KIND)
        if status:
            mine = mine.where(JOBS.c.status == status)
        newest = mine.order_by(JOBS.c.created_ns.desc(), JOBS.c.id.desc()).limit(limit).offset(offset)
        return [job_of(row) for row in self._database.rows(newest)]

    def changed(self, scope: UserScope, since_ns: int) -> Sequence[Job]:
        """Return somebody's jobs that were asked for, beat or ended since a time, for whoever pushes them on."""
        newer = (JOBS.c.created_ns > since_ns) | (JOBS.c.beat_ns > since_ns) | (JOBS.c.ended_ns > since_ns)
        mine = select(JOBS).where(JOBS.c.user_id == scope.user_id, newer).order_by(JOBS.c.created_ns).limit(100)
        return [job_of(row) for row in self._database.rows(mine)]

    def cancel(self, scope: UserScope, job_id: str) -> Job:
        """End a job; one that is over stays as it is. Raises Refused: nobody has it, or somebody else."""
        self.get(scope, job_id)
        mine = (JOBS.c.id == job_id, JOBS.c.user_id == scope.user_id)
        with self._database.write() as writing:
            waiting = update(JOBS).where(*mine, JOBS.c.status == "QUEUED")
            writing.run(waiting.values(status="CANCELLED", is_cancelled=1, ended_ns=self._clock.now_ns()))
            writing.run(update(JOBS).where(*mine, JOBS.c.status == "RUNNING").values(is_cancelled=1))
        return self.get(scope, job_id)

    def result_file(self, scope: UserScope, job_id: str) -> Path:
        """Return the whole result of a job as a JSON file. Raises Refused: there is none, or not yet."""
        return self._file(scope, job_id, RESULT)

    def report_file(self, scope: UserScope, job_id: str) -> Path:
        """Return the report of a job, an HTML file that needs nothing else. Raises Refused: there is none, not yet."""
        return self._file(scope, job_id, REPORT)

    def _file(self, scope: UserScope, job_id: str, name: str) -> Path:
        job = self.get(scope, job_id)
        if job.status != "DONE":
            raise not_now(f"The backtest {job_id} is {job.status}; its result is there once it is DONE.")
        path = job_folder(self._home, job.id) / name
        if not path.is_file():
            raise StoreError(f"{path} is gone; run the backtest again.")
        return path

    def health(self) -> Health:
        """Return how the service of backtests fares."""
        counts = self.queue.waiting()
        return Health(self.pool.size, counts.get("QUEUED", 0), counts.get("RUNNING", 0))

    def data_sets(self) -> Sequence[str]:
        """Return the data sets of the installation, by the names a backtest may use."""
        return data_names(self._home)

    def start(self) -> None:
        """Go on with what an earlier process left."""
        found = self._database.row(select(func.count().label("count")).where(JOBS.c.status.in_(ACTIVE)))
        if found is not None and found["count"]:
            self.pool.wake()

    def close(self) -> None:
        """Put back what is at work, and end the workers."""
        self.pool.close()


def _check_bars(bars: int, most: int, bound: str) -> None:
    if bars > most:
        sentence = f"These are about {bars:,} bars, and {bound} {most:,}; take fewer sessions or symbols."
        raise Refused(Kind.INVALID, "over_quota", sentence, details={"bars": bars, "maximum": most})


def _full(tier: str, most: int, active: Sequence[str]) -> Refused:
    many = "backtest" if most == 1 else "backtests"
    sentence = f"The tier {tier} allows {most} {many} waiting or running; wait for one to end, or cancel one."
    details = {"tier": tier, "current": len(active), "maximum": most, "active": list(active)}
    return Refused(Kind.CONFLICT, "queue_full", sentence, details=details)


def _row(job_id: str, principal: Principal, asked: Asked, digest: str, now: int) -> dict[str, Any]:
    texts = dict.fromkeys(("message", "result_json", "owner"), "")
    numbers = dict.fromkeys(("performance_id", "is_cancelled", "bars", "started_ns", "ended_ns", "beat_ns"), 0)
    return {
        **texts,
        **numbers,
        "id": job_id,
        "user_id": principal.user_id,
        "kind": _KIND,
        "status": "QUEUED",
        "body_json": asked.text(),
        "body_hash": digest,
        "progress_ratio": 0.0,
        "created_ns": now,
    }
