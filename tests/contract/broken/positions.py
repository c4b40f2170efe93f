"""Kind 6, equal scores and position: where a weight stands decides, if only a little, seldom, or in some layers."""

import math

import torch
from torch import Tensor

from criteria import Criterion, Layer, lowest
from criteria.pruning.magnitude import Magnitude
from tests.contract.right.selections import rows_of

TIES = {"unbiased_ties"}


def taken(layer: Layer, flat: Tensor) -> Tensor:
    """The positions with these flat indices, bool [*shape]."""
    pruned = torch.zeros(layer.mask.numel(), dtype=torch.bool)
    pruned[flat] = True
    return pruned.view(layer.mask.shape)


def active_scores(criterion: Criterion, layer: Layer) -> tuple[Tensor, Tensor]:
    """Flat indices of the active weights in order, and their scores."""
    active = layer.mask.flatten().nonzero().squeeze(1)
    return active, criterion.score(layer).flatten()[active]


class DrawsOnlyWhereAllAreEqual(Magnitude):
    """Draws where all scores are equal; where only some are, the first of them go."""

    def select(self, layer: Layer, n: int) -> Tensor:
        active, scores = active_scores(self, layer)
        if len(scores) and bool((scores == scores[0]).all()):
            return taken(layer, active[torch.randperm(len(active), generator=layer.generator)[:n]])
        return taken(layer, active[scores.argsort(stable=True)[:n]])


class NaiveShuffle(Magnitude):
    """Shuffles by swapping each with any other, which does not make all orders equally likely."""

    def select(self, layer: Layer, n: int) -> Tensor:
        active, scores = active_scores(self, layer)
        order = list(range(len(active)))
        for here, there in enumerate(
            torch.randint(max(len(order), 1), (len(order),), generator=layer.generator).tolist()
        ):
            order[here], order[there] = order[there], order[here]
        shuffled = torch.tensor(order, dtype=torch.int64)
        return taken(layer, active[shuffled[scores[shuffled].argsort(stable=True)[:n]]])


