"""Facts of symbols that are gathered when a rule looks at them: an account may hold hundreds, a rule asks about few."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from tidemill.runtime.guard.facts import SymbolFacts

__all__ = ["SymbolsNow"]


class SymbolsNow(Mapping[str, SymbolFacts]):
    """What is known about symbols at one instant, by name.

    Args:
        rows: instrument row by symbol, of those that may be asked about.
        gather: returns the facts of a row; asked once for each.
    """

    __slots__ = ("_gather", "_known", "_rows")

    def __init__(self, rows: Mapping[str, int], gather: Callable[[int], SymbolFacts]) -> None:
        self._rows, self._gather = rows, gather
        self._known: dict[str, SymbolFacts] = {}

    def __getitem__(self, symbol: str) -> SymbolFacts:
        known = self._known.get(symbol)
        if known is None:
            known = self._known[symbol] = self._gather(self._rows[symbol])
        return known

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)
