# ruff: noqa: ARG002, ARG005 - the arguments of a step are its declaration, used or not
from __future__ import annotations

import inspect
import math

import numpy as np
import pytest

from tidemill.authoring.fields import Choice, Memory, Param
from tidemill.authoring.indicators import DECLARATIONS, EMA, MACD, SMA, Donchian
from tidemill.authoring.strategy import Strategy, spec_of
from tidemill.kernel.indicators.catalog import INDICATORS
from tidemill.model.errors import ConfigError, StrategyError, UnknownName


def declared(**body: object):
    """Return a strategy class with the given body and an empty step."""
    return type("Sample", (Strategy,), {"step": _step, **body})


def _step(me, bar, order):
    return None


class Base(Strategy):
    """A base."""

    window = Param(10, low=2, high=60, unit="bars", doc="Closes.")
    level = Param(1.5, low=0.0, high=9.0, unit="ratio", doc="Level.")
    middle = SMA(window="window")
    peak = Memory(0.0, doc="Highest close.")
    seen = Memory(0, doc="Bars.")

    def step(me, bar, order):
        me.seen += 1


def test_whole_defaults_make_whole_numbers():
    spec = spec_of(Base)
    kinds = {name: spec.layout[name] for name in ("window", "level", "peak", "seen")}
    assert kinds == {"window": np.int64, "level": np.float64, "peak": np.float64, "seen": np.int64}


def test_every_indicator_of_the_catalogue_can_be_declared_with_its_own_defaults():
    assert set(DECLARATIONS) == set(INDICATORS)
    for name, declaration in DECLARATIONS.items():
        spec = INDICATORS[name]
        given = {key: vars(declaration)[key] for key in vars(declaration).get("__annotations__", {})}
        assert given == dict(spec.params), name
        assert declaration().given == dict(spec.params)


def test_every_declaration_tells_how_it_is_called_and_which_fields_it_has():
    for name, declaration in DECLARATIONS.items():
        doc = inspect.getdoc(declaration) or ""
        call = next(part for part in doc.split("``") if part.startswith(f"{name}(me.x"))
        assert call.count(",") == len(INDICATORS[name].inputs), name
        outputs = INDICATORS[name].outputs
        if len(outputs) > 1 and name != "ichimoku":
            assert all(f"``{output}``" in doc for output in outputs), name


def test_parameters_of_an_indicator_may_be_given_by_place_or_name():
    assert SMA(50).given == SMA(window=50).given == {"window": 50}
    assert MACD(5, signal_window=3).given == {"fast_window": 5, "slow_window": 26, "signal_window": 3}
    with pytest.raises(StrategyError, match="SMA takes window"):
        SMA(5, 6)
    with pytest.raises(StrategyError, match="each once"):
        SMA(5, window=6)
    with pytest.raises(ConfigError, match="sma has no parameter length; it has window"):
        SMA(length=5)
    with pytest.raises(StrategyError, match="at least 1 bar"):
        EMA(0)


@pytest.mark.parametrize("name", ["size", "item", "min", "max", "mean", "data", "copy", "name", "check"])
def test_names_that_records_use_already_are_refused_with_the_name(name):
    with pytest.raises(StrategyError, match=f"'{name}'"):
        spec_of(declared(**{name: Memory(0.0)}))


def test_declarations_are_inherited_replaced_and_dropped():
    class Child(Base):
        """A child."""

        window = Param(20, low=2, high=100, unit="bars", doc="Closes.")
        peak = None
        slow = EMA(window="window")

    spec = spec_of(Child)
    assert spec.name == "child"
    assert spec.params["window"].default == 20
    assert set(spec.memory) == {"seen"}
    assert set(spec.indicators) == {"middle", "slow"}
    assert spec_of(Base).params["window"].default == 10
    assert spec.step is Base.step


def test_a_replaced_declaration_may_change_its_kind():
    class Child(Base):
        peak = Param(3.0, low=0.0, high=9.0)

    spec = spec_of(Child)
    assert "peak" not in spec.memory
    assert spec.layout.names is not None
    assert spec.layout.names.count("peak") == 1


def test_rings_are_as_long_as_the_longest_window_allowed():
    assert spec_of(Base).layout["middle"]["ring"].shape == (64,)
    assert spec_of(declared(middle=SMA(window=65))).layout["middle"]["ring"].shape == (512,)
    with pytest.raises(StrategyError, match=r"Sample.middle \(sma\): A window of 5000 bars"):
        spec_of(declared(middle=SMA(window=5000)))


def test_fresh_memory_holds_parameters_and_unknown_outputs():
    spec = spec_of(Base)
    row = spec.fresh_memory(spec.read_params({"window": 5}))[0]
    assert (row["window"], row["middle"]["window"], row["peak"]) == (5, 5, 0.0)
    assert math.isnan(row["middle"]["value"])


