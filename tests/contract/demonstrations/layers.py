"""Layers to ask about, and asking."""

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from criteria import Criterion, Growth, Layer

Plugin = Criterion | Growth
Make = Callable[[], Plugin]
SHAPES = ((1, 12), (6, 5), (5, 8), (4, 3, 3, 3), (3, 2, 1, 5), (3, 4, 2))
NUMBERS = ("normal", "few", "close", "flat", "wide")


def numbers(kind: str, shape: tuple[int, ...], generator: torch.Generator, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Weights and gradients of a kind, each [*shape]."""
    weight, grad = torch.randn((2, *shape), generator=generator, dtype=torch.float64)
    if kind == "few":
        weight, grad = (each.mul(2).round().div(2) for each in (weight, grad))
    elif kind == "close":
        order = torch.randperm(math.prod(shape), generator=generator).view(shape)
        weight = 1 + order.double() / 512
        grad = torch.ones_like(grad)
    elif kind == "equal":
        weight, grad = torch.ones_like(weight), torch.full_like(grad, 0.5)
    elif kind == "alike":  # the sum of such weights is rounded
        weight, grad = torch.full_like(weight, 0.1), torch.full_like(grad, 0.1)
    elif kind == "equal and large":
        weight, grad = torch.full_like(weight, 100.0), torch.full_like(grad, 0.5)
    elif kind == "two":
        weight = torch.where(torch.rand(shape, generator=generator) < 0.3, 0.25, 1.0).double()
        grad = torch.full_like(grad, 0.5)
    elif kind == "flat":
        grad = torch.zeros_like(grad)
    elif kind == "wide":
        weight, grad = (each.sign() * 10.0 ** (8 * each) for each in (weight, grad))
    elif kind == "largest":
        weight = weight.sign() * torch.finfo(dtype).max * (1 - 0.4 * torch.rand(shape, generator=generator))
    return weight.to(dtype), grad.to(dtype)


@dataclass(frozen=True)
class Question:
    """Which ``n`` of a layer's weights, among ``candidates`` where a growth is asked."""

    layer: Layer
    n: int
    candidates: Tensor


def question(
    shape: tuple[int, ...] = (6, 5),
    seed: int = 0,
    kind: str = "normal",
    dtype: torch.dtype = torch.float32,
    share: float = 0.4,
    step: int = 3,
) -> Question:
    """A question about a layer with everything there is; a tenth of the candidates were active before."""
    generator = torch.Generator().manual_seed(seed)
    weight, grad = numbers(kind, shape, generator, dtype)
    mask = torch.rand(shape, generator=generator) < 0.6
    mask.view(-1)[:2] = torch.tensor([True, False])
    other = numbers(kind, shape, generator, dtype)[1]
    norm = input_norms(shape, seed, dtype)
    layer = Layer("features.0.weight", weight * mask, grad, mask, step, generator, other, lambda _: other, norm)
    return of_layer(layer, share)


def input_norms(shape: tuple[int, ...], seed: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Norms of inputs, [*shape], equal for all weights of one input unit."""
    units = torch.rand(shape[1:2], generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 0.1
    return units.view(-1, *[1] * (len(shape) - 2)).expand(shape).to(dtype).clone()


def of_layer(layer: Layer, share: float) -> Question:
    """A question about a share of what both a criterion and a growth can choose from."""
    least = min(int(layer.mask.sum()), int((~layer.mask).sum()))
    return Question(layer, round(share * least), ~layer.mask)


def questions(kinds: tuple[str, ...] = NUMBERS, seeds: int = 2) -> Iterator[Question]:
    """Questions about small layers of every shape and kind of numbers."""
    for seed in range(seeds):
        for shape in SHAPES:
            for kind in kinds:
                for share in (0.4, 0.7):
                    yield question(shape, seed, kind, share=share)


def mapped(layer: Layer, values: Callable[[Tensor], Tensor], mask: Callable[[Tensor], Tensor] = torch.clone) -> Layer:
    """The layer with its tensors changed, and a generator of its own."""
    product = layer.hessian_gradient
    return replace(
        layer,
        weight=values(layer.weight),
        grad=None if layer.grad is None else values(layer.grad),
        mask=mask(layer.mask),
        momentum=None if layer.momentum is None else values(layer.momentum),
        input_norm=None if layer.input_norm is None else values(layer.input_norm),
        generator=layer.generator.clone_state(),
        hessian_gradient=None if product is None else lambda temperature: values(product(temperature)),
    )


def history(layer: Layer, steps: int) -> Iterator[Layer]:
    """The layer at the steps before, with other weights and gradients."""
    for ago in range(steps, 0, -1):
        yield replace(
            mapped(layer, lambda each, ago=ago: each.roll(ago) * 0.5), weight=(layer.weight.roll(ago)) * layer.mask
        )


def practised(make: Make, layer: Layer, steps: int = 3) -> Plugin:
    """A new plugin that has observed the layer's history, where it observes."""
    plugin = make()
    if isinstance(plugin, Criterion) and steps:
        for number, earlier in enumerate(history(layer, steps), 1):
            plugin.observe(replace(earlier, step=number))
    return plugin


def select(plugin: Plugin, asked: Question) -> Tensor | str:
    """What this very plugin selects, or how it fails."""
    layer = mapped(asked.layer, torch.clone)
    try:
        if isinstance(plugin, Growth):
            return plugin.select(layer, asked.n, asked.candidates.clone()).clone()
        return plugin.select(layer, asked.n).clone()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def scores(plugin: Plugin, asked: Question) -> Tensor | None:
    """The scores of what can be selected, or None for a plugin without them."""
    if type(plugin).score in (Criterion.score, Growth.score):
        return None
    try:
        score = plugin.score(mapped(asked.layer, torch.clone))
        return score[asked.candidates if isinstance(plugin, Growth) else asked.layer.mask].detach().double().clone()
    except Exception:
        return None


def answer(plugin: Plugin, asked: Question) -> list[object]:
    """Selection and scores of a copy of the plugin, as plain values that can be compared."""
    given = scores(copy.deepcopy(plugin), asked)
    return [
        plain(select(copy.deepcopy(plugin), asked)),
        None if given is None else [round(x, 9) for x in given.tolist()],
    ]


def plain(selected: Tensor | str) -> object:
    """A selection as a list of numbers."""
    return selected if isinstance(selected, str) else selected.flatten().nonzero().squeeze(1).tolist()
