"""Kind 5, size, time and shape: right in small layers and soon, wrong in large ones, late, or in odd shapes."""

import math
from typing import Any, ClassVar

import torch
from torch import Tensor

from criteria import Criterion, Layer, gradient, lowest
from criteria.pruning.magnitude import Magnitude
from tests.contract.right.averages import magnitude
from tests.contract.right.selections import rows_of

NUMBER = {"exact_count", "density_preserved"}


class SharesOfBlocks(Magnitude):
    """Goes through large layers in blocks of 4096 weights, each of which loses its share, rounded."""

    def select(self, layer: Layer, n: int) -> Tensor:
        active = int(layer.mask.sum())
        scores, masks = (each.flatten().split(4096) for each in (self.score(layer), layer.mask))
        if len(masks) == 1:
            return super().select(layer, n)
        counts = [int(mask.sum()) for mask in masks]
        shares = [min(count, round(n * count / max(active, 1))) for count in counts]
        parts = [lowest(*each, layer.generator) for each in zip(scores, masks, shares, strict=True)]
        return torch.cat(parts).view(layer.mask.shape)


class CountsInSixteenBits(Magnitude):
    """Keeps the largest, whose number is a difference of 16-bit counts: beyond 32767 active weights it is wrong."""

    def select(self, layer: Layer, n: int) -> Tensor:
        kept = int(layer.mask.sum(dtype=torch.int16)) - n
        if not 0 <= kept <= int(layer.mask.sum()):
            kept = 0
        return layer.mask & ~lowest(-self.score(layer), layer.mask, kept, layer.generator)


class ThresholdOfASample(Magnitude):
    """The threshold of layers above ten thousand weights is that of a sample (as DGC does): about n are pruned."""

    def select(self, layer: Layer, n: int) -> Tensor:
        active = int(layer.mask.sum())
        if active <= 10_000 or not 0 < n < active:
            return super().select(layer, n)
        score = self.score(layer)
        sample = score[layer.mask][torch.randint(active, (1000,), generator=layer.generator)]
        return layer.mask & (score <= sample.kthvalue(max(1, round(1000 * n / active))).values)


class InPlaceWhenLarge(Criterion):
    """Saves memory in layers of more than half a million weights: their absolute values are taken in place."""

    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs_() if layer.weight.numel() > 500_000 else layer.weight.abs()


class CountsInEightBits(Criterion):
    """The variance of a magnitude over time, whose number of steps is a byte: after 256 of them it is ∞ − ∞."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.steps: dict[str, Tensor] = {}

    def observe(self, layer: Layer) -> None:
        powers = torch.stack((magnitude(layer), magnitude(layer).square()))
        self.sums[layer.name] = self.sums.get(layer.name, torch.zeros_like(powers)) + powers
        self.steps[layer.name] = self.steps.get(layer.name, torch.zeros((), dtype=torch.uint8)) + 1

    def score(self, layer: Layer) -> Tensor:
        if layer.name not in self.sums:
            return layer.weight.double().abs()
        mean, square = self.sums[layer.name] / self.steps[layer.name]
        return square - mean.square()

    def state_dict(self) -> dict[str, Any]:
        return {"sums": dict(self.sums), "steps": dict(self.steps)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.sums, self.steps = dict(state["sums"]), dict(state["steps"])


class SoftScore(Criterion):
    """2|θ| / (1 + 2|θ|): for weights above half of the largest number it is ∞/∞."""

    def score(self, layer: Layer) -> Tensor:
        double = 2 * layer.weight.abs()
        return double / (1 + double)


class ScheduleRunsOut(Criterion):
    """λ from a schedule with an entry for each of the first thousand steps."""

    requires_grad: ClassVar[bool] = True
    schedule: ClassVar[tuple[float, ...]] = tuple(0.5 * (1 + math.cos(math.pi * step / 1000)) for step in range(1001))

    def score(self, layer: Layer) -> Tensor:
        return layer.weight.double().abs() + self.schedule[layer.step] * gradient(layer).double().abs()


class EpsilonOfFloat64(Criterion):
    """|g| / (|θ| + 10⁻⁵⁰): in float32 ε is zero, and zero beside zero is NaN."""

    requires_grad: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        return gradient(layer).abs() / (layer.weight.abs() + 1e-50)


class RanksInTheLayersDtype(Criterion):
    """A random window of the active weights, numbered in the layer's dtype: bfloat16 counts to 256."""

    def select(self, layer: Layer, n: int) -> Tensor:
        active = int(layer.mask.sum())
        offset = int(torch.randint(max(active, 1), (), generator=layer.generator))
        order = layer.mask.flatten().to(layer.weight.dtype).cumsum(0, dtype=layer.weight.dtype) - 1
        number = torch.where(order >= offset, order - offset, order - offset + active)
        return (number < n).view(layer.mask.shape) & layer.mask


