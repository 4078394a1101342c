"""What a client of the stream may say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from tidemill.services.stream.topics import Topic

__all__ = ["HELLO", "SAID", "Hello", "Resume", "Subscribe", "TokenMessage", "Unsubscribe"]

_STRICT = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Hello(BaseModel):
    """The first message of a client that did not bring its token with the handshake."""

    model_config = _STRICT

    type: Literal["hello"]
    token: str = Field(min_length=1, max_length=4096)


class Resume(BaseModel):
    """How far a client came on an earlier connection."""

    model_config = _STRICT

    server_id: str = Field(max_length=64)
    seq: int = Field(ge=0, lt=1 << 53)


class Subscribe(BaseModel):
    """What to send from now on, in place of what was asked for before."""

    model_config = _STRICT

    type: Literal["subscribe"]
    topics: list[Topic] = Field(min_length=1, max_length=len(Topic))
    runs: list[Annotated[str, Field(min_length=1, max_length=64)]] = Field(default_factory=list, max_length=100)
    resume: Resume | None = None


class Unsubscribe(BaseModel):
    """Send nothing more but heartbeats."""

    model_config = _STRICT

    type: Literal["unsubscribe"]


class TokenMessage(BaseModel):
    """A newer token of the same person, so that the connection outlives the old one."""

    model_config = _STRICT

    type: Literal["token"]
    token: str = Field(min_length=1, max_length=4096)


Said = Annotated[Subscribe | Unsubscribe | TokenMessage, Field(discriminator="type")]
HELLO: TypeAdapter[Hello] = TypeAdapter(Hello)
SAID: TypeAdapter[Said] = TypeAdapter(Said)
