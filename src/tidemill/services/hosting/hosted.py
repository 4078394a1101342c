"""One run inside the host: how it is opened, served, tried again, paused and ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from tidemill.model.enums import Operator
from tidemill.model.errors import InvariantBroken, StoreError, StoreMismatch, TapeBroken, TidemillError
from tidemill.ports.seams import Clock
from tidemill.ports.store import CommandRow
from tidemill.runtime.life.terms import Phase
from tidemill.runtime.words.words import OperatorWord
from tidemill.services.hosting.wanted import Wanted
from tidemill.services.live import LiveRun
from tidemill.services.logs import Log

__all__ = ["Hosted"]

_TRIES, _WINDOW_NS = 3, 600_000_000_000  # so many failures of the machinery within so long, and a run stays down
_AGAIN_S = 1.0
_REASON = "asked for by its owner"


class Hosted:
    """One run and its task.

    Args:
        wanted: which run, and how it is wanted.
        open_run: makes it anew. tell: writes status and message into the table of runs.
        clock, log: of the host.
    """

    def __init__(
        self,
        wanted: Wanted,
        *,
        open_run: Callable[[Wanted], Awaitable[LiveRun]],
        tell: Callable[[Wanted, str, str], Awaitable[None]],
        clock: Clock,
        log: Log,
    ) -> None:
        self.wanted, self.status = wanted, wanted.status
        self.live: LiveRun | None = None
        self.is_over = False
        self._open, self._tell, self._clock, self._log = open_run, tell, clock, log
        self._failures: deque[int] = deque(maxlen=_TRIES)
        self._is_leaving = False
        self._asked: Operator | None = None

    async def serve(self) -> None:
        """Serve the run until it is over or the host ends; whatever happens, nothing leaves this method."""
        while not (self.is_over or self._is_leaving):
            try:
                await self._serve_once()
            except TidemillError as error:
                if not self._may_try_again(error):
                    await self._end("ERROR", str(error))
                else:
                    await self._clock.sleep(_AGAIN_S)
            except Exception as error:  # noqa: BLE001 - a defect of one run must not end the others
                self._log.error("defect", run=self.wanted.run_id, error=repr(error))
                await self._end("ERROR", f"The run failed in a way it should not ({type(error).__name__}: {error}).")

    async def _serve_once(self) -> None:
        """Open, serve and close; a run that the leaving host stops is not over, the next host goes on with it."""
        live = await self._open(self.wanted)
        try:
            self.live = live
            if self._is_leaving:
                return
            view = await live.serve()
            self._log("ended", run=self.wanted.run_id, state=view.state, fills=view.fills)
        finally:
            self.live, self._asked = None, None
            await live.close()
        if view.state == Phase.COMPLETED or not self._goes_on_elsewhere():
            await self._end(view.state, "")

    def _goes_on_elsewhere(self) -> bool:
        """Tell whether the run stopped only because the host goes."""
        return self._is_leaving and self.wanted.wanted != "STOP"

    def _may_try_again(self, error: TidemillError) -> bool:
        """Tell whether a failure may be over in a moment; the third within ten minutes is taken for lasting."""
        now = self._clock.monotonic_ns()
        self._failures.append(now)
        lasting = isinstance(error, StoreMismatch | TapeBroken) or not isinstance(error, StoreError | InvariantBroken)
        often = len(self._failures) == _TRIES and now - self._failures[0] < _WINDOW_NS
        self._log.error("failed", run=self.wanted.run_id, error=str(error), again=not (lasting or often))
        return not (lasting or often)

    async def _end(self, status: str, message: str) -> None:
        self.is_over = True
        self.status = status
        await self._tell(self.wanted, status, message)

    @property
    def is_serving(self) -> bool:
        """Tell whether the run takes words."""
        return self.live is not None and self.live.run.phase is Phase.RUNNING

    @property
    def is_paused(self) -> bool:
        """Tell whether its core refuses entries until it is let go on."""
        return self.live is not None and bool(self.live.run.core.engine.state.header["paused"][0])

    def take_commands(self, commands: Sequence[CommandRow]) -> Awaitable[None] | None:
        """Hand commands to the run; None: it takes none now, they wait."""
        if self.live is None or not self.is_serving:
            return None
        return self.live.run.poller.take(commands)

    def leave(self) -> None:
        """End the run after the event in hand because the host goes."""
        self._is_leaving = True
        if self.live is not None and self.is_serving:
            self.live.stop()

    async def follow(self, wanted: Wanted) -> None:
        """Bring the run to what is wanted of it, and tell how it stands."""
        self.wanted = wanted
        if self.is_over or not self.is_serving or self.live is None:
            return
        if wanted.wanted == "STOP":
            self.live.stop()
            return
        word = Operator.PAUSE if wanted.wanted == "PAUSE" else Operator.GO_ON
        if self.is_paused == (word is Operator.PAUSE):
            self._asked = None
        elif self._asked is not word:
            self._asked = word
            self.live.run.parts.inbox.operator(OperatorWord(word, f"user:{wanted.user_id}", _REASON))
        status = "PAUSED" if self.is_paused else "RUNNING"
        if status != self.status:
            self.status = status
            await self._tell(wanted, status, "")
