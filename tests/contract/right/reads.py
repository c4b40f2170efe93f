"""Criteria that read more than the weight at each position, and only what they may."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
from torch import Tensor

from criteria import Criterion, Layer, gradient, input_norm
from criteria.pruning.magnitude import Magnitude


class NormOfTheUnit(Criterion):
    """Takes the norm of each input unit of a linear layer from the first output: all weights of the unit have it."""

    requires_input_norms: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        norm = input_norm(layer)
        return layer.weight.double().abs() * (norm[:1] if norm.dim() == 2 else norm).double()


class WithMomentum(Criterion):
    """|θ| + |m|, or |θ| before the first optimizer step: momentum may be missing, and is read at active positions."""

    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs() if layer.momentum is None else layer.weight.abs() + layer.momentum.abs()


class BesideActiveMomentum(Criterion):
    """|θ| plus the momentum beside the largest active one; what inactive positions have is masked first."""

    def score(self, layer: Layer) -> Tensor:
        if layer.momentum is None:
            return layer.weight.abs().double()
        momentum = layer.momentum.double().abs() * layer.mask
        return layer.weight.double().abs() + momentum / momentum.amax().clamp(min=1e-300)


@dataclass
class TwoTemperatures(Criterion):
    """|θ·(Hg)| at two temperatures: the declared Hessian-gradient product may be asked for as often as one likes."""

    warm: float = 200.0
    cold: float = 1.0
    requires_grad: ClassVar[bool] = True
    requires_hessian_gradient: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        assert layer.hessian_gradient is not None
        products = [layer.hessian_gradient(each).double() for each in (self.warm, self.cold)]
        return sum((layer.weight.double() * each).abs() for each in products)  # type: ignore[return-value]


class LargestOfItsKernel(Criterion):
    """All weights of a kernel share its largest active magnitude; in layers without kernels each has its own."""

    def score(self, layer: Layer) -> Tensor:
        size = layer.weight.abs() * layer.mask
        return size.amax((2, 3), keepdim=True).expand_as(size) if size.dim() == 4 else size


@lru_cache(maxsize=64)
def _spread(fan_in: int) -> float:
    return math.sqrt(1 / max(fan_in, 1))


class BesideItsInitialisation(Criterion):
    """|θ| / √(1/fan-in): what is remembered between calls is a pure function of the shape, so nothing depends on it."""

    def score(self, layer: Layer) -> Tensor:
        return layer.weight.double().abs() / _spread(math.prod(layer.weight.shape[1:]))


class _Weighted:
    """A mixin: the score of the class beside it, times a class constant."""

    factor: ClassVar[float] = 1.0

    def score(self, layer: Layer) -> Tensor:
        return self.factor * super().score(layer)  # type: ignore[misc, no-any-return]


class Inherited(_Weighted, Magnitude):
    """Three classes deep, with score() in a mixin and select() in the base class: the answer is |θ|·½."""

    factor: ClassVar[float] = 0.5


class BesideItsUnit(Criterion):
    """|θ| over the mean of its output unit, which is a row of a weight that has at least two dimensions."""

    def score(self, layer: Layer) -> Tensor:
        rows = layer.weight.double().abs().flatten(1)
        mean = rows.sum(dim=1, keepdim=True) / layer.mask.flatten(1).sum(dim=1, keepdim=True).clamp(min=1)
        return (rows / mean.clamp(min=1e-300)).view(layer.weight.shape)


class ByAutograd(Criterion):
    """∂/∂θ Σθ²/2 by autograd, on a copy of the weights: neither the weights nor the grad mode are touched."""

    def score(self, layer: Layer) -> Tensor:
        with torch.enable_grad():
            weight = layer.weight.detach().double().clone().requires_grad_()
            (slope,) = torch.autograd.grad((weight.square() / 2).sum(), weight)
        return slope.abs()


class ByAutogradInAnyMode(Criterion):
    """|θ · ∂/∂θ Σ log(1 + θ²)| by autograd on a copy, for which inference mode is left where it is asked in that."""

    def score(self, layer: Layer) -> Tensor:
        with torch.inference_mode(False), torch.enable_grad():
            weight = layer.weight.detach().double().clamp(-1e6, 1e6).clone().requires_grad_()
            (slope,) = torch.autograd.grad(weight.square().log1p().sum(), weight)
        return (weight.detach() * slope).abs()


class WithAParameter(Criterion):
    """Holds a ``torch.nn.Parameter``: where gradients are recorded, its scores are part of a graph."""

    def __init__(self) -> None:
        self.scale = torch.nn.Parameter(torch.full((), 2.0, dtype=torch.float64))

    def score(self, layer: Layer) -> Tensor:
        return layer.weight.double().abs() * self.scale.to(layer.weight.device)


class ScaledByItsStep(Criterion):
    """λ falls with the step, which every layer carries: the same step gives the same λ, at any step that comes."""

    requires_grad: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        lambda_ = 1 / math.sqrt(1 + max(layer.step, 0))
        return layer.weight.double().abs() + lambda_ * gradient(layer).double().abs()


RIGHT = (
    *(WithMomentum, BesideActiveMomentum, TwoTemperatures, LargestOfItsKernel, BesideItsInitialisation),
    *(Inherited, ByAutograd, ByAutogradInAnyMode, WithAParameter, ScaledByItsStep, NormOfTheUnit),
    BesideItsUnit,
)
