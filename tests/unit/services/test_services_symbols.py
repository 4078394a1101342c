"""Every symbol is read from the file that holds it, whatever the order in which both are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidemill.model.errors import DataError
from tidemill.services.reading import ReadRequest, read_inputs
from tidemill.services.symbols import files_of_symbols


def write(folder: Path, name: str, price: float = 10.0, *, first: int = 0, symbols: tuple[str, ...] = ()) -> Path:
    """Write forty minute bars at a price, with a symbol column if symbols are named."""
    path = folder / name
    head = "timestamp,open,high,low,close,volume" + (",symbol" if symbols else "")
    prices = f"{price},{price + 1},{price - 1},{price}"
    rows = [
        f"2024-01-02T{14 + (30 + minute) // 60}:{(30 + minute) % 60:02d}:00Z,{prices},5{end}"
        for minute in range(first, first + 40)
        for end in ([f",{symbol}" for symbol in symbols] or [""])
    ]
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def first_prices(folder: Path, *symbols: str) -> dict[str, float]:
    bars, _ = read_inputs(ReadRequest([folder], symbols))
    return {table.symbol: float(table.open[0]) for table in bars}


@pytest.mark.parametrize("order", [("SPY", "AIG"), ("AIG", "SPY"), ("aig", "spy")])
def test_files_are_known_by_their_names(tmp_path: Path, order: tuple[str, ...]) -> None:
    write(tmp_path, "AIG.csv", 10.0)
    write(tmp_path, "spy_1min.csv", 20.0)
    found = first_prices(tmp_path, *order)
    assert {name.upper(): price for name, price in found.items()} == {"AIG": 10.0, "SPY": 20.0}


def test_one_symbol_takes_its_own_file_from_a_folder(tmp_path: Path) -> None:
    write(tmp_path, "AIG.csv", 10.0)
    write(tmp_path, "SPY.csv", 20.0)
    assert first_prices(tmp_path, "SPY") == {"SPY": 20.0}


def test_a_symbol_column_beats_the_name(tmp_path: Path) -> None:
    paths = [write(tmp_path, "SPY.csv", symbols=("IBM", "MSFT")), write(tmp_path, "IBM.csv")]
    assert files_of_symbols(paths, ["MSFT", "IBM"]) == [("MSFT", paths[:1]), ("IBM", paths)]


def test_files_that_say_nothing_are_named_in_turn(tmp_path: Path) -> None:
    paths = [write(tmp_path, "one.csv"), write(tmp_path, "two.csv"), write(tmp_path, "SPY.csv")]
    assert files_of_symbols(paths, ["A", "SPY", "B"]) == [("A", paths[:1]), ("SPY", paths[2:]), ("B", paths[1:2])]


def test_months_become_one_stream(tmp_path: Path) -> None:
    paths = [write(tmp_path, "jan.csv"), write(tmp_path, "feb.csv", first=40)]
    assert files_of_symbols(paths, ["SPY"]) == [("SPY", paths)]
    bars, _ = read_inputs(ReadRequest(paths, ["SPY"]))
    assert [(table.symbol, len(table)) for table in bars] == [("SPY", 80)]


def test_two_instruments_are_not_taken_for_one(tmp_path: Path) -> None:
    paths = [write(tmp_path, "jan.csv", 10.0), write(tmp_path, "feb.csv", 20.0)]
    with pytest.raises(DataError, match=r"jan.csv and feb.csv hold different prices at the same 40 times"):
        read_inputs(ReadRequest(paths, ["SPY"]))


@pytest.mark.parametrize("symbols", [("AIG", "MSFT"), ("MSFT", "IBM", "X")])
def test_a_symbol_without_data_is_named(tmp_path: Path, symbols: tuple[str, ...]) -> None:
    paths = [write(tmp_path, "AIG.csv")]
    with pytest.raises(DataError, match=r"There are no bars of .*MSFT.* in the data; they hold AIG"):
        files_of_symbols(paths, symbols)
