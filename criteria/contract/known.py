"""The property ``known_answers``: what a plugin answers where the answer is known, from a paper or from other code.

A plugin may ship such answers as plain data, so that its module imports nothing for them:

>>> class MEST(Criterion):
...     known_answers = [
...         {
...             "source": "Yuan et al., 2021, equation 3",
...             "weight": [0.5, -2.0, 0.0],
...             "grad": [-1.0, 0.25, 3.0],
...             "scores": [1.5, 2.25, None],
...         }
...     ]

``weight``, ``grad``, ``momentum``, ``product`` (that of the Hessian and the gradient) and ``input_norm`` are nested
lists of numbers.
``mask`` says what is active, by default every weight but zeros. ``scores`` are compared wherever they are numbers, with
a relative tolerance of 1e-5; ``selected`` is the selection of as many. ``parameters`` are those that the plugin is made
with, by default none. ``observed`` is a list of earlier steps, each a dict of the tensors that differ there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from criteria.api import Criterion, Growth, Layer
from criteria.contract.asking import Broken, Inapplicable, Plugin, call, no_answer_is_broken, score_of, select_of, some
from criteria.contract.case import Case
from criteria.contract.shipped_answers import SHIPPED

_TENSORS = frozenset({"grad", "momentum", "product", "input_norm"})
FIELDS = _TENSORS | {"source", "weight", "mask", "scores", "selected", "parameters"}
TOLERANCE = 1e-5


def known_answers(plugin: Plugin, _case: object = None) -> None:
    """The answers that are known from elsewhere are those that the plugin gives."""
    kind = type(plugin)
    known = [*kind.known_answers, *SHIPPED.get(f"{kind.__module__}:{kind.__qualname__}", ())]
    if not known:
        raise Inapplicable("no answers are known")
    for each in known:
        _require(plugin, each)


def _require(plugin: Plugin, known: Mapping[str, Any]) -> None:
    unknown = known.keys() - FIELDS - {"observed"}
    if unknown or not known.keys() >= {"source", "weight"}:
        wrong = f"has {', '.join(sorted(unknown))}" if unknown else "lacks its source or its weight"
        raise Broken(f"a known answer {wrong}; it has {', '.join(sorted(FIELDS))}, or observed")
    what = f"({known['source']})"
    with no_answer_is_broken(f"making it {what}"):
        asked = call(_make, plugin, known.get("parameters", {}))
    layer = _layer(known)
    for step, earlier in enumerate(known.get("observed", ()), 1):
        if isinstance(asked, Criterion):
            with no_answer_is_broken(what):
                call(asked.observe, replace(_layer({**known, **earlier}), step=step))
    if "scores" in known:
        with no_answer_is_broken(what):
            _compare_scores(score_of(asked, layer).double(), known["scores"], what)
    if "selected" in known:
        expected = torch.tensor(known["selected"])
        case = Case(layer, int(expected.sum()))
        with no_answer_is_broken(what):
            selected = select_of(asked, case)
        if not torch.equal(selected, expected):
            raise Broken(f"{some(selected.flatten())} was selected instead of {some(expected.flatten())} {what}")


def _make(plugin: Plugin, parameters: Mapping[str, Any]) -> Criterion | Growth:
    return type(plugin)(**parameters)


def _compare_scores(scores: Tensor, known: Sequence[Any], what: str) -> None:
    expected = torch.tensor(_with_nan(known), dtype=torch.float64)
    there = ~expected.isnan()
    if not torch.allclose(scores[there], expected[there], rtol=TOLERANCE, atol=0):
        raise Broken(f"the scores were {some(scores[there])} instead of {some(expected[there])} {what}")


def _with_nan(numbers: Any) -> Any:
    if isinstance(numbers, Sequence):
        return [_with_nan(each) for each in numbers]
    return float("nan") if numbers is None else numbers


def _layer(known: Mapping[str, Any]) -> Layer:
    weight = torch.tensor(known["weight"], dtype=torch.float32)
    present = {name: torch.tensor(known[name], dtype=torch.float32) for name in FIELDS & known.keys() & _TENSORS}
    product = present.get("product")
    return Layer(
        "layer",
        weight,
        present.get("grad"),
        torch.tensor(known["mask"]) if "mask" in known else weight != 0,
        step=len(known.get("observed", ())) or 1,
        momentum=present.get("momentum"),
        hessian_gradient=None if product is None else lambda _: product,
        input_norm=present.get("input_norm"),
    )
