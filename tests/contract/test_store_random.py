"""Random batches against a plain model: after each, the store holds all of it or nothing of it."""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from journal_rows import entry, fill, filled, request
from tidemill.adapters.sql import open_store
from tidemill.model.errors import LeaseLost, StoreError
from tidemill.model.journal import Batch, IntentRow, OrderRecord, ProjectionRow, TapeRow

pytest_plugins = ["databases"]

KEYS = st.sampled_from("abc")
STATES = st.sampled_from(["PENDING", "SENDING", "DONE", "UNKNOWN", "DROPPED"])
PRICES = st.sampled_from(["1", "2.5"])
EXAMPLES = itertools.count()
ACCOUNT = "A"


@dataclass
class Model:
    """What the record has to hold, kept in dicts."""

    tape: list[TapeRow] = field(default_factory=list)
    intents: dict[str, IntentRow] = field(default_factory=dict)
    outbox: dict[str, object] = field(default_factory=dict)
    orders: dict[str, OrderRecord] = field(default_factory=dict)
    fills: dict[str, object] = field(default_factory=dict)
    ledger: dict[str, object] = field(default_factory=dict)
    marks: dict[int, float | None] = field(default_factory=dict)

    def take(self, batch: Batch) -> Model:
        """Return the model after a batch; raise where the store has to refuse it."""
        new = Model(*(type(value)(value) for value in (getattr(self, name) for name in self.__dataclass_fields__)))
        new.tape += batch.tape
        for row in batch.intents:
            if row.client_id in new.intents:
                raise StoreError(row.client_id)
            new.intents[row.client_id] = row
        for row in batch.outbox:
            known = new.outbox.get(row.key)
            if known is not None and row.state == "PENDING" != known.state:
                raise StoreError(row.key)
            new.outbox[row.key] = row
        new.orders |= {row.client_id: row for row in batch.orders}
        for row in batch.fills:
            new.fills.setdefault(row.exec_id, row)
        for row in batch.ledger:
            new.ledger.setdefault(row.ref, row)
        new.marks |= {row.key[1]: row.values.get("equity_micros") for row in batch.projections}
        return new


@st.composite
def batches(draw) -> Batch:
    """Draw a batch whose keys collide often; run and account are filled in later."""

    def some(make):
        return draw(st.lists(make, max_size=3))

    return Batch(
        epoch=draw(st.sampled_from([0, 1, 1, 1, 2])),
        tape=some(st.builds(lambda seq: TapeRow("", seq, 1, 2, "s", "k", "", b"x"), st.integers(0, 9))),
        intents=some(st.builds(lambda key: filled(IntentRow, client_id=key), KEYS)),
        outbox=some(st.builds(lambda key, state: request(key, state=state), KEYS, STATES)),
        orders=some(
            st.builds(lambda key, price: filled(OrderRecord, client_id=key, average_price=price), KEYS, PRICES)
        ),
        fills=some(st.builds(lambda key, price: fill(key, price=price), KEYS, PRICES)),
        ledger=some(st.builds(lambda key, price: entry(key, "USD", price), KEYS, PRICES)),
        projections=some(
            st.builds(
                lambda at, value: ProjectionRow("portfolio_snapshots", ("", at), {"equity_micros": value}),
                st.integers(0, 3),
                st.none() | st.integers(-5, 5),
            )
        ),
    )


def of_run(batch: Batch, run_id: str) -> Batch:
    """Return a batch whose rows and keys belong to one example only."""

    def own(row, *names: str):
        return replace(row, run_id=run_id, **{name: f"{run_id}/{getattr(row, name)}" for name in names})

    return Batch(
        ACCOUNT + run_id,
        batch.epoch,
        tape=[own(row) for row in batch.tape],
        intents=[own(row, "client_id") for row in batch.intents],
        outbox=[own(row, "key") for row in batch.outbox],
        orders=[own(row, "client_id") for row in batch.orders],
        fills=[own(row, "exec_id") for row in batch.fills],
        ledger=[replace(own(row, "ref"), account=ACCOUNT + run_id) for row in batch.ledger],
        projections=[replace(row, key=(run_id, row.key[1])) for row in batch.projections],
    )


def seen(store, run_id: str) -> Model:
    """Return what a store holds of an example."""
    return Model(
        store.tape(run_id),
        {row.client_id: row for row in store.intents(run_id)},
        {row.key: row for row in store.outbox(run_id)},
        {row.client_id: row for row in store.orders(run_id)},
        {row.exec_id: row for row in store.fills(run_id)},
        {row.ref: row for row in store.ledger(ACCOUNT + run_id)},
        {row["at_ns"]: row["equity_micros"] for row in store.projection("portfolio_snapshots", {"run_id": run_id})},
    )


@pytest.fixture
def stores(store_url):
    """Return two stores on one database: one writes, the other looks."""
    with ExitStack() as opened:
        yield [opened.enter_context(open_store(store_url)) for _ in range(2)]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.lists(batches(), min_size=1, max_size=6))
def test_a_batch_is_written_whole_or_not_at_all(stores, drawn) -> None:
    store, other = stores
    run_id = f"run{next(EXAMPLES)}"
    store.take_lease(ACCOUNT + run_id, "us", 0, 1)
    model = Model()
    for batch in (of_run(item, run_id) for item in drawn):
        lease_lost = batch.epoch == 2 and not batch.is_empty()
        try:
            expected = model.take(batch)
        except StoreError:
            expected = None
        if lease_lost:
            with pytest.raises(LeaseLost):
                store.commit(batch)
        elif expected is None:
            with pytest.raises(StoreError, match="nothing was written"):
                store.commit(batch)
        else:
            store.commit(batch)
            model = expected
    assert seen(other, run_id) == model
