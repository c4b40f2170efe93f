"""Layers for property tests: any shape, density and finite values, with everything a criterion may ask for."""

import numpy as np
import torch
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import Tensor

from criteria import Layer

unhurried = settings(deadline=None)
"""The machine may be busy: no example fails for being slow."""

seeds = st.integers(0, 2**32 - 1)
prune_fractions = st.sampled_from([0.0, 1e-3, 0.3, 0.5, 1.0]) | st.floats(0, 1)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def tensors(shape: tuple[int, ...], dtype: torch.dtype) -> st.SearchStrategy[Tensor]:
    """Finite values of ``dtype`` up to its extremes, with many zeros and ties."""
    limits = torch.finfo(dtype)
    common = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 1e-30, 1e30, limits.max, limits.min, limits.tiny])
    any_finite = st.floats(limits.min, limits.max, allow_nan=False)
    arrays = hnp.arrays(np.float64, shape, elements=common | any_finite)
    return arrays.map(lambda array: torch.from_numpy(array).clamp(limits.min, limits.max).to(dtype))


@st.composite
def layers(draw: st.DrawFn, name: str = "fc1", dtype: torch.dtype = torch.float32) -> Layer:
    """A layer of one to four dimensions, from one active weight to fully dense."""
    shape = draw(hnp.array_shapes(max_dims=4, max_side=5))
    mask = torch.from_numpy(draw(hnp.arrays(bool, shape)))
    mask.view(-1)[draw(st.integers(0, mask.numel() - 1))] = True
    product = draw(tensors(shape, dtype))
    return Layer(
        name=name,
        weight=draw(tensors(shape, dtype)) * mask,
        grad=draw(tensors(shape, dtype)),
        mask=mask,
        generator=seeded(draw(seeds)),
        momentum=draw(st.none() | tensors(shape, dtype)),
        hessian_gradient=lambda _: product,
        input_norm=product.abs(),
    )


def networks() -> st.SearchStrategy[list[Layer]]:
    """One to four layers."""
    return st.integers(1, 4).flatmap(lambda count: st.tuples(*(layers(f"fc{i}") for i in range(count))).map(list))
