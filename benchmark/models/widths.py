"""The widths of models whose layers can be made narrower, and how many weights they have then. Imports no torch."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from benchmark.models.shapes import logits
from criteria.errors import InputError
from criteria.plugins import defaults

TOLERANCE = 0.02
"""How far the number of weights may be from the one asked for, as a share of it."""

Widths = Sequence[int]
Count = Callable[[Sequence[int], int, Widths], int]
"""Weights of all Linear and Conv layers, without biases, for the shape of an input, a number of outputs and widths."""


def _linear(inputs: Sequence[int], outputs: int, widths: Widths) -> int:
    return sum(a * b for a, b in itertools.pairwise([math.prod(inputs), *widths, outputs]))


def _convolutions(inputs: Sequence[int], outputs: int, widths: Widths) -> int:
    """3×3 convolutions, pooled to one place before the last layer."""
    return 9 * sum(a * b for a, b in itertools.pairwise([inputs[0], *widths])) + widths[-1] * outputs


def _lenet5(inputs: Sequence[int], outputs: int, widths: Widths) -> int:
    first, second, third = widths
    return 25 * inputs[0] * first + 25 * first * second + 16 * second * third + third * outputs


SCALABLE: Mapping[str, Count] = {
    "lenet300": _linear,
    "lenet5": _lenet5,
    "mlp": _linear,
    "small_cnn": _convolutions,
    "vgg16": _convolutions,
}
"""How the weights of the models that take ``widths`` are counted, by name."""


def narrowed(model: Mapping[str, Any], density: float, inputs: Sequence[int], classes: int) -> dict[str, Any]:
    """The settings of a ``model`` with as many weights as it has at a ``density``, to within :data:`TOLERANCE`.

    All widths but the first are scaled by one factor. The first, a unit of which costs most, is what makes that factor
    most like its own among those with which the number of weights is met. Raises :class:`InputError` for a model whose
    widths are not known, and where no widths come near enough.
    """
    count_all, widths = _known(model)
    outputs = logits(classes)
    wanted = density * count_all(inputs, outputs, widths)
    found: list[tuple[float, int, list[int]]] = []
    for first in range(1, widths[0] + 1):
        count = partial(_with_first, count_all, inputs, outputs, first)
        if count([1] * len(widths[1:])) > (1 + TOLERANCE) * wanted:
            break
        others, factor = _nearest(count, widths[1:], wanted)
        error = abs(count(others) - wanted)
        if error <= TOLERANCE * wanted:
            found.append((abs(math.log(first / widths[0] / factor)) if others else error, first, others))
    if not found:
        raise InputError(
            f"model {model['name']!r} has no widths with which its weights are as many as at density {density:g}, "
            f"to within {TOLERANCE:.0%}; leave small_dense or this density out"
        )
    _, first, others = min(found)
    return {**model, "widths": [first, *others]}


def _with_first(count: Count, inputs: Sequence[int], outputs: int, first: int, others: Widths) -> int:
    return count(inputs, outputs, [first, *others])


def _nearest(count: Callable[[Widths], int], widths: Widths, wanted: float) -> tuple[list[int], float]:
    """The widths times the factor with which the count is nearest to that ``wanted``, at least 1, and the factor."""

    def scaled(factor: float) -> list[int]:
        return [max(1, round(factor * width)) for width in widths]

    finest = 1 / (4 * max(widths, default=1))
    low, high = finest, 2.0
    while high - low > finest:
        middle = (low + high) / 2
        low, high = (middle, high) if count(scaled(middle)) <= wanted else (low, middle)
    factor = min((low, high), key=lambda each: abs(count(scaled(each)) - wanted))
    return scaled(factor), factor


def _known(model: Mapping[str, Any]) -> tuple[Count, Widths]:
    """How a model's weights are counted, and the widths that it has, by its settings or by itself."""
    name = str(model["name"])
    count, widths = SCALABLE.get(name), {**defaults(name, "model"), **model}.get("widths")
    if count is None or not widths:
        raise InputError(
            f"model {name!r} has no widths that could be scaled, and small_dense is a narrower network; "
            f"models that have some: {', '.join(SCALABLE)}; leave small_dense out"
        )
    return count, widths
