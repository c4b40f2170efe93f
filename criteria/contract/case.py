"""A case: one question to a plugin, and the layers that follow from it."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from criteria.api import Layer


@dataclass(frozen=True)
class Case:
    """The question which ``n`` weights of ``layer`` are selected, after ``observed`` earlier optimizer steps."""

    layer: Layer
    n: int
    observed: int = 0
    recipe: str = ""
    """Code that makes the case, for one that is too large to be written out."""

    def past(self) -> Iterator[Layer]:
        """The layer at the earlier steps, oldest first.

        Its weights were small where they are now large, so that a score that remembers differs from one that does not.
        """
        for ago in range(self.observed, 0, -1):
            earlier = copied(self.layer)
            weight = earlier.weight.sign() / (ago + earlier.weight.abs())
            yield replace(earlier, weight=weight, step=earlier.step - ago)


def mapped(layer: Layer, values: Callable[[Tensor], Tensor], mask: Callable[[Tensor], Tensor]) -> Layer:
    """A new layer, with ``values`` applied to every tensor but the mask, and a copy of the generator."""
    product = layer.hessian_gradient
    return replace(
        layer,
        weight=values(layer.weight),
        grad=None if layer.grad is None else values(layer.grad),
        mask=mask(layer.mask),
        momentum=None if layer.momentum is None else values(layer.momentum),
        generator=layer.generator.clone_state(),
        hessian_gradient=None if product is None else lambda temperature: values(product(temperature)),
    )


def copied(layer: Layer) -> Layer:
    """A copy that shares nothing with ``layer``."""
    return mapped(layer, torch.clone, torch.clone)


def random_mask(shape: tuple[int, ...], active: int, generator: torch.Generator) -> Tensor:
    """A mask with exactly ``active`` active weights, bool [*shape]."""
    order = torch.randperm(math.prod(shape), generator=generator)
    return (order < active).view(shape)


def wide_case(seed: int, active: int = 18432, n: int = 4096, observed: int = 0) -> Case:
    """A layer of 192 × 192 normal weights: large enough for PyTorch to divide its work among threads."""
    generator = torch.Generator().manual_seed(seed)
    mask = random_mask((192, 192), active, generator)
    weight, grad, momentum, product = torch.randn(4, 192, 192, generator=generator)
    layer = Layer("layer", weight * mask, grad, mask, 1, generator, momentum, lambda _: product)
    return Case(layer, n, observed, f"wide_case(seed={seed}, active={active}, n={n}, observed={observed})")
