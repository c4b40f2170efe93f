"""Right but unusual growths; a growth keeps nothing between calls, because no checkpoint has it."""

import heapq
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from criteria import Growth, Layer, gradient, lowest
from criteria.growth.gradient import GradientGrowth
from tests.contract.right.selections import rows_of


class EmptiestRows(Growth):
    """Grows where a row has fewest active weights (constant fan-in; SRigL); equal rows and equal gradients are drawn.

    How full a row is is a reason to prefer it: positions that nothing tells apart are equally likely.
    """

    requires_grad: ClassVar[bool] = True

    def select(self, layer: Layer, n: int, candidates: Tensor) -> Tensor:
        free, size = rows_of(candidates), rows_of(gradient(layer).double().abs())
        counts, room = rows_of(layer.mask).sum(1).tolist(), free.sum(1).tolist()
        draws = iter(torch.rand(n + len(room), generator=layer.generator, dtype=torch.float64).tolist())
        emptiest = [(count, next(draws), row) for row, count in enumerate(counts) if room[row]]
        heapq.heapify(emptiest)
        share = [0] * len(room)
        for _ in range(n):
            count, _draw, row = heapq.heappop(emptiest)
            share[row] += 1
            if share[row] < room[row]:
                heapq.heappush(emptiest, (count + 1, next(draws), row))
        parts = [lowest(-size[row], free[row], share[row], layer.generator) for row in range(len(room))]
        return torch.stack(parts).reshape(candidates.shape)


class ByDegree(Growth):
    """Random, and likelier in rows that have many active weights (preferential attachment): a reason, not a lean.

    Log-chances with Gumbel noise from the generator; every row has a chance, so that any number can be grown.
    """

    def score(self, layer: Layer) -> Tensor:
        degree = rows_of(layer.mask).sum(1, keepdim=True).double() + 1
        noise = -(-layer.uniform().double().log()).log()
        return (degree.log() + rows_of(noise)).reshape(layer.mask.shape)


class InProportion(Growth):
    """Grows at random, with chances in proportion to |g| (an exponential race); where it is zero, only in the end."""

    requires_grad: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        return gradient(layer).double().abs().log() - (-layer.uniform().double().log()).log()


@dataclass
class EpsilonGreedy(Growth):
    """A share of what is grown is random, the rest has the largest gradients; a selection of its own."""

    epsilon: float = 0.3
    requires_grad: ClassVar[bool] = True

    def select(self, layer: Layer, n: int, candidates: Tensor) -> Tensor:
        explored = round(self.epsilon * n)
        best = lowest(-gradient(layer).abs(), candidates, n - explored, layer.generator)
        return best | lowest(layer.uniform(), candidates & ~best, explored, layer.generator)


class MomentumAndGradient(Growth):
    """|m| + |g|, both declared; before the first optimizer step, where momentum is missing, |g|."""

    requires_grad: ClassVar[bool] = True
    requires_momentum: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        size = gradient(layer).abs()
        return size if layer.momentum is None else size + layer.momentum.abs()


class FromACopyOfTheGenerator(Growth):
    """Uniform, by draws from a clone of the generator."""

    def score(self, layer: Layer) -> Tensor:
        generator = layer.generator.clone_state()
        return torch.rand(layer.weight.shape, generator=generator, dtype=torch.float32).to(layer.weight.device)


class OctavesOfTheGradient(Growth):
    """The octave of |g| as int16: few different scores, of which equal ones are drawn."""

    requires_grad: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        return gradient(layer).double().abs().log2().floor().clamp(-2000, 2000).to(torch.int16)


class InfiniteWhereFlat(Growth):
    """−∞ where the gradient is zero and +∞ where it overflows: both are ordered like other numbers."""

    requires_grad: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        return (gradient(layer).float().abs() * 1e30).log()


class InInferenceMode(GradientGrowth):
    """Scores in inference mode, transposed in memory."""

    @torch.inference_mode()
    def score(self, layer: Layer) -> Tensor:
        return super().score(layer).transpose(0, -1).contiguous().transpose(0, -1)


RIGHT = (
    *(EmptiestRows, ByDegree, InProportion, EpsilonGreedy, MomentumAndGradient, FromACopyOfTheGenerator),
    *(OctavesOfTheGradient, InfiniteWhereFlat, InInferenceMode),
)
