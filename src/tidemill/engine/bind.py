"""Turns a strategy's step into an address the core can call: compiled, or as ordinary Python through a callback."""

from __future__ import annotations

import ctypes
import inspect
import traceback
import types
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

from numba.core.dispatcher import Dispatcher
from numba.core.errors import NumbaError, UnsupportedBytecodeError

from tidemill.authoring.raises import where_raised
from tidemill.authoring.strategy import StrategySpec
from tidemill.engine.generated import generate_entry
from tidemill.engine.mistakes import explain
from tidemill.engine.views import argument_views, memory_view, object_view, slot_view, tickets_of
from tidemill.kernel.access import head, proposal_at, slot_at
from tidemill.kernel.compile import JIT, general
from tidemill.kernel.memory import float_at, int_at, record_at, register
from tidemill.kernel.pipeline import Helper
from tidemill.model.bars import BarTable
from tidemill.model.errors import StrategyError
from tidemill.model.records import STREAM

__all__ = ["BoundStep", "bind_step", "interpreted"]

_COMPILED = (Dispatcher, Helper)
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int64, *(ctypes.c_int64,) * 4)
# Without a stream: one step on the event in hand. With one: steps on row after row until a proposal or the limit; the
# number of the first row not stepped is returned. Only fields that the step reads are copied meanwhile.
_SOURCE = """\
# Generated around a strategy step; safe to delete.
def entry(state, index, stream, limit):
    slot = slot_at(state, index)
    bar = head(state).event
    clock = head(state).clock
    order = proposal_at(state, slot.tickets)
    second = proposal_at(state, slot.tickets + 1)
    third = proposal_at(state, slot.tickets + 2)
    me = record_at(state + slot.memory, ME)
    if stream == 0:
        STEP({arguments})
        return 0
    rows = record_at(stream, STREAM)
    at = rows.at
    while at < limit:
{copies}
        STEP({arguments})
        at += 1
        if order.side != 0{others}:
            break
    return at
"""
_COPIES = {
    "ts_ns": "bar.ts_ns = int_at(rows.ts, at)",
    "now_ns": "bar.now_ns = int_at(rows.ts, at) + rows.duration_ns",
    "interval_ns": "bar.interval_ns = rows.interval_ns",
    "open": "bar.open = float_at(rows.open, at)",
    "high": "bar.high = float_at(rows.high, at)",
    "low": "bar.low = float_at(rows.low, at)",
    "close": "bar.close = float_at(rows.close, at)",
    "volume": "bar.volume = float_at(rows.volume, at)",
}


class BoundStep:
    """A step the core can call.

    Args:
        address: of a C function ``int64 f(state, slot, stream, limit)``, all int64.
        form: ``compiled``, ``interpreted`` or ``callback``.
        keep: whatever must stay alive while the address is used.
        note: why a slower form was chosen, or empty.
    """

    def __init__(self, address: int, form: str, keep: Any, note: str = "") -> None:
        self.address, self.form, self.keep, self.note = address, form, keep, note
        self.failure: BaseException | None = None
        self.in_row = 0  # so often it has raised since it last came through
        self.excused = 0  # bars in a row it may raise on before it is called no more; 0: the first ends the loop
        self.prepared: dict[tuple[int, int], tuple[Any, ...]] = {}

    def forget(self) -> None:
        """Drop what was prepared for an earlier engine: memory is given out again, at the same addresses."""
        self.prepared.clear()
        self.failure = None
        self.in_row = 0

    def raise_failure(self) -> None:
        """Raise what a Python step raised inside the loop, named by its own file and line."""
        if self.failure is not None:
            raise StrategyError(self._told(self.failure)) from self.failure

    @property
    def is_mute(self) -> bool:
        """Tell whether it is called no more: it has raised on as many bars in a row as were excused."""
        return 0 < self.excused <= self.in_row

    def take_failure(self) -> str:
        """Return what a Python step raised on this bar, named by its own file and line, and let it be called again.

        Raises:
            BaseException: what was raised is no mistake of the strategy: the process is to end.
        """
        failure, self.failure = self.failure, None
        if failure is None:
            return ""
        if not isinstance(failure, Exception):
            raise failure
        return self._told(failure)

    @staticmethod
    def _told(failure: BaseException) -> str:
        frame = traceback.extract_tb(failure.__traceback__)[-1]
        return (
            f"The strategy raised {type(failure).__name__}: {failure} "
            f"({Path(frame.filename).name}, line {frame.lineno}: {frame.line})."
        )


