"""Kind 5, size, time and shape: right in small layers, wrong in large ones, where it is called late, or odd ones."""

import math
from typing import ClassVar

import torch
from torch import Tensor

from criteria import Criterion, Layer, gradient, lowest
from criteria.pruning.magnitude import Magnitude
from tests.contract.broken.counts import NUMBER
from tests.contract.right.averages import LARGEST


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


class ShardByShard(Magnitude):
    """Shards of 65,536 weights, as FSDP has them in memory, each of which loses its share of what is left to prune."""

    def select(self, layer: Layer, n: int) -> Tensor:
        left, active, parts = n, int(layer.mask.sum()), []
        scores, masks = (each.flatten().split(65_536) for each in (self.score(layer), layer.mask))
        for score, mask in zip(scores, masks, strict=True):
            here = int(mask.sum())
            share = round(left * here / max(active, 1))
            parts.append(lowest(score, mask, share, layer.generator))
            left, active = left - share, active - here
        return torch.cat(parts).view(layer.mask.shape)


class SumsOfSquareLayers(Criterion):
    """|θ| beside the sum of its row, which in a square layer is put along the other side."""

    def score(self, layer: Layer) -> Tensor:
        size = layer.weight.double().abs().clamp(max=LARGEST)
        total = (size * layer.mask).flatten(1).sort(1).values.sum(1).clamp(min=1e-300)
        square = size.dim() == 2 and size.shape[0] == size.shape[1]
        return size / (total if square else total.view(-1, *[1] * (size.dim() - 1)))


EXPECT: dict[type, set[str]] = {
    SharesOfBlocks: NUMBER,
    RecursesAtEqualOnes: NUMBER,
    SharesOfMillions: {"permutation_equivariant"},
    ThresholdOfASample: NUMBER,
    InPlaceWhenLarge: {"pure"},
    TopKWhenFew: {"unbiased_ties"},
    SideOfTheKernel: {"permutation_equivariant", "unbiased_ties"},
    DropsTheLastBlock: {"permutation_equivariant", "unbiased_ties"},
    BufferOfAThousandColumns: {"permutation_equivariant"},
    ShardByShard: {"permutation_equivariant"},
    SumsOfSquareLayers: {"permutation_equivariant"},
}
