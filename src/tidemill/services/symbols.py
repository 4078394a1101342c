"""Which file holds which symbol, where several of either are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tidemill.adapters.files import symbol_of_file, symbols_in
from tidemill.model.errors import DataError

__all__ = ["files_of_symbols"]


def files_of_symbols(
    files: Sequence[Path], symbols: Sequence[str], mapping: Mapping[str, str] | None = None
) -> list[tuple[str, list[Path]]]:
    """Return the files to read for each symbol.

    A file is known by its own symbol column or mark, else by its name (``SPY_1min.csv`` is SPY). What is left over is
    matched in turn when there are as many symbols as files; one symbol alone takes all files, so that
    ``jan.csv`` and ``feb.csv`` can be one stream.

    Args:
        files: at least one.
        symbols: at least one; the first of each name counts.
        mapping: column roles, as for reading.

    Raises:
        DataError: no file holds a symbol; the message says what they hold.
    """
    wanted = list(dict.fromkeys(symbols))
    if len(wanted) == len(files) == 1:
        return [(wanted[0], list(files))]
    carried = {path: [name.upper() for name in symbols_in(path, mapping)] for path in files}
    names = {path: carried[path] or [symbol_of_file(path)] for path in files}
    found = {symbol: [path for path in files if symbol.upper() in names[path]] for symbol in wanted}
    rest = [symbol for symbol in wanted if not found[symbol]]
    taken = {path for paths in found.values() for path in paths}
    free = [path for path in files if path not in taken and not carried[path]]
    if len(rest) == len(free):
        found |= {symbol: [path] for symbol, path in zip(rest, free, strict=True)}
    elif rest and len(wanted) == 1 and len(free) == len(files):
        found[rest[0]] = free
    elif rest:
        held = ", ".join(dict.fromkeys(name for path in files for name in names[path]))
        raise DataError(
            f"There are no bars of {', '.join(rest)} in the data; they hold {held}. Check --symbol and --data."
        )
    return [(symbol, found[symbol]) for symbol in wanted]