class RemainderToTheFirstRows(Magnitude):
    """Every row loses its share, rounded down; what is missing is taken from the first rows, one each."""

    def select(self, layer: Layer, n: int) -> Tensor:
        mask, size = rows_of(layer.mask), rows_of(self.score(layer))
        counts = mask.sum(1).tolist()
        shares = [n * count // max(sum(counts), 1) for count in counts]
        row = 0
        while sum(shares) < n:
            shares[row] += shares[row] < counts[row]
            row = (row + 1) % len(shares)
        parts = [lowest(*each, layer.generator) for each in zip(size, mask, shares, strict=True)]
        return torch.stack(parts).reshape(layer.mask.shape)


class IndicesOfTheTranspose(Magnitude):
    """Sorts the transposed layer and marks the indices in the layer as it is."""

    def select(self, layer: Layer, n: int) -> Tensor:
        if layer.weight.dim() != 2:
            return super().select(layer, n)
        turned = lowest(self.score(layer).t(), layer.mask.t(), n, layer.generator)
        return taken(layer, turned.contiguous().flatten().nonzero().squeeze(1))


class SometimesTheFirst(Magnitude):
    """Once in twenty updates the first of the equal ones go, without a draw."""

    def select(self, layer: Layer, n: int) -> Tensor:
        if torch.rand(1, generator=layer.generator, dtype=torch.float32) > 0.05:
            return super().select(layer, n)
        active, scores = active_scores(self, layer)
        return taken(layer, active[scores.argsort(stable=True)[:n]])


class NoiseTooSmall(Magnitude):
    """Adds a little noise against ties, which is lost beside weights above sixteen: there the first go."""

    def select(self, layer: Layer, n: int) -> Tensor:
        active, scores = active_scores(self, layer)
        noise = 1e-6 * torch.rand(scores.shape, generator=layer.generator, dtype=torch.float32)
        return taken(layer, active[(scores.float() + noise).argsort(stable=True)[:n]])


class PrefersTheCentre(Criterion):
    """The centre of a kernel is kept a hundredth longer; kernels with one are 3×3 or larger."""

    def score(self, layer: Layer) -> Tensor:
        size = layer.weight.double().abs()
        if size.dim() != 4 or min(size.shape[2:]) < 3:
            return size
        size = size.clone()
        size[:, :, size.shape[2] // 2, size.shape[3] // 2] *= 1.01
        return size


class ShufflesRowsOnly(Magnitude):
    """Ties are decided by a random order of the rows; within a row the first go first."""

    def select(self, layer: Layer, n: int) -> Tensor:
        rows = rows_of(layer.mask)
        order = torch.randperm(len(rows), generator=layer.generator)
        indices = torch.arange(rows.numel()).view(rows.shape)[order][rows[order]]
        scores = self.score(layer).flatten()[indices]
        return taken(layer, indices[scores.argsort(stable=True)[:n]])


class DrawsOfEightBits(Magnitude):
    """Ties are decided by random bytes, and where the bytes are equal too by position."""

    def select(self, layer: Layer, n: int) -> Tensor:
        active, scores = active_scores(self, layer)
        draws = torch.randint(256, (len(active),), generator=layer.generator, dtype=torch.uint8)
        by_draw = draws.argsort(stable=True)
        return taken(layer, active[by_draw[scores[by_draw].argsort(stable=True)[:n]]])


class BisectsAndTrims(Magnitude):
    """Finds the threshold by bisection, and leaves out the last ones where it lets too many through."""

    def select(self, layer: Layer, n: int) -> Tensor:
        active, scores = active_scores(self, layer)
        if n == 0:
            return torch.zeros_like(layer.mask)
        values = scores.unique()
        low, high = 0, len(values) - 1
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if int((scores <= values[middle]).sum()) >= n else (middle + 1, high)
        below = active[scores < values[high]]
        return taken(layer, torch.cat((below, active[scores == values[high]]))[:n])


class LeansByADraw(Magnitude):
    """Ties are decided by draws that are a few hundredths smaller at the front."""

    def select(self, layer: Layer, n: int) -> Tensor:
        active, scores = active_scores(self, layer)
        draws = torch.rand(len(active), generator=layer.generator, dtype=torch.float64)
        by_draw = (draws + torch.linspace(0, 0.05, len(active), dtype=torch.float64)).argsort(stable=True)
        return taken(layer, active[by_draw[scores[by_draw].argsort(stable=True)[:n]]])


class ColumnsInTheLastRow(Magnitude):
    """Draws ties in each row, but takes those of the last row, which is the rest, in order."""

    def select(self, layer: Layer, n: int) -> Tensor:
        score = self.score(layer)
        if n == 0 or layer.mask.dim() < 2:
            return super().select(layer, n)
        threshold = score[layer.mask].kthvalue(n).values
        pruned, tied = layer.mask & (score < threshold), layer.mask & (score == threshold)
        shuffled = tied.nonzero()
        rows = shuffled[:, 0] < layer.mask.shape[0] - 1
        first = shuffled[rows][torch.randperm(int(rows.sum()), generator=layer.generator)]
        missing, share = n - int(pruned.sum()), math.ceil((n - int(pruned.sum())) * len(first) / len(shuffled))
        chosen = torch.cat((first[:share], shuffled[~rows][: missing - min(share, len(first))]))
        pruned[chosen.unbind(1)] = True
        return pruned


class DeadOnesFirst(Magnitude):
    """Weights that are exactly zero go first, and in order; between all others it draws."""

    def select(self, layer: Layer, n: int) -> Tensor:
        dead = layer.mask & (layer.weight == 0)
        first = dead.nonzero()[:n]
        pruned = torch.zeros_like(layer.mask)
        pruned[first.unbind(1)] = True
        return pruned | lowest(self.score(layer), layer.mask & ~dead, n - len(first), layer.generator)


class OddOnesFirstNowAndThen(Magnitude):
    """Once in six it takes every other one of the equal ones first, instead of a draw."""

    def select(self, layer: Layer, n: int) -> Tensor:
        active, scores = active_scores(self, layer)
        key = torch.rand(len(active), generator=layer.generator, dtype=torch.float64)
        if torch.rand(1, generator=layer.generator, dtype=torch.float64) < 1 / 6:
            key = key + (torch.arange(len(active)) + 1) % 2
        by_key = key.argsort(stable=True)
        return taken(layer, active[by_key[scores[by_key].argsort(stable=True)[:n]]])


class InOrderInTheEnd(Magnitude):
    """After the 20,000th step a quick way: of the equal ones those in front."""

    def select(self, layer: Layer, n: int) -> Tensor:
        if layer.step < 20_000:
            return super().select(layer, n)
        active, scores = active_scores(self, layer)
        return taken(layer, active[scores.argsort(stable=True)[:n]])


class InOrderInHalfPrecision(Magnitude):
    """A kernel was missing for bfloat16 once, so there is another way for it: a stable sort, without a draw."""

    def select(self, layer: Layer, n: int) -> Tensor:
        if layer.weight.dtype != torch.bfloat16:
            return super().select(layer, n)
        active, scores = active_scores(self, layer)
        return taken(layer, active[scores.argsort(stable=True)[:n]])


class BestOfEachBlock(Magnitude):
    """Finds the n lowest of each block of 4096, and then of these: of equal ones, short blocks lose more."""

    def select(self, layer: Layer, n: int) -> Tensor:
        parts = zip(self.score(layer).flatten().split(4096), layer.mask.flatten().split(4096), strict=True)
        left = [lowest(part, where, min(n, int(where.sum())), layer.generator) for part, where in parts]
        return lowest(self.score(layer), torch.cat(left).view(layer.mask.shape), n, layer.generator)


class RandomStart(Magnitude):
    """Of the equal ones it takes those from a random place on, around the end: neighbours go together."""

    def select(self, layer: Layer, n: int) -> Tensor:
        active, scores = active_scores(self, layer)
        start = int(torch.randint(max(len(active), 1), (), generator=layer.generator))
        return taken(layer, active.roll(start)[scores.roll(start).argsort(stable=True)[:n]])


class InMemoryOrder(Magnitude):
    """Takes the weights of a convolution as they are in memory, where its channels may be last, but not its mask."""

    def select(self, layer: Layer, n: int) -> Tensor:
        weight = layer.weight
        if weight.dim() == 4 and weight.is_contiguous(memory_format=torch.channels_last):
            weight = weight.permute(0, 2, 3, 1)
        where = layer.mask.reshape(-1)
        return lowest(weight.abs().reshape(-1), where, n, layer.generator).view(layer.mask.shape)


EXPECT: dict[type, set[str]] = {
    DrawsOnlyWhereAllAreEqual: TIES,
    NaiveShuffle: TIES,
    RemainderToTheFirstRows: {*TIES, "permutation_equivariant"},
    IndicesOfTheTranspose: {"active_only", "permutation_equivariant"},
    SometimesTheFirst: TIES,
    NoiseTooSmall: TIES,
    PrefersTheCentre: {*TIES, "permutation_equivariant"},
    ShufflesRowsOnly: TIES,
    DrawsOfEightBits: TIES,
    BisectsAndTrims: TIES,
    LeansByADraw: TIES,
    ColumnsInTheLastRow: TIES,
    DeadOnesFirst: TIES,
    OddOnesFirstNowAndThen: TIES,
    InOrderInTheEnd: TIES,
    InOrderInHalfPrecision: TIES,
    BestOfEachBlock: TIES,
    RandomStart: TIES,
    InMemoryOrder: {"deterministic", "permutation_equivariant"},
}
