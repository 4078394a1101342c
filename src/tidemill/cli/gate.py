"""``tidemill pause``, ``go-on``, ``verdict``: a run looks on without trading; a gate answers what it proposes."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from tidemill.cli.asking import BY, JSON, RUN, WAIT, WAIT_S, refusals, tell
from tidemill.cli.flags import with_flags
from tidemill.cli.places import DATA_DIR, DATABASE, home_of

__all__ = ["VerdictName", "go_on", "pause", "verdict"]

REASON = Annotated[str, typer.Option(help="Why, for the record.")]


class VerdictName(StrEnum):
    """What a gate can say."""

    APPROVE = "approve"
    VETO = "veto"
    SCALE = "scale"


@with_flags()
def pause(
    *,
    reason: REASON = "",
    run: RUN = None,
    by: BY = None,
    wait: WAIT = True,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    as_json: JSON = False,
) -> None:
    """Let a run look on: no new entries; exits and protection go on."""
    _say("pause", {"reason": reason}, run, by, data_dir, database, wait=wait, as_json=as_json)


@with_flags()
def go_on(
    *,
    reason: REASON = "",
    run: RUN = None,
    by: BY = None,
    wait: WAIT = True,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    as_json: JSON = False,
) -> None:
    """Let a paused run trade again."""
    _say("go_on", {"reason": reason}, run, by, data_dir, database, wait=wait, as_json=as_json)


@with_flags()
def verdict(  # noqa: PLR0913 - one option each
    proposal: Annotated[int, typer.Argument(help="Number of the proposal.")],
    answer: Annotated[VerdictName, typer.Argument(help="approve, veto or scale.")],
    *,
    ratio: Annotated[float, typer.Option(help="Of a scale: how much of it, above 0 and at most 1.")] = 0.0,
    confidence: Annotated[float, typer.Option(help="How sure, 0 to 100.")] = 0.0,
    run: RUN = None,
    by: BY = None,
    wait: WAIT = True,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    as_json: JSON = False,
) -> None:
    """Answer a proposal that waits for a gate; it can only be let through, scaled down or refused."""
    body = {"proposal": proposal, "answer": answer.value, "ratio": ratio, "confidence": confidence}
    _say("verdict", body, run, by, data_dir, database, wait=wait, as_json=as_json)


def _say(
    word: str,
    body: Mapping[str, Any],
    run: str | None,
    by: str | None,
    data_dir: str | None,
    database: str | None,
    *,
    wait: bool,
    as_json: bool,
) -> None:
    """Say a word to a run and tell what it answers."""
    from tidemill.services.operating import ask_word

    with refusals(as_json=as_json):
        home = home_of(data_dir, database)
        tell(ask_word(home, word, body, run_id=run, user=by or "", wait_s=WAIT_S if wait else 0.0), as_json=as_json)
