"""Unusual selections: by rows, by a sort, from a copy of the generator, in another order in memory."""

import heapq
import random
import zlib
from dataclasses import dataclass

import torch
from torch import Tensor

from criteria import Criterion, Layer, lowest
from criteria.pruning.magnitude import Magnitude


def rows_of(tensor: Tensor) -> Tensor:
    """The tensor as one row for each output unit; a vector is one row."""
    return tensor.flatten(1) if tensor.dim() > 1 else tensor[None]


class ConstantFanIn(Criterion):
    """Each weight is taken from the row that has most left (constant fan-in; SRigL, Lasby et al., 2024).

    Rows that are equally full are drawn; within a row the smallest magnitudes go, and equal ones are drawn. So two
    positions that nothing tells apart are equally likely; a fuller row is a reason to prefer it.
    """

    def select(self, layer: Layer, n: int) -> Tensor:
        mask, size = rows_of(layer.mask), rows_of(layer.weight.abs())
        draws = iter(torch.rand(n + len(mask), generator=layer.generator, dtype=torch.float64).tolist())
        fullest = [(-count, next(draws), row) for row, count in enumerate(mask.sum(1).tolist())]
        heapq.heapify(fullest)
        lost = [0] * len(mask)
        for _ in range(n):
            count, _draw, row = fullest[0]
            lost[row] += 1
            heapq.heapreplace(fullest, (count + 1, next(draws), row))
        parts = [lowest(size[row], mask[row], lost[row], layer.generator) for row in range(len(mask))]
        return torch.stack(parts).reshape(layer.mask.shape)


class WholeRows(Criterion):
    """Output units die one after the other: the row with the smallest largest weight goes first, as far as n reaches.

    Rows that are equal in that are drawn, and so are the weights of the row that is only partly taken: positions that
    nothing tells apart are equally likely.
    """

    def select(self, layer: Layer, n: int) -> Tensor:
        mask, size = rows_of(layer.mask), rows_of(layer.weight.abs() * layer.mask)
        draws = torch.rand(len(mask), generator=layer.generator, dtype=torch.float64).tolist()
        order = sorted(range(len(mask)), key=lambda row: (float(size[row].max()), draws[row]))
        pruned = torch.zeros_like(mask)
        for row in order:
            share = min(n, int(mask[row].sum()))
            pruned[row] = lowest(torch.zeros_like(size[row]), mask[row], share, layer.generator)
            n -= share
        return pruned.reshape(layer.mask.shape)


class WholeKernels(Criterion):
    """Whole kernels in an order that is drawn, the last one in part, by draws; single weights where there are none."""

    def select(self, layer: Layer, n: int) -> Tensor:
        kernels = layer.mask.flatten(2).flatten(0, 1) if layer.mask.dim() > 2 else layer.mask.reshape(-1, 1)
        order = torch.randperm(len(kernels), generator=layer.generator)[:, None]
        draws = torch.rand(kernels.shape, generator=layer.generator, dtype=torch.float64)
        key = (2 * order + draws).view(layer.mask.shape).to(layer.mask.device)
        return lowest(key, layer.mask, n, layer.generator)


class RowShares(Criterion):
    """Every row loses in proportion to what it has; which rows round up is drawn, each with its chance.

    Systematic sampling of the rounding: the expected loss of a row is its exact share, so no position is preferred.
    """

    def select(self, layer: Layer, n: int) -> Tensor:
        mask, size = rows_of(layer.mask), rows_of(layer.weight.abs())
        order = torch.randperm(len(mask), generator=layer.generator)
        counts, active = mask.sum(1).cpu()[order], int(mask.sum())
        # in whole numbers, so that the shares add up to n whatever is drawn
        offset = int(torch.randint(max(active, 1), (), generator=layer.generator))
        upto = (counts.cumsum(0) * n + offset) // max(active, 1)
        shares = torch.empty_like(upto)
        shares[order] = upto.diff(prepend=torch.zeros(1, dtype=upto.dtype))
        parts = [lowest(size[row], mask[row], int(share), layer.generator) for row, share in enumerate(shares)]
        return torch.stack(parts).reshape(layer.mask.shape)


class SortsAShuffledCopy(Criterion):
    """Sorts all of the layer: shuffled first, so that the order among equals, which a stable sort keeps, is drawn."""

    def select(self, layer: Layer, n: int) -> Tensor:
        active = layer.mask.flatten().nonzero().squeeze(1)
        shuffled = active[torch.randperm(len(active), generator=layer.generator).to(active.device)]
        order = layer.weight.abs().flatten()[shuffled].argsort(stable=True)
        pruned = torch.zeros(layer.mask.numel(), dtype=torch.bool, device=layer.mask.device)
        pruned[shuffled[order[:n]]] = True
        return pruned.view(layer.mask.shape)


