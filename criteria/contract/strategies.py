"""Which layers and trainings are tried, as Hypothesis strategies: small ones first, and all that is awkward in them.

Hypothesis spends five examples of six on copying one part of a case over another that was drawn in the same way. In a
layer that leads nowhere new, so no two parts of a case are drawn in the same way here, and every example is a new one.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import torch
from hypothesis import strategies as st
from torch import Tensor

from criteria.api import Criterion, Growth, Layer
from criteria.contract.asking import Plugin, keeps_state, observes, selectable
from criteria.contract.case import Case, norms_from, random_mask
from criteria.contract.episodes import ENDING, Episode, Load, Save, Start, Step, Train, Update

Shape = tuple[int, ...]
Tensors = Callable[[Shape, torch.dtype], st.SearchStrategy[Tensor]]
"""Strategies for [3, *shape]: weights, gradients, and what is like a gradient (momenta, Hessian-gradient products)."""

seeds = st.integers(0, 2**31)
fractions = st.one_of(st.sampled_from([0.5, 0.0, 1.0]), st.floats(0, 1))
any_dtype = st.sampled_from([torch.float32, torch.float64, torch.bfloat16])
float32 = st.just(torch.float32)
_wheres = st.sampled_from(["anywhere", "some", "active"])


def _shapes(*sides: Shape, least: int = 1) -> st.SearchStrategy[Shape]:
    """Shapes whose sides are at most these, smallest first."""
    found = {shape for most in sides for shape in itertools.product(*(range(1, side + 1) for side in most))}
    return st.sampled_from(sorted((shape for shape in found if math.prod(shape) >= least), key=math.prod))


KERNELS: tuple[Shape, ...] = ((2, 2, 3, 3), (2, 1, 3, 5), (1, 2, 5, 2), (2, 3, 1, 7), (3, 1, 7, 1), (1, 1, 5, 5))
"""Convolutions with kernels of other forms than those of the small ones."""

shapes = _shapes((1, 24), (6, 6), (3, 4, 3), (4, 3, 2, 2)) | st.sampled_from(KERNELS)
small_shapes = _shapes((1, 10), (4, 4), (2, 3, 2), (2, 3, 2, 2), least=2) | st.sampled_from(KERNELS[:3])
STEPS = (1, 2, 10, 100, 1000, 7_500, 40_000, 100_000)


@cache  # a strategy that is made anew is validated anew, which takes as long as drawing from it
def awkward(shape: Shape, dtype: torch.dtype) -> st.SearchStrategy[Tensor]:
    """Finite numbers of every kind: zeros, equal ones, huge and tiny ones, subnormals."""
    tiny = torch.finfo(dtype).tiny
    special = [0.0, 1.0, -1.0, 1e30, -1e30, 1e-30, tiny / 64, -tiny / 4, -1e-30, tiny, 0.5, -0.0, 3e38, -3e38]
    ordinary = [sign * eighths / 8 for eighths in range(1, 65) for sign in (1, -1)]
    numbers = (special * 10)[:128] + ordinary
    variety = st.sampled_from([len(numbers), len(special), 5, 3])  # the fewer there are the more are equal
    return st.builds(
        lambda digits, variety: _tensors([numbers[digit % variety] for digit in digits], shape, dtype),
        _digits(shape),
        variety,
    )


@cache
def distinct(shape: Shape, dtype: torch.dtype) -> st.SearchStrategy[Tensor]:
    """Numbers that differ in magnitude and that every dtype holds exactly."""

    def numbers(digits: Sequence[int]) -> list[float]:
        ranks = sorted(range(len(digits)), key=digits.__getitem__)
        return [(-1) ** digit * (5 * rank + digit % 4 + 1) / 8 for rank, digit in zip(ranks, digits, strict=True)]

    size = math.prod(shape)
    return _digits(shape).map(
        lambda digits: _tensors([x for part in range(3) for x in numbers(digits[part * size :][:size])], shape, dtype)
    )


# long because a strategy names each part of a case that can be drawn otherwise
@st.composite
def cases(
    draw: st.DrawFn,
    plugin: Plugin,
    *,
    shapes: st.SearchStrategy[Shape] = shapes,
    dtypes: st.SearchStrategy[torch.dtype] = any_dtype,
    tensors: Tensors = awkward,
    amounts: Callable[[int], Sequence[int]] = lambda of: range(of + 1),
    moved: bool = False,
) -> Case:
    """Cases of every density, from one active weight to fully dense, and every number to select, from none to all.

    Layers have what the plugin asks for and may have more; a plugin that observes may have seen earlier steps.
    """
    shape, dtype, seed = draw(shapes), draw(dtypes), draw(seeds)
    active = draw(st.sampled_from(range(1, math.prod(shape) + 1)))
    mask = random_mask(shape, active, torch.Generator().manual_seed(seed))
    weight, grad, other = draw(tensors(shape, dtype))
    present = draw(st.sampled_from(["grad and momentum", "grad", "momentum", ""]))
    observed = draw(st.sampled_from([0, 1, 2, 4])) if observes(plugin) else 0
    layer = Layer(
        name="layer",
        weight=torch.where(mask, weight, 0),
        grad=grad if plugin.requires_grad or "grad" in present else None,
        mask=mask,
        step=draw(st.sampled_from(STEPS)) + max(0, observed - 1),
        generator=torch.Generator().manual_seed(seed),
        momentum=other if "momentum" in present else None,
        hessian_gradient=(lambda _: other) if _reads_hessian(plugin) else None,
        input_norm=norms_from(other) if plugin.requires_input_norms else None,
    )
    candidates = _candidates(layer, seed, draw(_wheres)) if isinstance(plugin, Growth) else None
    case = Case(layer, 0, observed, candidates=candidates, moved=moved and draw(st.booleans()))
    return replace(case, n=draw(st.sampled_from(amounts(int(selectable(plugin, case).sum())))))


def _candidates(layer: Layer, seed: int, where: str) -> Tensor | None:
    """Where a growth may choose: anywhere that is inactive, in some of these places, or also at some active ones."""
    some = torch.rand(layer.mask.shape, generator=torch.Generator().manual_seed(seed + 1)) < 0.5
    return {"anywhere": None, "some": ~layer.mask & some, "active": ~layer.mask | some}[where]


def distinct_cases(plugin: Plugin) -> st.SearchStrategy[Case]:
    """Small float32 cases of moderate numbers that differ, so that most scores differ clearly."""
    return cases(plugin, shapes=small_shapes, dtypes=float32, tensors=distinct)


def any_cases(plugin: Plugin) -> st.SearchStrategy[Case]:
    """Awkward cases, and as many in which most scores differ clearly: only there do positions have to agree."""
    return cases(plugin) | distinct_cases(plugin)


def moving_cases(plugin: Plugin) -> st.SearchStrategy[Case]:
    """Awkward cases in which, for a plugin that observes, other weights may have been active before."""
    return cases(plugin, moved=True)


def stateful_cases(plugin: Plugin) -> st.SearchStrategy[Case]:
    """Moving cases of small layers, of which a network has many."""
    return cases(plugin, moved=True, shapes=small_shapes) if keeps_state(plugin) else cases(plugin)


ordinary_layers = _shapes((1, 10), (3, 4), (2, 3, 2), (2, 3, 1, 2), least=4).flatmap(
    lambda shape: st.tuples(st.just(shape), st.integers(2, math.prod(shape) - 2))
)
"""Shapes and numbers of active weights, with at least two weights active and two inactive."""

degenerate_layers = st.one_of(
    shapes.map(lambda shape: (shape, math.prod(shape))),
    shapes.map(lambda shape: (shape, 1)),
    st.just(((1, 1), 1)),
)
"""Dense layers, layers with one active weight, and layers with one weight."""


_steps: st.SearchStrategy[Step] = st.one_of(
    st.builds(Train, st.sampled_from([1.0, 0.0, 1e-30, 1e6]), st.sampled_from([1, 2, 5])),
    st.builds(Update, fractions),
    st.just(Save()),
    st.just(Load()),
)


def episodes(layers: st.SearchStrategy[tuple[Shape, int]]) -> st.SearchStrategy[Episode]:
    """Trainings of one to three such layers, with steps, updates, saves and loads in any order."""
    start = st.builds(
        Start,
        seed=seeds,
        layers=st.lists(layers, min_size=1, max_size=3).map(tuple),
        weights=st.sampled_from(["normal", "equal", "zero"]),
        step=st.sampled_from([0, 1, 1000, 50_000]),
    )
    steps = st.lists(_steps, max_size=8).map(lambda steps: [*steps, *ENDING])
    return st.builds(Episode, start, steps)


def _reads_hessian(plugin: Plugin) -> bool:
    return isinstance(plugin, Criterion) and plugin.requires_hessian_gradient


def _digits(shape: Shape) -> st.SearchStrategy[bytes]:
    """Numbers below 256, three for each weight: one draw, which is much quicker than one for each."""
    size = 3 * math.prod(shape)
    return st.binary(min_size=size, max_size=size)


def _tensors(numbers: list[float], shape: Shape, dtype: torch.dtype) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64).to(dtype).view(3, *shape)