def test_an_indicator_that_names_no_parameter_is_refused_with_the_nearest():
    with pytest.raises(UnknownName, match=r"named by middle.*windw.*did you mean window"):
        spec_of(declared(window=Param(5, low=1, high=9), middle=SMA(window="windw")))


@pytest.mark.parametrize("param", [Param(5, low=0, high=9), Param(5.0, low=1, high=9)])
def test_a_window_must_be_a_whole_number_of_at_least_one(param):
    with pytest.raises(StrategyError, match="width is a window in bars"):
        spec_of(declared(width=param, middle=SMA(window="width")))


@pytest.mark.parametrize(
    ("default", "low", "high"), [(5, 6, 9), (5, 1, 4), (5, 9, 1), (math.nan, 0, 1), (0, 0, math.inf)]
)
def test_bounds_that_contradict_the_default_are_refused(default, low, high):
    with pytest.raises(StrategyError, match="default"):
        Param(default, low=low, high=high)


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (1, "between 2 and 60 bars"),
        (61, "between 2"),
        (2.5, "whole"),
        ("x", "number"),
        (None, "number"),
        (True, "number"),
    ],
)
def test_values_out_of_bounds_are_refused_with_the_bounds(value, what):
    with pytest.raises(ConfigError, match=what):
        spec_of(Base).read_params({"window": value})


@pytest.mark.parametrize("value", ["12", 12, 12.0, np.int64(12)])
def test_values_may_arrive_as_text_or_number(value):
    assert spec_of(Base).read_params({"window": value}) == {"window": 12, "level": 1.5}


def test_an_unknown_parameter_is_refused_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean window"):
        spec_of(Base).read_params({"windos": 5})


def test_choices_take_names_and_places():
    choice = Choice("sma", "ema", default="ema")
    choice.name = "ma_type"
    assert [choice.default, choice.read("EMA"), choice.read(0), choice.read("1")] == [1, 1, 0, 1]
    with pytest.raises(ConfigError, match="choose one of sma, ema"):
        choice.read("wma")


@pytest.mark.parametrize("options", [("one",), ("a", "A")])
def test_a_choice_needs_different_options(options):
    with pytest.raises(StrategyError, match="two or more"):
        Choice(*options)


def test_a_default_that_is_no_option_is_refused():
    with pytest.raises(StrategyError, match="one of them"):
        Choice("a", "b", default="c")


@pytest.mark.parametrize("initial", ["text", [1], {}, None])
def test_memory_holds_numbers_only(initial):
    with pytest.raises(StrategyError, match="number"):
        Memory(initial)


@pytest.mark.parametrize("wrap", [staticmethod, classmethod])
def test_check_sees_every_parameter_and_may_refuse(wrap):
    def check(*given: dict[str, float]):
        return "" if given[-1]["low_mark"] < given[-1]["high_mark"] else "low_mark must be below high_mark."

    marks = {"low_mark": Param(1, low=0, high=9), "high_mark": Param(5, low=0, high=9)}
    spec = spec_of(declared(check=wrap(check), **marks))
    assert spec.read_params({"low_mark": 4}) == {"low_mark": 4, "high_mark": 5}
    with pytest.raises(ConfigError, match="sample: low_mark must be below high_mark"):
        spec.read_params({"low_mark": 5})


def test_a_class_without_a_usable_step_is_refused():
    with pytest.raises(StrategyError, match="has no step"):
        spec_of(type("Nothing", (Strategy,), {}))
    with pytest.raises(StrategyError, match="plain function"):
        spec_of(declared(step=len))
    with pytest.raises(StrategyError, match="must start with me"):
        spec_of(declared(step=lambda bar: None))
    with pytest.raises(StrategyError, match="me, bar, signal"):
        spec_of(declared(step=lambda me, bar, signal: None))


def test_tickets_and_books_follow_from_the_step():
    assert spec_of(declared(step=lambda me, order, second: None)).tickets == 2
    assert spec_of(declared(step=lambda me, third: None)).tickets == 3
    assert spec_of(declared(step=lambda me, order: order.equity)).uses_book
    assert not spec_of(declared(step=lambda me, order: order.held)).uses_book


def test_a_declaration_reads_as_itself_on_the_class_and_as_its_value_on_an_instance():
    assert isinstance(Base.window, Param)
    assert (Base().window, Base().level, Base().peak, Base().seen) == (10, 1.5, 0.0, 0)


def test_warm_up_is_that_of_the_slowest_indicator():
    spec = spec_of(
        declared(window=Param(30, low=2, high=60), middle=SMA(window="window"), top=Donchian(20, previous=1))
    )
    assert spec.warmup(spec.read_params({})) == 30
    assert spec.warmup(spec.read_params({"window": 5})) == 21