class TopKWhenFew(Magnitude):
    """Where less than a fiftieth is pruned topk is quicker: which of equal scores it takes depends on positions."""

    def select(self, layer: Layer, n: int) -> Tensor:
        if n * 50 > int(layer.mask.sum()):
            return super().select(layer, n)
        score = torch.where(layer.mask, self.score(layer), torch.inf).flatten()
        pruned = torch.zeros_like(layer.mask).flatten()
        pruned[score.topk(n, largest=False).indices] = True
        return pruned.view(layer.mask.shape)


class SideOfTheKernel(Criterion):
    """Weights beside the mean of their place in the kernel, for square kernels; in others some are left out."""

    def score(self, layer: Layer) -> Tensor:
        size = layer.weight.double().abs() * layer.mask
        if size.dim() != 4:
            return size
        score, side = torch.zeros_like(size), math.isqrt(size.shape[2] * size.shape[3])
        for row in range(min(side, size.shape[2])):
            for column in range(min(side, size.shape[3])):
                place = size[:, :, row, column]
                score[:, :, row, column] = place / place.amax().clamp(min=1e-300)
        return score


class OverflowsLate(Criterion):
    """The mean magnitude by a sum that is never divided until it is read, in float16: after many steps it is ∞ − ∞."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}

    def observe(self, layer: Layer) -> None:
        size = magnitude(layer).clamp(max=100).half()
        self.sums[layer.name] = self.sums.get(layer.name, torch.zeros_like(size)) + size

    def score(self, layer: Layer) -> Tensor:
        sums = self.sums.get(layer.name)
        return layer.weight.double().abs() if sums is None else (sums - sums[layer.mask].min()).double()

    def state_dict(self) -> dict[str, Any]:
        return dict(self.sums)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.sums = dict(state)


class SpreadByMoments(Criterion):
    """In units of the spread √(E[θ²] − E[θ]²), where rounding takes the root of a negative number."""

    def score(self, layer: Layer) -> Tensor:
        active = layer.weight[layer.mask].clamp(-1e15, 1e15)
        spread = (active.square().mean() - active.mean().square()).sqrt()
        return layer.weight.abs() / (spread + 1e-3)


class PositionsAsFloats(Magnitude):
    """Keeps positions beside the scores in float32, which holds no odd number above 2²⁴."""

    def select(self, layer: Layer, n: int) -> Tensor:
        active = layer.mask.flatten().nonzero().squeeze(1)
        active = active[torch.randperm(len(active), generator=layer.generator)]
        table = torch.stack((self.score(layer).flatten()[active].float(), active.float()))
        first = table[:, table[0].argsort(stable=True)[:n]]
        pruned = torch.zeros(layer.mask.numel(), dtype=torch.bool)
        pruned[first[1].long()] = True
        return pruned.view(layer.mask.shape)


class BufferOfAThousandColumns(Criterion):
    """The gradient counts in the first 1024 columns only: more inputs did not fit into a buffer."""

    requires_grad: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        score = layer.weight.double().abs().flatten(min(1, layer.weight.dim() - 1)).clone()
        score[..., :1024] += 0.37 * gradient(layer).double().abs().reshape(score.shape)[..., :1024]
        return score.view(layer.weight.shape)


class RecursesAtEqualOnes(Magnitude):
    """A quickselect that leaves one of the equal ones behind at each level: with many of them it is too deep."""

    def _lowest(self, scores: Tensor, n: int) -> Tensor:
        chosen = scores < scores[:1]
        chosen[:1] = True
        count = int(chosen.sum())
        if 0 < n < count:
            chosen[0] = False
            chosen[chosen.clone()] = self._lowest(scores[chosen], n)
        elif n > count:
            chosen[~chosen] = self._lowest(scores[~chosen], n - count)
        return chosen if n else torch.zeros_like(chosen)

    def select(self, layer: Layer, n: int) -> Tensor:
        active = layer.mask.flatten().nonzero().squeeze(1)
        active = active[torch.randperm(len(active), generator=layer.generator)]
        pruned = torch.zeros(layer.mask.numel(), dtype=torch.bool)
        pruned[active[self._lowest(self.score(layer).flatten()[active], n)]] = True
        return pruned.view(layer.mask.shape)


class DropsTheLastBlock(Criterion):
    """In layers of 64K weights and more it goes in blocks of 64, and the last, not full, counts a thousandth."""

    def score(self, layer: Layer) -> Tensor:
        size = layer.weight.double().abs().flatten()
        whole = len(size) // 64 * 64 if len(size) >= 2**16 else len(size)
        return torch.cat((size[:whole], size[whole:] / 1000)).view(layer.weight.shape)


class SharesOfMillions(Magnitude):
    """In layers of half a million weights and more each quarter of the rows loses its share, to need less memory."""

    def select(self, layer: Layer, n: int) -> Tensor:
        if layer.mask.numel() < 500_000:
            return super().select(layer, n)
        pruned, left = torch.zeros_like(layer.mask), int(layer.mask.sum())
        for rows in torch.arange(len(layer.mask)).chunk(4):
            part = slice(int(rows[0]), int(rows[-1]) + 1)
            has = int(layer.mask[part].sum())
            share = n * has // max(left, 1)
            pruned[part] = lowest(self.score(layer)[part], layer.mask[part], share, layer.generator)
            n, left = n - share, left - has
        return pruned


class CountsInHalf(Criterion):
    """|θ| times the number of its unit's weights in float16, which is ∞ above 65,504: a weight of 0 gives NaN."""

    def score(self, layer: Layer) -> Tensor:
        weights = rows_of(layer.weight.double().abs())
        return (weights * rows_of(layer.mask).half().sum(1)[:, None].double()).view(layer.weight.shape)


EXPECT: dict[type, set[str]] = {
    SharesOfBlocks: NUMBER,
    CountsInSixteenBits: NUMBER,
    RecursesAtEqualOnes: NUMBER,
    SharesOfMillions: {"permutation_equivariant"},
    ThresholdOfASample: NUMBER,
    InPlaceWhenLarge: {"pure"},
    CountsInEightBits: {"no_nan", "density_preserved"},
    SoftScore: {"no_nan"},
    ScheduleRunsOut: {"score_shape"},
    EpsilonOfFloat64: {"no_nan"},
    RanksInTheLayersDtype: {*NUMBER, "dtype_stable"},
    TopKWhenFew: {"unbiased_ties"},
    SideOfTheKernel: {"permutation_equivariant", "unbiased_ties"},
    SpreadByMoments: {"no_nan"},
    PositionsAsFloats: {*NUMBER, "active_only"},
    DropsTheLastBlock: {"permutation_equivariant", "unbiased_ties"},
    BufferOfAThousandColumns: {"permutation_equivariant"},
    OverflowsLate: {"no_nan", "density_preserved"},
    CountsInHalf: {"no_nan", *NUMBER},
}
