"""Which of a network's layers are dense, and which are rewired: chosen by name, by pattern, or as the last one."""

import math
from collections.abc import Mapping, Sequence

from benchmark.training.members import Member
from criteria.distribution import Shape, layer_counts
from criteria.errors import InputError
from criteria.rules import Distribution
from criteria.training.selecting import by_name

LAST = "last"
"""Stands for the last sparse layer, whatever its name is."""


def chosen_layers(names: Sequence[str], selectors: Sequence[str], setting: str) -> list[str]:
    """The weights among ``names`` that a selector means: by the name, or a pattern, of them or of a module above.

    Raises :class:`InputError`, which names the ``setting``, for a selector that means none.
    """
    found = []
    for selector in selectors:
        fitting = [names[-1]] if selector == LAST else [name for name in names if by_name(selector, name)]
        if not fitting:
            layers = ", ".join(name.removesuffix(".weight") for name in names)
            raise InputError(f"topology.{setting}: the model has no layer {selector!r}; it has {layers}, or {LAST!r}")
        found += fitting
    return [name for name in names if name in found]


def rewired_layers(names: Sequence[str], member: Member) -> list[str]:
    """The layers whose masks a member's topology updates change, or would change if it had any."""
    fixed = () if member.recipe is None else member.recipe.topology.fixed
    resting = {*chosen_layers(names, member.exclude, "exclude"), *chosen_layers(names, fixed, "fixed")}
    rewired = [name for name in names if name not in resting]
    if not rewired:
        raise InputError("topology.exclude and topology.fixed leave no layer that could be rewired")
    return rewired


def counts_beside_dense(
    shapes: Mapping[str, Shape], density: float, distribution: Distribution, exclude: Sequence[str]
) -> dict[str, int]:
    """Active weights of each layer: all of those that stay dense, which the density of the others does not count."""
    names = list(shapes)
    dense = chosen_layers(names, exclude, "exclude")
    sparse = {name: shape for name, shape in shapes.items() if name not in dense}
    if not sparse:
        raise InputError("topology.exclude leaves no sparse layer")
    counts = layer_counts(sparse, density, distribution)
    return {name: counts[name] if name in counts else math.prod(shape) for name, shape in shapes.items()}
