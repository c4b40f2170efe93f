"""Known answers are compared, shipped ones are there, and what is written wrongly is said."""

from typing import Any, ClassVar

import pytest

from criteria import Criterion, load, names
from criteria.contract.asking import Broken, Inapplicable
from criteria.contract.known import known_answers
from criteria.contract.shipped_answers import SHIPPED
from criteria.pruning.magnitude import Magnitude

WITHOUT_ONE = {"Random", "RandomGrowth", "SoftMagnitude", "GuidedExploration"}


@pytest.mark.parametrize("kind", ["criterion", "growth"])
def test_everything_shipped_but_chance_has_known_answers_and_gives_them(kind: str) -> None:
    for plugin in (load(name, kind) for name in names(kind)):
        if type(plugin).__name__ in WITHOUT_ONE:
            with pytest.raises(Inapplicable):
                known_answers(plugin)
        else:
            cls = type(plugin)
            assert cls.known_answers or f"{cls.__module__}:{cls.__qualname__}" in SHIPPED
            assert known_answers(plugin) is None


class Quoted(Magnitude):
    known_answers: ClassVar[Any] = [{"source": "a paper", "weight": [1.0, -2.0, 0.0], "scores": [1.0, 3.0, None]}]


class Chosen(Magnitude):
    known_answers: ClassVar[Any] = [
        {"source": "other code", "weight": [1.0, -2.0, 3.0], "selected": [False, True, False]},
    ]


class Misspelt(Magnitude):
    known_answers: ClassVar[Any] = [{"source": "a paper", "weight": [1.0], "score": [1.0]}]


@pytest.mark.parametrize(
    ("plugin", "found"),
    [
        (Quoted(), r"the scores were \[1.0, 2.0\] instead of \[1.0, 3.0\] \(a paper\)"),
        (Chosen(), r"was selected instead of .* \(other code\)"),
        (Misspelt(), "a known answer has score"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_an_answer_that_differs_is_found_with_its_source(plugin: Criterion, found: str) -> None:
    with pytest.raises(Broken, match=found):
        known_answers(plugin)
