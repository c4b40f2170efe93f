"""How a network's density is shared out among its layers, and the exact random masks that follow from it."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from criteria.rules import Distribution, require_choice

__all__ = ["Distribution", "Shape", "layer_counts", "random_mask"]

Shape = Sequence[int]


def layer_counts(shapes: Mapping[str, Shape], density: float, distribution: Distribution) -> dict[str, int]:
    """Number of active weights of each layer, summing up to exactly ``round(density · all weights)``.

    ``erk`` gives a layer a density proportional to (sum of its dimensions) / (product of them) (Evci et al., 2020);
    ``er`` counts input and output units only (Mocanu et al., 2018); ``uniform`` gives each layer the same. A layer
    whose density would pass 1 is dense and the others share the rest. Fractions go to the largest remainders, and
    every layer keeps at least one weight. Raises :class:`InputError` for another distribution.
    """
    require_choice("distribution", distribution, Distribution)
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    budget = max(round(density * sum(sizes.values())), len(sizes))
    raw = {name: _raw_share(shape, distribution) for name, shape in shapes.items()}
    dense: set[str] = set()
    while True:
        rest = budget - sum(sizes[name] for name in dense)
        scale = rest / (sum(raw[name] for name in raw if name not in dense) or 1)
        over = {name for name in raw if name not in dense and raw[name] * scale > sizes[name]}
        if not over:
            break
        dense |= over
    wanted = {name: float(sizes[name]) if name in dense else raw[name] * scale for name in sizes}
    counts = {name: max(1, math.floor(w)) for name, w in wanted.items()}
    by_remainder = sorted(wanted, key=lambda name: wanted[name] - counts[name], reverse=True)
    while (left := budget - sum(counts.values())) != 0:
        step = 1 if left > 0 else -1
        for name in by_remainder if left > 0 else reversed(by_remainder):
            if left != 0 and 1 <= counts[name] + step <= sizes[name]:
                counts[name] += step
                left -= step
    return counts


def _raw_share(shape: Shape, distribution: Distribution) -> float:
    """A layer's share of the active weights, up to a common factor."""
    match distribution:
        case "erk":
            return float(sum(shape))
        case "er":
            return float(shape[0] + shape[1]) * math.prod(shape[2:])
        case "uniform":
            return float(math.prod(shape))


def random_mask(shape: Shape, count: int, generator: torch.Generator) -> Tensor:
    """A bool mask [*shape] with exactly ``count`` active positions, all such masks being equally likely."""
    mask = torch.zeros(math.prod(shape), dtype=torch.bool)
    mask[torch.randperm(mask.numel(), generator=generator)[:count]] = True
    return mask.reshape(tuple(shape))
