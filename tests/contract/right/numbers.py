"""Scores of unusual numbers: infinite ones, integers, bytes, and a range that only float64 has."""

from typing import ClassVar

import torch
from torch import Tensor

from criteria import Criterion, Layer, gradient


class LogSaliency(Criterion):
    """log|θ·g|, which is −∞ where either is zero: a number like others, and equal ones are drawn as always."""

    requires_grad: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        return (layer.weight.double() * gradient(layer).double()).abs().log()


class InverseGradient(Criterion):
    """1/|g|, which is +∞ where the gradient is zero: such weights are kept longest, never NaN."""

    requires_grad: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        return gradient(layer).abs().double().reciprocal()


class LogRatio(Criterion):
    """log|θ| − log|g|: −∞, +∞, and 0 where both are zero, which would be −∞ + ∞ otherwise."""

    requires_grad: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        weight, grad = layer.weight.double().abs(), gradient(layer).double().abs()
        return torch.where((weight == 0) & (grad == 0), 0, weight.log() - grad.log())


class NegativeReciprocal(Criterion):
    """−1/|θ|: all scores are negative, and −∞ where a weight is zero; the order is that of the magnitudes."""

    def score(self, layer: Layer) -> Tensor:
        return -layer.weight.abs().double().reciprocal()


class BitsOfFloat32(Criterion):
    """The bits of the magnitudes in float32 as int32, which are ordered as the magnitudes are, in every dtype."""

    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs().to(torch.float32, memory_format=torch.contiguous_format).view(torch.int32)


class Octaves(Criterion):
    """The octave of the magnitude as a byte (uint8): few different scores, so that most weights are equal."""

    def score(self, layer: Layer) -> Tensor:
        return (layer.weight.double().abs().log2().floor() + 128).clamp(0, 255).to(torch.uint8)


class Signs(Criterion):
    """The sign as int8: negative weights go first, and which of them is drawn."""

    def score(self, layer: Layer) -> Tensor:
        return layer.weight.sign().to(torch.int8)


class HugeRange(Criterion):
    """|θ|⁸ in float64, from 10⁻²⁴⁰ to 10²⁴⁰ for weights that training knows: float32 would have zeros and ∞ there."""

    def score(self, layer: Layer) -> Tensor:
        return layer.weight.double().abs().pow(8)


class ConstantScore(Criterion):
    """The same score for every weight, as one number expanded to the shape: the generator decides everything."""

    def score(self, layer: Layer) -> Tensor:
        return torch.zeros((), device=layer.weight.device).expand(layer.weight.shape)


class ExpandedUnits(Criterion):
    """One score for each output unit, the largest of its active weights, expanded: its memory is shared by the row.

    The largest of float64 copies is exact, so that neither threads nor the order in memory matter.
    """

    def score(self, layer: Layer) -> Tensor:
        size = layer.weight.double().abs() * layer.mask
        return size.amax(tuple(range(1, size.dim())), keepdim=True).expand_as(size) if size.dim() > 1 else size


RIGHT = (
    *(LogSaliency, InverseGradient, LogRatio, NegativeReciprocal, BitsOfFloat32, Octaves, Signs, HugeRange),
    *(ConstantScore, ExpandedUnits),
)