def _lower(function: Callable[..., Any], compile_one: Callable[[Any], Any], done: dict[Any, Any]) -> Any:
    """Return a function whose plain Python helpers from the same file are compiled with it."""
    if function in done:
        return done[function]
    names = {}
    for name in function.__code__.co_names:
        value = function.__globals__.get(name)
        if isinstance(value, types.FunctionType) and value.__module__ == function.__module__:
            names[name] = _lower(value, general, done)
    copy = types.FunctionType(
        function.__code__,
        {**function.__globals__, **names},
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copy.__module__ = function.__module__
    done[function] = compile_one(copy)
    return done[function]


def interpreted(function: Callable[..., Any], done: dict[Any, Any] | None = None) -> Callable[..., Any]:
    """Return a function that runs as plain Python, with every helper it names interpreted too."""
    seen = {} if done is None else done
    plain = function.py_func if isinstance(function, _COMPILED) else function
    if plain in seen:
        found: Callable[..., Any] = seen[plain]
        return found
    names: dict[str, Any] = dict(plain.__globals__)
    copy = types.FunctionType(plain.__code__, names, plain.__name__, plain.__defaults__, plain.__closure__)
    copy.__kwdefaults__ = plain.__kwdefaults__
    seen[plain] = copy
    for name in plain.__code__.co_names:
        value = names.get(name)
        own = isinstance(value, types.FunctionType) and value.__module__ == plain.__module__
        if own or isinstance(value, _COMPILED):
            names[name] = interpreted(cast("Callable[..., Any]", value), seen)
    return copy


def _identity(spec: StrategySpec) -> list[str]:
    """Return what a step's machine code depends on: its file's text, its class, its memory, its arguments."""
    try:
        text = Path(inspect.getfile(spec.strategy)).read_text(encoding="utf-8")
    except (OSError, TypeError):
        text = inspect.getsource(spec.step)
    return [
        text,
        spec.strategy.__module__,
        spec.strategy.__qualname__,
        str(spec.layout.descr),
        ",".join(spec.arguments),
    ]


def _source_of_entry(spec: StrategySpec) -> str:
    """Return the generated text around a step."""
    used = set(spec.step.__code__.co_names)
    copies = [text for name, text in _COPIES.items() if spec.calls_own_helpers or name in used]
    return _SOURCE.format(
        arguments=", ".join(spec.arguments),
        copies="\n".join(f"        {text}" for text in copies or ["pass"]),
        others="".join(f" or {name}.side != 0" for name in ("second", "third") if name in spec.arguments),
    )


def _bind_compiled(spec: StrategySpec) -> BoundStep:
    source = _source_of_entry(spec)
    names = {
        "STREAM": STREAM,
        "float_at": float_at,
        "int_at": int_at,
        "STEP": _lower(spec.step, partial(general, melt=True), {}),
        "ME": spec.layout,
        "slot_at": slot_at,
        "head": head,
        "record_at": record_at,
        "proposal_at": proposal_at,
    }
    bound = generate_entry(spec.name, source, names, _identity(spec), 4)
    return BoundStep(bound.address, "compiled" if JIT else "interpreted", bound.keep)


def _bind_python(spec: StrategySpec, form: str, history: Sequence[BarTable | None], note: str = "") -> BoundStep:
    step = interpreted(spec.step)
    bound = BoundStep(0, form, None, note)
    prepared = bound.prepared

    def prepare(state: int, slot: int) -> tuple[Any, ...]:
        record = memory_view(spec, state, slot)
        row = int(slot_view(state, slot)["instrument"])
        bars = history[row] if row < len(history) else None
        me = record if form == "interpreted" else object_view(spec, record, bars)
        arguments = prepared[state, slot] = argument_views(spec, state, slot, me)
        return arguments

    def call(state: int, slot: int, _stream: int, _limit: int) -> int:
        if bound.failure is None and not bound.is_mute:
            try:
                arguments = prepared.get((state, slot)) or prepare(state, slot)
                step(*arguments)
                bound.in_row = 0
            except BaseException as error:  # noqa: BLE001 - crosses C code; kept and raised again after the loop
                bound.in_row += 1
                if not (bound.excused and isinstance(error, Exception)):
                    bound.failure = error
                for ticket in tickets_of(state, slot):  # nothing half made leaves
                    ticket.side = 0
        return 0

    if JIT:
        pointer = _CALLBACK(call)
        bound.keep = (pointer, prepared)
        bound.address = int(ctypes.cast(pointer, ctypes.c_void_p).value or 0)
    else:
        bound.keep = prepared
        bound.address = register(call)
    return bound


def _fall_back(
    spec: StrategySpec, form: str, history: Sequence[BarTable | None], why: str, error: Exception | None
) -> BoundStep:
    """Return a step that does not compile as ordinary Python, unless only compiled will do."""
    reason = f"{spec.name} does not compile: {why}"
    if form == "compiled":
        raise StrategyError(reason) from error
    return _bind_python(spec, "callback", history, reason + " It runs as ordinary Python, which is slower.")


def bind_step(spec: StrategySpec, form: str = "auto", history: Sequence[BarTable | None] = ()) -> BoundStep:
    """Return a strategy's step as an address.

    Args:
        spec: the strategy.
        form: ``auto`` compiles and falls back to a callback with a note; ``compiled`` refuses instead;
            ``interpreted`` runs the same source as Python on the same memory; ``callback`` runs an ordinary object.
        history: bars per instrument row, for ordinary Python strategies with a ``prepare``.

    Raises:
        StrategyError: the step does not compile and ``form`` is ``compiled``.
    """
    if form in ("interpreted", "callback"):
        return _bind_python(spec, form, history)
    if form == "auto" and not spec.strategy.compiled:
        return _bind_python(spec, "callback", history)
    where = where_raised(spec.step)
    if where:
        return _fall_back(spec, form, history, f"compiled code cannot raise or assert ({where}).", None)
    try:
        return _bind_compiled(spec)
    except (NumbaError, UnsupportedBytecodeError, KeyError) as error:  # KeyError: a record has no such field
        return _fall_back(spec, form, history, explain(error, spec), error)
