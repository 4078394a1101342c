from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journal_rows import tape_rows
from tidemill.model.chain import chain, verify_tape
from tidemill.model.errors import TapeBroken
from tidemill.model.journal import TapeRow

COVERED = [item.name for item in fields(TapeRow) if item.name not in {"hash", "prev_hash"}]


def test_a_chain_as_it_was_written_holds() -> None:
    rows = tape_rows(6)
    verify_tape([])
    verify_tape(rows)
    verify_tape(rows[3:], prev_hash=rows[2].hash)
    assert rows[0].prev_hash == "" and len({row.hash for row in rows}) == 6


def test_the_hash_is_the_same_for_ever() -> None:
    row = chain(TapeRow("run", 1, 2, 3, "broker", "FILL", "key", b"body", "market"), "before")
    assert row.hash == "5d092f70ce0d965f89939c167c24e3a00cb91fceaf4fa8b47774ff75eb86f486"


@pytest.mark.parametrize("name", COVERED)
def test_every_field_is_covered(name) -> None:
    rows = tape_rows(3)
    value = getattr(rows[1], name)
    rows[1] = replace(rows[1], **{name: value + (1 if isinstance(value, int) else b"!" if name == "body" else "!")})
    with pytest.raises(TapeBroken, match="changed after it was written"):
        verify_tape(rows)


def test_a_missing_doubled_or_swapped_row_is_named() -> None:
    rows = tape_rows(5)
    for broken, first in (
        ([rows[0], *rows[2:]], 3),
        ([*rows[:2], *rows[1:]], 2),
        ([rows[0], rows[2], rows[1], *rows[3:]], 3),
        (rows[1:], 2),
    ):
        with pytest.raises(TapeBroken, match=f"row {first}: the row before it is missing"):
            verify_tape(broken)


def test_a_chain_whose_numbers_fall_is_refused_though_its_hashes_hold() -> None:
    first = chain(TapeRow("R", 5, 1, 1, "s", "k", "", b""), "")
    second = chain(TapeRow("R", 4, 1, 1, "s", "k", "", b""), first.hash)
    with pytest.raises(TapeBroken, match="row 4: it stands behind row 5"):
        verify_tape([first, second])


@settings(max_examples=50)
@given(st.text(max_size=6), st.text(max_size=6), st.text(max_size=6), st.text(max_size=6))
def test_no_two_rows_share_their_bytes_by_moving_a_border(one, two, three, four) -> None:
    rows = [chain(TapeRow("R", 1, 1, 1, source, kind, "", b""), "") for source, kind in ((one, two), (three, four))]
    assert (rows[0].hash == rows[1].hash) == ((one, two) == (three, four))
