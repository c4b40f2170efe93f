"""Plugins whose answer depends on the order of a set: who is asked with other seeds of hashes, and what comes of it."""

import pytest
from torch import Tensor

from criteria import Criterion, Layer, load, names
from criteria.contract.asking import Broken, Inapplicable
from criteria.contract.hashing import makes_sets
from criteria.contract.other_processes import same_with_other_hashes
from criteria.contract.special import few_tied
from criteria.pruning.magnitude import Magnitude
from tests.contract.broken.hidden import FirstOfASet, HashOfTheName, WeightsOfASet

TERMS = {"first", "second"}


class AsksWhatIsInIt(Magnitude):
    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs() if layer.name in {"first", "second"} else super().score(layer)


class ReadsASetOfTheModule(Magnitude):
    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs() * len(next(iter(TERMS)))


def _terms() -> list[str]:
    return list({"first", "second"})


class NamesAFunctionThatMakesOne(Magnitude):
    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs() * len(_terms()[0])


class MakesOneInAComprehension(Magnitude):
    @property
    def sizes(self) -> list[int]:
        return [len(each) for each in {name.upper() for name in ("first", "second")}]

    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs() * self.sizes[0]


class Inherits(MakesOneInAComprehension):
    pass


@pytest.mark.parametrize(
    "cls",
    [
        *(FirstOfASet, WeightsOfASet, HashOfTheName, ReadsASetOfTheModule, NamesAFunctionThatMakesOne),
        *(MakesOneInAComprehension, Inherits),
    ],
)
def test_code_that_makes_or_reads_sets_or_hashes_is_seen(cls: type[Criterion]) -> None:
    assert makes_sets(cls)


def test_a_question_whether_something_is_in_a_constant_set_is_no_matter_of_order() -> None:
    assert not makes_sets(AsksWhatIsInIt)


def test_no_shipped_plugin_is_asked_more_than_once() -> None:
    shipped = [type(load(name, kind)) for kind in ("criterion", "growth") for name in names(kind)]
    assert [cls.__name__ for cls in shipped if makes_sets(cls)] == []


def test_the_order_of_a_set_of_two_is_found() -> None:
    plugin = WeightsOfASet()
    (case,) = few_tied(plugin)
    with pytest.raises(Broken, match="in another process, asked about"):
        same_with_other_hashes(plugin, case)


def test_a_plugin_without_sets_costs_nothing() -> None:
    with pytest.raises(Inapplicable):
        same_with_other_hashes(Magnitude(), next(iter(few_tied(Magnitude()))))
