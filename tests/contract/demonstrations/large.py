"""Faults that show in large layers alone: numbers, places, NaN and positions."""

import math
from dataclasses import replace

import torch

from criteria import Growth
from tests.contract.demonstrations.layers import Make, Question, mapped, practised, question, scores, select


def loses_large_positions(make: Make) -> bool:
    """Whether it prunes another number, or inactive positions, among the last of more than 2²⁴."""
    shape = (4100, 4100)
    mask = torch.arange(math.prod(shape)).view(shape) >= math.prod(shape) - 300
    layer = replace(question().layer, weight=mask * torch.rand(shape), mask=mask, grad=None, momentum=None)
    selected = select(make(), Question(replace(layer, hessian_gradient=None), 100, ~mask))
    return isinstance(selected, str) or int(selected.sum()) != 100 or bool((selected & ~mask).any())


def miscounts_millions(make: Make) -> bool:
    """Whether it selects another number, or elsewhere, where there is a choice of more than 2²⁰ positions."""
    asked = question((1700, 1710))
    layer = replace(asked.layer, grad=None, momentum=None, hessian_gradient=None, input_norm=None)
    asked = replace(asked, layer=layer) if not make().requires_grad else asked
    selected = select(make(), asked)
    where = asked.candidates if isinstance(make(), Growth) else asked.layer.mask
    return isinstance(selected, str) or int(selected.sum()) != asked.n or bool((selected & ~where).any())


def gives_nan_to_wide_layers(make: Make) -> bool:
    """Whether a score is NaN where a unit has 65,536 weights, some of which are zero."""
    asked = question((2, 65_536))
    mask = torch.ones_like(asked.layer.mask)
    weight = torch.where(asked.layer.weight.abs() > 0.5, asked.layer.weight, 0.0)
    given = scores(make(), replace(asked, layer=replace(asked.layer, mask=mask, weight=weight)))
    return given is not None and bool(given.isnan().any())


def differs_when_large(make: Make) -> bool:
    """Whether a layer of a million weights gets another selection when it is asked about again."""
    asked = question((1000, 1030))
    first, second = (select(make(), asked) for _ in range(2))
    return isinstance(first, str) or isinstance(second, str) or not torch.equal(first, second)


def minds_the_order_in_memory(make: Make) -> bool:
    """Whether the weights of a convolution whose channels are last in memory lose others."""
    asked = question((6, 5, 3, 3), kind="close")
    layer = mapped(asked.layer, *[lambda tensor: tensor.clone(memory_format=torch.channels_last)] * 2)
    first, other = select(make(), asked), make().select(layer, asked.n)  # type: ignore[call-arg]
    return isinstance(first, str) or not torch.equal(first, other)


def divides_large_layers(make: Make) -> bool:
    """Whether sorting the rows of a layer of a million weights by their size selects others than a few equal ones."""
    asked = question((1000, 1030))
    order = asked.layer.weight.abs().sum(1).argsort()
    layer = mapped(asked.layer, lambda tensor: tensor[order], lambda mask: mask[order])
    first = select(practised(make, asked.layer), asked)
    other = select(practised(make, layer), replace(asked, layer=layer, candidates=asked.candidates[order]))
    return isinstance(first, str) or isinstance(other, str) or int((first[order] != other).sum()) > 100


def divides_large_gradients(make: Make) -> bool:
    """Whether sorting thousands of weights by their gradients grows others, where no two gradients are alike."""
    asked = question((9_000,), kind="normal")
    order = asked.layer.grad.abs().argsort()  # type: ignore[union-attr]
    layer = mapped(asked.layer, lambda tensor: tensor[order], lambda mask: mask[order])
    first = select(make(), asked)
    other = select(make(), replace(asked, layer=layer, candidates=asked.candidates[order]))
    return isinstance(first, str) or isinstance(other, str) or int((first[order] != other).sum()) > 100


def prefers_the_front_of_large_ties(make: Make) -> bool:
    """Whether of half a million equal weights, beside as many smaller ones, the first half loses clearly more."""
    shape = (1000, 1100)
    large = torch.rand(shape, generator=torch.Generator().manual_seed(0)) < 0.5
    layer = replace(question().layer, weight=0.5 + 0.5 * large, mask=torch.ones(shape, dtype=torch.bool))
    layer = replace(layer, grad=None, momentum=None, hessian_gradient=None, input_norm=None)
    n = int((~large).sum()) + int(large.sum()) // 2
    selected = select(make(), Question(layer, n, ~layer.mask))
    assert not isinstance(selected, str)
    front, back = ((selected & large).float()[half].sum() for half in (slice(0, 500), slice(500, 1000)))
    return float(front - back) > 10 * math.sqrt(float(front + back))


def prefers_the_end_of_large_layers(make: Make) -> bool:
    """Whether the last fortieth of thousands of equal weights loses more than three times its share."""
    asked = question((42, 100), kind="equal")
    mask = torch.ones_like(asked.layer.mask)
    layer = replace(asked.layer, mask=mask, weight=torch.ones_like(asked.layer.weight))
    at_the_end, all_ = 0, 0
    for seed in range(20):
        drawn = replace(layer, generator=torch.Generator().manual_seed(seed))
        selected = select(make(), Question(drawn, 400, ~mask))
        assert not isinstance(selected, str)
        at_the_end, all_ = at_the_end + int(selected.flatten()[-104:].sum()), all_ + int(selected.sum())
    return at_the_end / all_ > 3 * 104 / mask.numel()