class DrawsFromACopy(Criterion):
    """Random scores from a clone of the generator: that of the layer stays as it was, and the next state differs."""

    def score(self, layer: Layer) -> Tensor:
        generator = layer.generator.clone_state()
        return torch.rand(layer.weight.shape, generator=generator, dtype=torch.float32).to(layer.weight.device)


class TiesFromACopy(Magnitude):
    """Equal magnitudes are decided by a clone of the layer's generator."""

    def select(self, layer: Layer, n: int) -> Tensor:
        return lowest(self.score(layer), layer.mask, n, layer.generator.clone_state())


class SeededByADraw(Criterion):
    """NumPy's own generator, seeded by a draw from the layer's: all randomness comes from there."""

    def score(self, layer: Layer) -> Tensor:
        import numpy as np

        seed = int(torch.randint(2**62, (), generator=layer.generator, dtype=torch.int64))
        draws = np.random.default_rng(seed).random(tuple(layer.weight.shape))
        return torch.from_numpy(draws).to(layer.weight.device)


class FoldsInTheName(Magnitude):
    """Ties by its own generator, seeded by a draw, the layer's name and the step, which come with the layer."""

    def select(self, layer: Layer, n: int) -> Tensor:
        draw = int(torch.randint(2**31, (), generator=layer.generator, device=layer.generator.device))
        own = torch.Generator().manual_seed(draw ^ zlib.crc32(f"{layer.name} {layer.step}".encode()))
        return lowest(self.score(layer), layer.mask, n, own)


class Gumbel(Criterion):
    """Prunes at random, small weights more likely: log|θ| with Gumbel noise from the generator; −∞ where it is zero."""

    def score(self, layer: Layer) -> Tensor:
        return layer.weight.double().abs().log() - (-layer.uniform().double().log()).log()


class OtherOrderInMemory(Criterion):
    """Scores and selection are right and not contiguous: they are made from the transposed layer and turned back."""

    def score(self, layer: Layer) -> Tensor:
        return layer.weight.transpose(0, -1).contiguous().abs().transpose(0, -1)

    def select(self, layer: Layer, n: int) -> Tensor:
        turned = lowest(
            self.score(layer).transpose(0, -1).contiguous(),
            layer.mask.transpose(0, -1).contiguous(),
            n,
            layer.generator,
        )
        return turned.transpose(0, -1)


@dataclass
class FromBothEnds(Criterion):
    """A share of what is pruned has the largest magnitudes; several parameters, all with defaults."""

    share: float = 0.25
    largest_first: bool = False
    name: str = "both ends"
    powers: tuple[int, ...] = (1, 2)

    def select(self, layer: Layer, n: int) -> Tensor:
        score = layer.weight.double().abs() ** self.powers[0] if self.powers else layer.weight.double().abs()
        from_top = round(self.share * n)
        first, second = (-score, score) if self.largest_first else (score, -score)
        one = lowest(first, layer.mask, n - from_top, layer.generator)
        return one | lowest(second, layer.mask & ~one, from_top, layer.generator)


class DecidesInPython(Criterion):
    """The smallest go; ties are decided by Python's own generator, which one draw of the layer's seeds."""

    def select(self, layer: Layer, n: int) -> Tensor:
        generator = layer.generator
        chance = random.Random(int(torch.randint(2**62, (1,), generator=generator, device=generator.device)))
        sizes = enumerate(layer.weight.double().abs().flatten().tolist())
        active = layer.mask.flatten().tolist()
        chosen = heapq.nsmallest(n, ((size, chance.random(), place) for place, size in sizes if active[place]))
        places = {place for *_, place in chosen}
        flags = [place in places for place in range(len(active))]
        return torch.tensor(flags, device=layer.mask.device).view(layer.mask.shape)


class FourRounds(Criterion):
    """Prunes in four rounds, each of which counts anew how many weights a unit has left: |θ| by that number."""

    def select(self, layer: Layer, n: int) -> Tensor:
        left = layer.mask.clone()
        for rounds in (4, 3, 2, 1):
            count = rows_of(left).sum(1, keepdim=True).clamp(min=1)
            score = (rows_of(layer.weight.double().abs()) / count).reshape(left.shape)
            share = (n - int((layer.mask & ~left).sum())) // rounds
            left &= ~lowest(score, left, share, layer.generator)
        return layer.mask & ~left


RIGHT = (
    *(
        ConstantFanIn,
        WholeRows,
        WholeKernels,
        RowShares,
        SortsAShuffledCopy,
        DrawsFromACopy,
        TiesFromACopy,
        SeededByADraw,
        Gumbel,
    ),
    *(OtherOrderInMemory, FromBothEnds, FoldsInTheName, DecidesInPython, FourRounds),
)
