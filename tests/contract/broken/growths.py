"""Kind 8, growths: candidates, momentum, ties, draws and state, each wrong in one growth."""

import json
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from criteria import Growth, Layer, gradient, lowest
from criteria.growth.gradient import GradientGrowth
from criteria.growth.random import RandomGrowth
from tests.contract.right.selections import rows_of

UNSAVED = {"deterministic", "replay", "checkpoint_replay"}
NUMBER = {"exact_count", "density_preserved", "degenerate_layers"}


class MaskInsteadOfCandidates(RandomGrowth):
    """Takes inactive positions instead of the candidates: where pruned ones may come back, there are too few."""

    def select(self, layer: Layer, n: int, candidates: Tensor) -> Tensor:
        return super().select(layer, n, ~layer.mask)


class ZeroMeansInactive(RandomGrowth):
    """Takes weights that are zero for the candidates: an active weight may be zero too."""

    def select(self, layer: Layer, n: int, candidates: Tensor) -> Tensor:
        return super().select(layer, n, layer.weight == 0)


class StrikesCandidatesWithAValue(RandomGrowth):
    """Strikes positions that have a value from the list that it was given: those that were just pruned."""

    def select(self, layer: Layer, n: int, candidates: Tensor) -> Tensor:
        mine = candidates.clone()
        candidates.logical_and_(layer.weight == 0)
        return super().select(layer, n, mine)


class ReadsMomentumWhereThereIsSome(Growth):
    """Adds the momentum where there is some, without asking for it: then inactive positions have none worth reading."""

    requires_grad: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        size = gradient(layer).double().abs()
        return size if layer.momentum is None else size + layer.momentum.double().abs()


class TopKOfTheGradient(Growth):
    """topk over the candidates: of equal gradients, such as zero ones, positions decide."""

    requires_grad: ClassVar[bool] = True

    def select(self, layer: Layer, n: int, candidates: Tensor) -> Tensor:
        size = torch.where(candidates, gradient(layer).abs(), -1).flatten()
        grown = torch.zeros(size.shape, dtype=torch.bool)
        grown[size.topk(n).indices] = True
        return grown.view(candidates.shape)


class SeededByTheStep(Growth):
    """Its own generator, seeded by the step: all layers and all seeds of an experiment grow alike."""

    def select(self, layer: Layer, n: int, candidates: Tensor) -> Tensor:
        free = candidates.flatten().nonzero().squeeze(1)
        order = torch.randperm(len(free), generator=torch.Generator().manual_seed(max(layer.step, 0)))
        grown = torch.zeros(candidates.numel(), dtype=torch.bool)
        grown[free[order[:n]]] = True
        return grown.view(candidates.shape)


class LongestInactive(Growth):
    """Grows what it has not seen active for longest; what it has seen is in no checkpoint."""

    def __init__(self) -> None:
        self.active: dict[tuple[str, torch.Size], Tensor] = {}

    def score(self, layer: Layer) -> Tensor:
        key = (layer.name, layer.mask.shape)
        before = self.active.get(key, torch.zeros(layer.mask.shape, dtype=torch.float64))
        self.active[key] = torch.where(layer.mask, float(layer.step), before)
        return -self.active[key]


class StartsWeights(RandomGrowth):
    """Gives grown weights a small value itself, which is the training's to decide."""

    def select(self, layer: Layer, n: int, candidates: Tensor) -> Tensor:
        grown = super().select(layer, n, candidates)
        layer.weight[grown] = 0.01
        return grown


class GlobalDrawsWhenLarge(Growth):
    """Draws from torch's global generator in layers of more than 4096 positions, where it is a little quicker."""

    def select(self, layer: Layer, n: int, candidates: Tensor) -> Tensor:
        free = candidates.flatten().nonzero().squeeze(1)
        generator = None if candidates.numel() > 4096 else layer.generator
        grown = torch.zeros(candidates.numel(), dtype=torch.bool)
        grown[free[torch.randperm(len(free), generator=generator)[:n]]] = True
        return grown.view(candidates.shape)


class OnlyWhereThereIsAGradient(GradientGrowth):
    """Grows only where the gradient is not zero: with few such positions it grows too few."""

    def select(self, layer: Layer, n: int, candidates: Tensor) -> Tensor:
        steep = candidates & (gradient(layer) != 0)
        return super().select(layer, min(n, int(steep.sum())), steep)


class ByDegreeOnly(Growth):
    """Draws in proportion to the active weights of a row: where too few have a chance, other positions are drawn."""

    def select(self, layer: Layer, n: int, candidates: Tensor) -> Tensor:
        if n == 0:
            return torch.zeros_like(candidates)
        degree = rows_of(layer.mask).sum(1, keepdim=True).double().expand(rows_of(layer.mask).shape)
        chance = torch.where(rows_of(candidates), degree, 0).flatten()
        grown = torch.zeros(chance.shape, dtype=torch.bool)
        grown[torch.multinomial(chance, n, generator=layer.generator)] = True
        return grown.view(candidates.shape)


class FailsBeforeTheFirstStep(Growth):
    """Asks for momentum and takes it for granted: before the first optimizer step there is none."""

    requires_momentum: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        return layer.momentum.abs()  # type: ignore[union-attr]


class KeepsItsDraws(Growth):
    """Draws once for each shape of layer and uses the same draws at every update."""

    def __init__(self) -> None:
        self.draws: dict[torch.Size, Tensor] = {}

    def score(self, layer: Layer) -> Tensor:
        return self.draws.setdefault(layer.weight.shape, layer.uniform())


