"""Which layers and trainings are tried, as Hypothesis strategies: small ones first, and all that is awkward in them."""

import itertools
import math
from collections.abc import Callable

import torch
from hypothesis import strategies as st
from torch import Tensor

from criteria.api import Criterion, Layer
from criteria.contract.asking import Plugin, selectable
from criteria.contract.case import Case, random_mask, wide_case
from criteria.contract.trajectory import Start

WIDE_ONE_IN = 24
"""How rarely a layer is so wide that PyTorch divides it among threads."""

Shape = tuple[int, ...]
Tensors = Callable[[Shape, torch.dtype], st.SearchStrategy[Tensor]]
"""Strategies for tensors of a shape and dtype."""

seeds = st.integers(0, 2**31)
fractions = st.one_of(st.sampled_from([0.5, 0.0, 1.0]), st.floats(0, 1))
any_dtype = st.sampled_from([torch.float32, torch.float64, torch.bfloat16])
float32 = st.just(torch.float32)


def _shapes(*sides: tuple[int, ...], least: int = 1) -> st.SearchStrategy[Shape]:
    """Shapes whose sides are at most these, smallest first."""
    found = {shape for most in sides for shape in itertools.product(*(range(1, side + 1) for side in most))}
    return st.sampled_from(sorted((shape for shape in found if math.prod(shape) >= least), key=math.prod))


shapes = _shapes((24,), (6, 6), (3, 4, 3), (4, 3, 2, 2))
small_shapes = _shapes((10,), (3, 4), (2, 3, 2), (2, 3, 1, 2), least=2)


def awkward(shape: Shape, dtype: torch.dtype) -> st.SearchStrategy[Tensor]:
    """Finite tensors of everything: zeros, equal numbers, huge and tiny ones, subnormals."""
    tiny = torch.finfo(dtype).tiny
    special = [0.0, 1.0, -1.0, 0.5, 1e-30, 1e30, -1e-30, -1e30, tiny, -tiny / 4, tiny / 64, -0.0]
    ordinary = [sign * eighths / 8 for eighths in range(1, 65) for sign in (1, -1)]
    numbers = (special * 11)[:128] + ordinary
    return _digits(shape).map(lambda digits: _tensor([numbers[digit] for digit in digits], shape, dtype))


def distinct(shape: Shape, dtype: torch.dtype) -> st.SearchStrategy[Tensor]:
    """Tensors of numbers that differ in magnitude and that every dtype holds exactly."""

    def numbers(digits: bytes) -> list[float]:
        ranks = sorted(range(len(digits)), key=digits.__getitem__)
        return [(-1) ** digit * (5 * rank + digit % 4 + 1) / 8 for rank, digit in zip(ranks, digits, strict=True)]

    return _digits(shape).map(lambda digits: _tensor(numbers(digits), shape, dtype))


def up_to(most: int, least: int = 0) -> st.SearchStrategy[int]:
    """Numbers from ``least`` to ``most``, which come up more often than those between."""
    return st.integers(least - 1, most + 2).map(lambda number: min(max(number, least), most))


def equal(shape: Shape, dtype: torch.dtype) -> st.SearchStrategy[Tensor]:
    """Tensors of one number throughout."""
    number = st.sampled_from([1.0, 0.0, -0.5, 1e30, -1e-30])
    return number.map(lambda number: torch.full(shape, number, dtype=dtype))


def zero(shape: Shape, dtype: torch.dtype) -> st.SearchStrategy[Tensor]:
    """Tensors of zeros."""
    return st.just(torch.zeros(shape, dtype=dtype))


@st.composite
def layers(
    draw: st.DrawFn,
    plugin: Plugin,
    shapes: st.SearchStrategy[Shape],
    dtypes: st.SearchStrategy[torch.dtype],
    weights: Tensors,
    gradients: Tensors,
) -> Layer:
    """Layers of every density, from one active weight to fully dense, with what the plugin asks for."""
    shape, dtype, seed = draw(shapes), draw(dtypes), draw(seeds)
    active = draw(up_to(math.prod(shape), least=1))
    mask = random_mask(shape, active, torch.Generator().manual_seed(seed))
    like_gradients = gradients(shape, dtype)
    optional = st.none() | like_gradients
    hessian = isinstance(plugin, Criterion) and plugin.requires_hessian_gradient
    product = draw(like_gradients) if hessian else None
    return Layer(
        name="layer",
        weight=torch.where(mask, draw(weights(shape, dtype)), 0),
        grad=draw(like_gradients if plugin.requires_grad else optional),
        mask=mask,
        step=draw(st.integers(1, 100)),
        generator=torch.Generator().manual_seed(seed),
        momentum=draw(optional),
        hessian_gradient=None if product is None else lambda _: product,
    )


@st.composite
def cases(
    draw: st.DrawFn,
    plugin: Plugin,
    *,
    shapes: st.SearchStrategy[Shape] = shapes,
    dtypes: st.SearchStrategy[torch.dtype] = any_dtype,
    weights: Tensors = awkward,
    gradients: Tensors = awkward,
    wide: bool = False,
) -> Case:
    """Layers, the number of weights to select from none to all, and earlier steps for a plugin that observes them."""
    observes = isinstance(plugin, Criterion) and type(plugin).observe is not Criterion.observe
    observed = draw(st.integers(0, 2)) if observes else 0
    layer = draw(layers(plugin, shapes, dtypes, weights, gradients))
    case = Case(layer, n=draw(up_to(int(selectable(plugin, layer).sum()))), observed=observed)
    # drawn last, so that a counterexample shrinks to the small layer if that is one too
    if wide and draw(st.integers(1, WIDE_ONE_IN)) == WIDE_ONE_IN:
        return wide_case(layer.generator.initial_seed(), observed=observed)
    return case


def distinct_cases(plugin: Plugin) -> st.SearchStrategy[Case]:
    """Small float32 cases of moderate numbers that differ, so that most scores differ clearly."""
    return cases(plugin, shapes=small_shapes, dtypes=float32, weights=distinct, gradients=distinct)


def tied_cases(plugin: Plugin) -> st.SearchStrategy[Case]:
    """Cases in which a plugin has no reason to prefer any weight: all equal, or every gradient zero."""
    return st.one_of(cases(plugin, weights=equal, gradients=equal), cases(plugin, weights=distinct, gradients=zero))


ordinary_layers = small_shapes.flatmap(lambda shape: st.tuples(st.just(shape), st.integers(1, math.prod(shape) - 1)))
"""Shapes and numbers of active weights, with at least one weight active and one inactive."""

degenerate_layers = st.one_of(
    shapes.map(lambda shape: (shape, math.prod(shape))),
    shapes.map(lambda shape: (shape, 1)),
    st.just(((1,), 1)),
)
"""Dense layers, layers with one active weight, and layers with one weight."""


def starts(layers: st.SearchStrategy[tuple[Shape, int]]) -> st.SearchStrategy[Start]:
    """Where a training of one to three such layers starts."""
    return st.builds(
        Start,
        seed=seeds,
        layers=st.lists(layers, min_size=1, max_size=3).map(tuple),
        weights=st.sampled_from(["normal", "equal", "zero"]),
    )


def _digits(shape: Shape) -> st.SearchStrategy[bytes]:
    """A number below 256 for each weight: one draw, which is much quicker than one for each."""
    size = math.prod(shape)
    return st.binary(min_size=size, max_size=size)


def _tensor(numbers: list[float], shape: Shape, dtype: torch.dtype) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64).to(dtype).view(shape)
