"""A case: one question to a plugin, and the layers that follow from it."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from criteria.api import Layer

Values = Literal["normal", "ranks", "gradient ranks", "equal", "inexact", "levels", "dead", "idle"]
"""Of a drawn case: drawn; all weights, or all gradients, different in magnitude, and the others ones; all equal to one
or to a number that is rounded; of a few different ones, with or without many zeros among them; or weights of one and
zeros."""


@dataclass(frozen=True)
class Place:
    """Where and in which numbers a layer is."""

    device: str = "cpu"
    dtype: str = "float32"

    def put(self, mask: Tensor) -> Tensor:
        """The mask on the device."""
        return mask.to(self.device)


@dataclass(frozen=True)
class Case:
    """The question which ``n`` weights of ``layer`` are selected, once ``observed`` optimizer steps were observed.

    The last of them is the step of the layer itself.
    """

    layer: Layer
    n: int
    observed: int = 0
    recipe: str = ""
    """Code that makes the case, for one that is too large to be written out."""
    candidates: Tensor | None = None
    """The positions that a growth may choose from, bool [*shape]; None for all that are inactive."""
    steady: bool = False
    """Whether the weights were the same at the earlier steps."""
    moved: bool = False
    """Whether other weights were active at the earlier steps."""

    def past(self) -> Iterator[Layer]:
        """The layer at the steps that are observed, oldest first.

        Its weights were small where they are now large, and its gradients others, so that a score that remembers
        differs from one that does not.
        """
        for ago in range(self.observed - 1, -1, -1):
            earlier = copied(self.layer)
            if ago and not self.steady:
                earlier = with_norms(mapped(earlier, partial(torch.mul, other=(-1) ** ago / (1 + ago)), torch.clone))
                earlier = replace(earlier, weight=self.layer.weight)
                mask = (
                    earlier.mask if not self.moved else earlier.mask.flatten().roll(1 + ago // 3).view_as(earlier.mask)
                )
                weight = earlier.weight.sign() / (ago + earlier.weight.abs())
                weight = torch.where(mask, torch.where(earlier.mask, weight, 1 / (1 + ago)), 0)
                earlier = replace(earlier, weight=weight, mask=mask, step=max(1, earlier.step - ago))
            yield earlier if not self.steady else replace(earlier, step=max(1, earlier.step - ago))

    def later(self) -> "Case":
        """The same question one optimizer step later, at which nothing was observed."""
        moved = with_norms(mapped(self.layer, lambda tensor: tensor * -0.75, torch.clone))
        weight = torch.where(self.layer.mask, torch.where(self.layer.weight != 0, self.layer.weight * 0.75, 0.5), 0)
        return replace(self, layer=replace(moved, weight=weight, step=self.layer.step + 1), recipe="")

    def mapped(self, values: Callable[[Tensor], Tensor], mask: Callable[[Tensor], Tensor]) -> "Case":
        """The same question about the layer that :func:`mapped` makes."""
        candidates = None if self.candidates is None else mask(self.candidates)
        return replace(self, layer=mapped(self.layer, values, mask), candidates=candidates)


def mapped(layer: Layer, values: Callable[[Tensor], Tensor], mask: Callable[[Tensor], Tensor]) -> Layer:
    """A new layer, with ``values`` applied to every tensor but the mask, and a copy of the generator."""
    product = layer.hessian_gradient
    return Layer(  # a contract makes hundreds of thousands, and dataclasses.replace takes several times as long
        layer.name,
        values(layer.weight),
        None if layer.grad is None else values(layer.grad),
        mask(layer.mask),
        layer.step,
        layer.generator.clone_state(),
        None if layer.momentum is None else values(layer.momentum),
        None if product is None else lambda temperature: values(product(temperature)),
        None if layer.input_norm is None else values(layer.input_norm),
    )


def with_norms(layer: Layer) -> Layer:
    """The layer with norms of inputs as there can be, where other numbers were put in its tensors."""
    return layer if layer.input_norm is None else replace(layer, input_norm=norms_from(layer.input_norm))


def norms_from(numbers: Tensor) -> Tensor:
    """Norms of inputs made from any numbers, [*shape]: at least 0, and equal for all weights of one input unit."""
    of_a_unit = _dims_of_a_unit(numbers)
    first = tuple(slice(0, 1) if dim in of_a_unit else slice(None) for dim in range(numbers.dim()))
    return numbers[first].expand_as(numbers).abs().contiguous()


def has_active(mask: Tensor) -> Tensor:
    """Whether the input unit of each weight has an active weight, bool of a shape that expands to that of the mask."""
    of_a_unit = _dims_of_a_unit(mask)
    return mask.any(of_a_unit, keepdim=True) if of_a_unit else mask


def _dims_of_a_unit(tensor: Tensor) -> list[int]:
    """The dimensions along which all weights have one input unit.

    In a linear layer that is a column. Outputs of a grouped convolution see other inputs, so there it is a kernel.
    """
    return [0] if tensor.dim() == 2 else list(range(2, tensor.dim()))


def copied(layer: Layer) -> Layer:
    """A copy that shares nothing with ``layer``."""
    return mapped(layer, torch.clone, torch.clone)


def random_mask(shape: tuple[int, ...], active: int, generator: torch.Generator) -> Tensor:
    """A mask with exactly ``active`` active weights, bool [*shape]."""
    order = torch.randperm(math.prod(shape), generator=generator)
    return (order < active).view(shape)


# long because counterexamples are printed as this call, with the arguments that differ from their defaults
def drawn_case(
    shape: tuple[int, ...],
    active: int,
    n: int,
    seed: int = 0,
    *,
    values: Values = "normal",
    observed: int = 0,
    step: int = 0,
    name: str = "layer",
    place: Place = Place(),
) -> Case:
    """A case with numbers drawn from ``seed``: for layers that are too large to be written out.

    ``step`` is that of the layer; by default it is the last of those observed, or 1.
    """
    arguments = f"{shape}, active={active}, n={n}, seed={seed}, values={values!r}, observed={observed}, step={step}"
    generator = torch.Generator().manual_seed(seed)
    mask = random_mask(shape, active, generator)
    weight, grad, momentum, product = _numbers(shape, values, generator)
    weight = weight * mask
    step = step or max(observed, 1)
    layer = Layer(name, weight, grad, mask, step, generator, momentum, lambda _: product, norms_from(product))
    case = Case(layer, n, observed, f"drawn_case({arguments}, name={name!r})")
    if place == Place():
        return case
    moved = case.mapped(lambda tensor: tensor.to(place.device, getattr(torch, place.dtype)), place.put)
    return replace(moved, recipe=f"drawn_case({arguments}, name={name!r}, place={place})")


def steady_case(observed: int) -> Case:
    """A small layer of large weights that stay as they are for many steps: sums over steps become large."""
    case = drawn_case((4, 5), 12, 4, observed=observed)
    layer = replace(case.layer, weight=1000 * case.layer.weight)
    return replace(case, layer=layer, recipe=f"steady_case(observed={observed})", steady=True)


def enormous_case(active: int, n: int, grad: bool = False, growth: bool = False) -> Case:
    """A layer of more than 2**24 weights, of which a few are active or, for a ``growth``, may grow."""
    shape = (4097, 4099)
    size = math.prod(shape)
    generator = torch.Generator().manual_seed(0)
    # some all over the layer, and some one after the other at its end, where float32 has no odd numbers
    spread = active // 2
    where = torch.cat((torch.arange(spread) * (size // (spread + 1)), size - 1 - torch.arange(active - spread)))
    weight, mask = torch.zeros(size), torch.zeros(size, dtype=torch.bool)
    weight[where] = torch.randn(active, generator=generator)
    mask[where] = True
    weight, mask = weight.view(shape), mask.view(shape)
    layer = Layer("layer", weight, weight if grad else None, ~mask if growth else mask, 1, generator)
    layer = replace(layer, hessian_gradient=lambda _: weight, input_norm=torch.ones(shape))
    if growth:
        layer = replace(layer, weight=torch.ones(shape).mul_(layer.mask), momentum=weight)
    arguments = f"active={active}, n={n}, grad={grad}, growth={growth}"
    return Case(layer, n, recipe=f"enormous_case({arguments})", candidates=mask if growth else None)


def _numbers(shape: tuple[int, ...], values: Values, generator: torch.Generator) -> Tensor:
    """Weights, gradients, momenta and products, [4, *shape]."""
    each = (4, *shape)
    match values:
        case "equal":
            return torch.ones(each)
        case "idle":
            return torch.stack((torch.ones(shape), *torch.zeros(3, *shape)))
        case "inexact":
            return torch.rand((), generator=generator).expand(each)
        case "levels" | "dead":
            levels = torch.randint(2, each, generator=generator)
            signed = (1 + levels) / 2 * (2 * torch.randint(2, each, generator=generator) - 1)
            return signed if values == "levels" else signed * torch.randint(2, each, generator=generator)
        case "ranks" | "gradient ranks":
            size = math.prod(shape)
            ranks = (1 + torch.randperm(size, generator=generator)) / size
            signs = 2 * torch.randint(2, (size,), generator=generator) - 1
            ones = torch.ones(shape)
            different = (ranks * signs).view(shape)
            return torch.stack((different, ones, ones, ones) if values == "ranks" else (ones, different, ones, ones))
        case "normal":
            return torch.randn(each, generator=generator)
