"""Plain memory as records: the only room that knows addresses.

The state of a run is one block of bytes; its header says at which offset each table begins. Inside compiled code a
record is the block's address plus an offset, so a table costs nothing to reach and the block can be copied (a
snapshot), compared (parity) or written (recovery) as bytes. Without the compiler the same names return numpy views
of the same memory.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, lower_builtin, type_callable
from numba.np.numpy_support import from_dtype

from tidemill.kernel.compile import BOUNDS_CHECKED, JIT, kernel

__all__ = [
    "call2",
    "call3",
    "call4",
    "float_at",
    "header_accessor",
    "int_at",
    "prefetch",
    "record_at",
    "record_in",
    "register",
    "row_at",
    "store_float",
    "store_int",
    "table_accessor",
]

_I64 = ir.IntType(64)
_F64 = ir.DoubleType()

if JIT:

    @intrinsic  # type: ignore[untyped-decorator]
    def record_at(typingctx: Any, address: Any, layout: Any) -> Any:
        """Return the record of ``layout`` that lies at ``address``."""
        record = layout.dtype

        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return record(types.int64, layout), codegen

    def _load(kind: Any, result: Any) -> Any:
        @intrinsic  # type: ignore[untyped-decorator]
        def load(typingctx: Any, address: Any, index: Any) -> Any:
            def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
                base = builder.inttoptr(arguments[0], kind.as_pointer())
                return builder.load(builder.gep(base, [arguments[1]]))

            return result(types.int64, types.int64), codegen

        return load

    def _store(kind: Any, value_type: Any) -> Any:
        @intrinsic  # type: ignore[untyped-decorator]
        def store(typingctx: Any, address: Any, index: Any, value: Any) -> Any:
            def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
                base = builder.inttoptr(arguments[0], kind.as_pointer())
                builder.store(arguments[2], builder.gep(base, [arguments[1]]))
                return context.get_dummy_value()

            return types.void(types.int64, types.int64, value_type), codegen

        return store

    def _call(arity: int) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            function = ir.FunctionType(_I64, [_I64] * arity)
            return builder.call(builder.inttoptr(arguments[0], function.as_pointer()), arguments[1:])

        return codegen

    @intrinsic  # type: ignore[untyped-decorator]
    def call2(typingctx: Any, function: Any, first: Any, second: Any) -> Any:
        """Call the compiled function that lies at an address with two integers."""
        return types.int64(types.int64, types.int64, types.int64), _call(2)

    @intrinsic  # type: ignore[untyped-decorator]
    def call4(typingctx: Any, function: Any, first: Any, second: Any, third: Any, fourth: Any) -> Any:
        """Call the compiled function that lies at an address with four integers."""
        return types.int64(*(types.int64,) * 5), _call(4)

    @intrinsic  # type: ignore[untyped-decorator]
    def call3(typingctx: Any, function: Any, first: Any, second: Any, third: Any) -> Any:
        """Call the compiled function that lies at an address with three integers."""
        return types.int64(types.int64, types.int64, types.int64, types.int64), _call(3)

    @intrinsic  # type: ignore[untyped-decorator]
    def prefetch(typingctx: Any, address: Any, index: Any) -> Any:
        """Ask for the memory of number ``index`` of the column at ``address``, which will be read soon."""

        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            flag = ir.IntType(32)
            place = builder.gep(builder.inttoptr(arguments[0], _F64.as_pointer()), [arguments[1]])
            byte = ir.IntType(8).as_pointer()
            kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
            ask = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
            builder.call(ask, [builder.bitcast(place, byte), flag(0), flag(3), flag(1)])
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), codegen

    float_at = _load(_F64, types.float64)
    int_at = _load(_I64, types.int64)
    store_float = _store(_F64, types.float64)
    store_int = _store(_I64, types.int64)

else:
    _views: dict[tuple[int, Any], Any] = {}

    def record_at(address: int, layout: Any) -> Any:
        """Return the record of ``layout`` that lies at ``address``."""
        key = (int(address), layout)
        view = _views.get(key)
        if view is None:
            raw = (ctypes.c_char * layout.itemsize).from_address(int(address))
            view = _views[key] = np.frombuffer(raw, dtype=layout).view(np.recarray)[0]
        return view

    def prefetch(address: int, index: int) -> None:
        """Do nothing: only compiled code waits for memory."""

    def float_at(address: int, index: int) -> float:
        """Return the float64 number ``index`` of the column at ``address``."""
        return ctypes.c_double.from_address(int(address) + 8 * int(index)).value

    def int_at(address: int, index: int) -> int:
        """Return the int64 number ``index`` of the column at ``address``."""
        return ctypes.c_int64.from_address(int(address) + 8 * int(index)).value

    def store_float(address: int, index: int, value: float) -> None:
        """Write the float64 number ``index`` of the column at ``address``."""
        ctypes.c_double.from_address(int(address) + 8 * int(index)).value = value

    def store_int(address: int, index: int, value: int) -> None:
        """Write the int64 number ``index`` of the column at ``address``."""
        ctypes.c_int64.from_address(int(address) + 8 * int(index)).value = value

    def call2(function: Any, first: int, second: int) -> int:
        """Call a registered Python function with two integers."""
        return int(_callables[int(function)](first, second) or 0)

    def call4(function: Any, first: int, second: int, third: int, fourth: int) -> int:
        """Call a registered Python function with four integers."""
        return int(_callables[int(function)](first, second, third, fourth) or 0)

    def call3(function: Any, first: int, second: int, third: int) -> int:
        """Call a registered Python function with three integers."""
        return int(_callables[int(function)](first, second, third) or 0)


@cache
def _cut(layout: np.dtype[Any], words: int) -> np.dtype[Any]:
    """Return a record type of at most so many words: the ring at its end, if it has one, is cut off there."""
    if layout.itemsize <= 8 * words:
        return layout
    *fields, ring = layout.names or ()
    start = int(layout.fields[ring][1])  # type: ignore[index]
    return np.dtype([*((name, layout[name]) for name in fields), (ring, np.float64, (words - start // 8,))])


def record_in(words: Any, at: int, layout: Any) -> Any:
    """Return the record of ``layout`` that begins at word ``at`` of an array of 8-byte words.

    The ring at a record's end may be declared longer than the array: only what is there may be used. Unlike
    ``record_at`` it needs no address, so that a strategy's own memory may hold it, in every form of a step.
    """
    kind = _cut(layout, len(words) - at)
    return words[at : at + kind.itemsize // 8].view(kind).view(np.recarray)[0]


@type_callable(record_in)  # type: ignore[untyped-decorator]
def _type_of_record_in(context: Any) -> Any:
    return lambda words, at, layout: layout.dtype


@lower_builtin(record_in, types.Array, types.Integer, types.DType)  # type: ignore[untyped-decorator]
def _lower_record_in(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    place = builder.gep(array.data, [arguments[1]])
    return builder.bitcast(place, context.get_value_type(signature.return_type))


_callables: dict[int, Any] = {}


def register(function: Any) -> int:
    """Give a plain Python function a stable address-like number (JIT off only)."""
    number = len(_callables) + 1
    _callables[number] = function
    return number


if JIT:

    @intrinsic  # type: ignore[untyped-decorator]
    def _row(typingctx: Any, table: Any, index: Any, layout: Any) -> Any:
        record = layout.dtype

        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            step = builder.mul(arguments[1], _I64(record.size))
            address = builder.add(arguments[0], step)
            return builder.inttoptr(address, context.get_value_type(signature.return_type))

        return record(types.int64, types.int64, layout), codegen

else:

    def _row(table: int, index: int, layout: Any) -> Any:
        return record_at(int(table) + int(index) * int(layout.itemsize), layout)


if BOUNDS_CHECKED:

    @kernel
    def row_at(table: int, index: int, capacity: int, layout: Any) -> Any:
        """Return row ``index`` of a table; an index outside it raises when bounds checking is on."""
        if index < 0 or index >= capacity:
            raise IndexError("row outside its table")
        return _row(table, index, layout)

elif JIT:

    @intrinsic  # type: ignore[untyped-decorator]
    def row_at(typingctx: Any, table: Any, index: Any, capacity: Any, layout: Any) -> Any:
        """Return row ``index`` of a table; an index outside it raises when bounds checking is on."""
        record = layout.dtype

        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            address = builder.add(arguments[0], builder.mul(arguments[1], _I64(record.size)))
            return builder.inttoptr(address, context.get_value_type(signature.return_type))

        return record(types.int64, types.int64, types.int64, layout), codegen

else:

    def row_at(table: int, index: int, capacity: int, layout: Any) -> Any:
        """Return row ``index`` of a table."""
        return _row(table, index, layout)


def table_accessor(header: Any, table: str, layout: Any) -> Any:
    """Return ``at(base, index)``: row ``index`` of a table whose offset stands in the header at ``base``.

    Args:
        header: record type at the start of the block, with fields ``<table>`` (offset) and ``n_<table>`` (rows).
        table: name of the table.
        layout: record type of its rows.
    """
    if BOUNDS_CHECKED or not JIT:

        @kernel
        def checked(base: int, index: int) -> Any:
            top = record_at(base, header)
            return row_at(base + getattr(top, table), index, getattr(top, rows), layout)

        rows = f"n_{table}"
        return checked
    offset = header.fields[table][1]

    @intrinsic  # type: ignore[untyped-decorator]
    def at(typingctx: Any, base: Any, index: Any) -> Any:
        record = from_dtype(layout)

        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            place = builder.inttoptr(builder.add(arguments[0], _I64(offset)), _I64.as_pointer())
            start = builder.add(arguments[0], builder.load(place))
            address = builder.add(start, builder.mul(arguments[1], _I64(record.size)))
            return builder.inttoptr(address, context.get_value_type(signature.return_type))

        return record(types.int64, types.int64), codegen

    return at


def header_accessor(header: Any) -> Any:
    """Return ``at(base)``: the header record of the block at ``base``."""
    if not JIT:
        return lambda base: record_at(base, header)

    @intrinsic  # type: ignore[untyped-decorator]
    def at(typingctx: Any, base: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return from_dtype(header)(types.int64), codegen

    return at