class RowsInTurn(RandomGrowth):
    """Fills rows evenly, and where that leaves a rest the first rows get one more."""

    def select(self, layer: Layer, n: int, candidates: Tensor) -> Tensor:
        free = rows_of(candidates)
        room, share, row = free.sum(1).tolist(), [0] * len(free), 0
        while sum(share) < n:
            share[row] += share[row] < room[row]
            row = (row + 1) % len(share)
        draws = rows_of(layer.uniform())
        parts = [lowest(*each, layer.generator) for each in zip(draws, free, share, strict=True)]
        return torch.stack(parts).reshape(candidates.shape)


class FillsUpInOrder(Growth):
    """The largest gradients; where fewer than n are not zero, the first of the others beside them."""

    requires_grad: ClassVar[bool] = True

    def select(self, layer: Layer, n: int, candidates: Tensor) -> Tensor:
        size = gradient(layer).abs()
        alive = candidates & (size > 0)
        if int(alive.sum()) >= n:
            return lowest(-size, alive, n, layer.generator)
        grown = alive.clone()
        grown[(candidates & ~alive).nonzero()[: n - int(alive.sum())].unbind(1)] = True
        return grown


class LoudestWhereThereAreNorms(RandomGrowth):
    """Where a criterion asked for the norms of inputs it grows by these, and elsewhere at random."""

    def score(self, layer: Layer) -> Tensor:
        return super().score(layer) if layer.input_norm is None else layer.input_norm


class ShareOfItsChunk(Growth):
    """|g| as a share of the largest, in chunks of 4096 to spare memory: but of the largest of its chunk."""

    requires_grad: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        chunks = gradient(layer).double().abs().flatten().split(4096)
        return torch.cat([chunk / chunk.max().clamp(min=1e-300) for chunk in chunks]).view(layer.weight.shape)


class RemembersWhatFailed(Growth):
    """The largest gradients, but last of all what was active at the update before, which no checkpoint knows."""

    requires_grad: ClassVar[bool] = True

    def __init__(self) -> None:
        self.masks: dict[tuple[str, torch.Size], dict[int, Tensor]] = {}

    def score(self, layer: Layer) -> Tensor:
        masks = self.masks.setdefault((layer.name, layer.mask.shape), {})
        masks[layer.step] = layer.mask.clone()
        before = [mask for step, mask in masks.items() if step != layer.step]
        size = gradient(layer).double().abs()
        return torch.where(before[-1], -1.0, size) if before else size


class SamplesLargeLayers(RandomGrowth):
    """Of more than 200,000 candidates NumPy draws, from a generator that nobody has seeded."""

    def select(self, layer: Layer, n: int, candidates: Tensor) -> Tensor:
        if int(candidates.sum()) <= 200_000:
            return super().select(layer, n, candidates)
        places = candidates.flatten().nonzero().squeeze(1)
        grown = torch.zeros(candidates.numel(), dtype=torch.bool)
        grown[places[torch.from_numpy(np.random.default_rng().choice(len(places), n, replace=False))]] = True
        return grown.view(candidates.shape)


class TabuAsText(RandomGrowth):
    """What has grown is not grown again as long as there is more; saved as JSON, in which positions become text."""

    def __init__(self) -> None:
        self.grown: dict[str, dict[int, int]] = {}

    def select(self, layer: Layer, n: int, candidates: Tensor) -> Tensor:
        grown = self.grown.get(layer.name, {})
        tabu = [grown.get(place, layer.step) != layer.step for place in range(layer.mask.numel())]
        draws = layer.uniform() + torch.tensor(tabu).view(layer.mask.shape)
        selected = lowest(draws, candidates, n, layer.generator)
        now = dict.fromkeys(selected.flatten().nonzero().squeeze(1).tolist(), layer.step)
        self.grown[layer.name] = now | grown
        return selected

    def state_dict(self) -> dict[str, Any]:
        return {"grown": json.dumps(self.grown)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.grown = json.loads(state["grown"]) if state else {}


EXPECT: dict[type, set[str]] = {
    MaskInsteadOfCandidates: {*NUMBER, "candidates_only", "unbiased_ties"},
    ZeroMeansInactive: {*NUMBER, "candidates_only"},
    StrikesCandidatesWithAValue: {"pure"},
    ReadsMomentumWhereThereIsSome: {"score_shape", "deterministic"},
    TopKOfTheGradient: {"unbiased_ties"},
    SeededByTheStep: {"unbiased_ties"},
    LongestInactive: UNSAVED,
    StartsWeights: {"pure", "grown_start_at_zero"},
    GlobalDrawsWhenLarge: {"pure", "deterministic"},
    OnlyWhereThereIsAGradient: NUMBER,
    ByDegreeOnly: {*NUMBER, "candidates_only"},
    FailsBeforeTheFirstStep: {"score_shape"},
    KeepsItsDraws: {*UNSAVED, "unbiased_ties"},
    RowsInTurn: {"unbiased_ties", "permutation_equivariant"},
    FillsUpInOrder: {"unbiased_ties"},
    LoudestWhereThereAreNorms: {"score_shape", "deterministic"},
    ShareOfItsChunk: {"permutation_equivariant"},
    RemembersWhatFailed: UNSAVED,
    SamplesLargeLayers: {"deterministic", "pure", "replay"},
    TabuAsText: {"state_roundtrip", "checkpoint_replay"},
}
