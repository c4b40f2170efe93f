"""Criteria, growths and updates with one bug each, and the property that each of them breaks."""

import random
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from criteria import Criterion, Growth, Layer, TopologyUpdate, gradient, lowest, update_topology
from criteria.contract.asking import Plugin
from criteria.contract.scopes import LayerByLayer, UpdateLayers
from criteria.growth.random import RandomGrowth
from criteria.pruning.magnitude import Magnitude
from criteria.topology import prune_count


class GradientCriterion(Criterion):
    requires_grad: ClassVar[bool] = True


# ---- the wrong number ---------------------------------------------------------------------------------------------


class OneTooMany(Magnitude):
    def select(self, layer: Layer, n: int) -> Tensor:
        return super().select(layer, min(n + 1, int(layer.mask.sum())))


class AtLeastOne(Magnitude):
    """Off by one at ζ = 0."""

    def select(self, layer: Layer, n: int) -> Tensor:
        return super().select(layer, max(n, 1))


class NeverAll(Magnitude):
    """Off by one at ζ = 1."""

    def select(self, layer: Layer, n: int) -> Tensor:
        return super().select(layer, min(n, int(layer.mask.sum()) - 1))


class Threshold(Magnitude):
    """Prunes every score up to the n-th: all of the equal ones."""

    def select(self, layer: Layer, n: int) -> Tensor:
        if n == 0:
            return torch.zeros_like(layer.mask)
        score = self.score(layer)
        return layer.mask & (score <= score[layer.mask].kthvalue(n).values)


class WrongSortSET(Criterion):
    """As `--death SET` was released: negative weights are sorted the wrong way round, so nearly all of them go."""

    def select(self, layer: Layer, n: int) -> Tensor:
        positive, _ = layer.weight[layer.mask & (layer.weight > 0)].sort()
        negative, _ = layer.weight[layer.mask & (layer.weight < 0)].sort()
        largest = positive[min(n // 2, len(positive)) - 1] if n // 2 and len(positive) else 0.0
        smallest = negative[min(n // 2, len(negative)) - 1] if n // 2 and len(negative) else 0.0
        return layer.mask & (layer.weight <= largest) & (layer.weight >= smallest)


class OfAllWeights(Magnitude):
    """Measures the fraction to prune against all weights instead of the active ones."""

    def select(self, layer: Layer, n: int) -> Tensor:
        active = int(layer.mask.sum())
        return super().select(layer, min(active, round(n / active * layer.mask.numel())))


class SelectsIndices(Magnitude):
    def select(self, layer: Layer, n: int) -> Tensor:
        return super().select(layer, n).nonzero()


class FailsAtZero(Magnitude):
    def select(self, layer: Layer, n: int) -> Tensor:
        self.score(layer)[layer.mask].kthvalue(n)
        return super().select(layer, n)


# ---- the wrong place ----------------------------------------------------------------------------------------------


class ForgetsTheMask(Magnitude):
    """Inactive weights are zero, and so the lowest of all."""

    def select(self, layer: Layer, n: int) -> Tensor:
        return lowest(self.score(layer), torch.ones_like(layer.mask), n, layer.generator)


class TopKOfEverything(Magnitude):
    def select(self, layer: Layer, n: int) -> Tensor:
        chosen = torch.zeros_like(layer.mask).flatten()
        chosen[self.score(layer).flatten().topk(n, largest=False).indices] = True
        return chosen.view_as(layer.mask)


# ---- not a score --------------------------------------------------------------------------------------------------


class Raises(Criterion):
    def score(self, layer: Layer) -> Tensor:
        raise RuntimeError("not today")


class RaisesForConvolutions(Criterion):
    def score(self, layer: Layer) -> Tensor:
        rows, columns = layer.weight.shape
        return layer.weight.abs() / (rows * columns)


class Exits(Criterion):
    def score(self, layer: Layer) -> Tensor:
        sys.exit("no gradient")


class GivesAList(Criterion):
    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs().tolist()  # type: ignore[no-any-return]


class GivesNothing(Criterion):
    def score(self, layer: Layer) -> Tensor:
        layer.weight.abs()  # type: ignore[return]


class Flattens(Criterion):
    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs().flatten()


class OnAnotherDevice(Criterion):
    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs().to("meta")


class GivesTruth(Criterion):
    def score(self, layer: Layer) -> Tensor:
        return layer.weight != 0


class Undeclared(Criterion):
    """Reads the gradient without saying so."""

    def score(self, layer: Layer) -> Tensor:
        return gradient(layer).abs()


class Hangs(Criterion):
    def score(self, layer: Layer) -> Tensor:
        while True:
            time.sleep(0.01)


class DividesByZero(GradientCriterion):
    """0 / 0 where weight and gradient are both zero."""

    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs() / gradient(layer).abs()


class LogOfZeroTimesZero(GradientCriterion):
    def score(self, layer: Layer) -> Tensor:
        return gradient(layer).abs() * layer.weight.abs().log()


class InfinityMinusInfinity(GradientCriterion):
    """(θ − g)², multiplied out: the squares overflow."""

    def score(self, layer: Layer) -> Tensor:
        weight, grad = layer.weight, gradient(layer)
        return weight.square() - 2 * weight * grad + grad.square()


# ---- side effects -------------------------------------------------------------------------------------------------


class EditsMask(Magnitude):
    def select(self, layer: Layer, n: int) -> Tensor:
        pruned = super().select(layer, n)
        layer.mask.logical_and_(~pruned)
        return pruned


class EditsGradient(GradientCriterion):
    def score(self, layer: Layer) -> Tensor:
        return gradient(layer).abs_()


class EditsWeight(Criterion):
    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs_()


class ObserverEditsWeight(Magnitude):
    def observe(self, layer: Layer) -> None:
        layer.weight.mul_(0.999)


class DrawsFromTorch(Criterion):
    def score(self, layer: Layer) -> Tensor:
        return torch.rand(layer.weight.shape)


class DrawsFromNumPy(Criterion):
    def score(self, layer: Layer) -> Tensor:
        return torch.from_numpy(np.random.rand(*layer.weight.shape))


class DrawsFromPython(Magnitude):
    def score(self, layer: Layer) -> Tensor:
        return super().score(layer) + random.random()


class SeedsTorch(Criterion):
    def score(self, layer: Layer) -> Tensor:
        torch.default_generator.manual_seed(layer.step)
        return torch.rand(layer.weight.shape)


class ChangesDefaultDtype(Magnitude):
    def score(self, layer: Layer) -> Tensor:
        torch.set_default_dtype(layer.weight.dtype)
        return super().score(layer)


class ChangesGradMode(Magnitude):
    def score(self, layer: Layer) -> Tensor:
        torch.set_grad_enabled(False)
        return super().score(layer)


class ChangesThreads(Magnitude):
    def score(self, layer: Layer) -> Tensor:
        torch.set_num_threads(torch.get_num_threads() + 1)
        return super().score(layer)


# ---- the same layer, another answer -------------------------------------------------------------------------------


class OwnGenerator(Criterion):
    """A generator of its own, which nobody seeds."""

    def score(self, layer: Layer) -> Tensor:
        generator = torch.Generator()
        generator.seed()
        return torch.rand(layer.weight.shape, generator=generator)


class Clock(Criterion):
    """Seeded by the second: a test that asks twice within one does not see it."""

    def score(self, layer: Layer) -> Tensor:
        return torch.rand(layer.weight.shape, generator=torch.Generator().manual_seed(int(time.time()) + layer.step))


class Alternates(Magnitude):
    """Depends on the order of calls: every other one prunes the largest."""

    def __init__(self) -> None:
        self.calls = 0

    def score(self, layer: Layer) -> Tensor:
        self.calls += 1
        return super().score(layer) * (-1) ** self.calls


class CachesByName(Criterion):
    """Remembers the scores of the first layer of each name, in the class."""

    cache: ClassVar[dict[tuple[str, torch.Size], Tensor]] = {}

    def score(self, layer: Layer) -> Tensor:
        return self.cache.setdefault((layer.name, layer.weight.shape), layer.weight.abs().clone()).to(layer.weight)


class ComparesWithOtherLayers(Criterion):
    """Divides by the largest active weight of all layers that it has seen."""

    def __init__(self) -> None:
        self.largest = 0.0

    def score(self, layer: Layer) -> Tensor:
        self.largest = max(self.largest, float(layer.weight[layer.mask].abs().max()))
        return layer.weight.abs() / max(self.largest, 1e-30)


class SharesItsState(Magnitude):
    """A running score with one average for all layers."""

    def __init__(self) -> None:
        self.average = 0.0

    def observe(self, layer: Layer) -> None:
        self.average = 0.5 * self.average + float(layer.weight.abs().clamp(max=1e6).sum())

    def score(self, layer: Layer) -> Tensor:
        return (layer.weight.abs() - self.average).abs()

    def state_dict(self) -> dict[str, Any]:
        return {"average": self.average}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.average = state["average"]


class CountsThreads(Magnitude):
    def score(self, layer: Layer) -> Tensor:
        return super().score(layer) * (-1) ** torch.get_num_threads()


class SumsByThread(Criterion):
    """How a sum is divided among threads decides its last digits, and they decide the scores."""

    def score(self, layer: Layer) -> Tensor:
        total = layer.weight.double().mul(layer.mask).float().sum()
        return layer.weight.abs().double() - (total.double().clamp(-1e30, 1e30) * 1e6).frac()


class ReadsStorage(Magnitude):
    """Takes the order in memory for the order of the positions."""

    def score(self, layer: Layer) -> Tensor:
        size, shape = layer.weight.numel(), layer.weight.shape
        return layer.weight.as_strided((size,), (1,)).abs().reshape(shape)


class NeedsContiguous(Magnitude):
    def score(self, layer: Layer) -> Tensor:
        return layer.weight.view(-1).abs().view(layer.weight.shape)


class DefaultDtype(Criterion):
    """Draws in the default dtype."""

    def score(self, layer: Layer) -> Tensor:
        return torch.rand(layer.weight.shape, generator=layer.generator, dtype=torch.get_default_dtype())


# ---- what it should not see ---------------------------------------------------------------------------------------


class NormalisesByEverything(GradientCriterion):
    """Divides by the largest gradient, be it of an inactive weight."""

    def score(self, layer: Layer) -> Tensor:
        return gradient(layer).abs() / gradient(layer).abs().max().clamp(min=1e-6)


class BelowTheMean(GradientCriterion):
    """Centres the gradient on the mean over all positions."""

    def score(self, layer: Layer) -> Tensor:
        return (gradient(layer) - gradient(layer).mean()).abs()


class SmoothsOverNeighbours(Criterion):
    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs() + layer.weight.abs().roll(1)


# ---- positions ----------------------------------------------------------------------------------------------------


class PrefersTheFirst(Criterion):
    def score(self, layer: Layer) -> Tensor:
        position = torch.arange(layer.weight.numel(), 0, -1).view(layer.weight.shape)
        return layer.weight.abs() * position


class FirstOfEquals(Magnitude):
    """A stable sort: equal scores go in memory order."""

    def select(self, layer: Layer, n: int) -> Tensor:
        active = layer.mask.flatten().nonzero().squeeze(1)
        order = self.score(layer).flatten()[active].argsort(stable=True)
        pruned = torch.zeros_like(layer.mask).flatten()
        pruned[active[order[:n]]] = True
        return pruned.view_as(layer.mask)


class SameOfEquals(Magnitude):
    """Breaks ties at random, but always the same way."""

    def select(self, layer: Layer, n: int) -> Tensor:
        return lowest(self.score(layer), layer.mask, n, torch.Generator().manual_seed(7))


class Reseeds(Magnitude):
    def select(self, layer: Layer, n: int) -> Tensor:
        layer.generator.manual_seed(layer.step)
        return super().select(layer, n)


class LeansToTheFirst(Magnitude):
    """Nine times in ten the first of the equal ones."""

    def select(self, layer: Layer, n: int) -> Tensor:
        if torch.rand(1, generator=layer.generator, dtype=torch.float32) < 0.1:
            return super().select(layer, n)
        return FirstOfEquals().select(layer, n)


# ---- dtypes and state ---------------------------------------------------------------------------------------------


class ThroughNumPy(Criterion):
    """NumPy has no bfloat16."""

    def score(self, layer: Layer) -> Tensor:
        return torch.from_numpy(np.abs(layer.weight.numpy()))


class ReadsBits(Criterion):
    """Orders float32 numbers by their bits."""

    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs().view(torch.int32) & 0x7FFFFFFF


class FlipsInFloat64(Criterion):
    def score(self, layer: Layer) -> Tensor:
        return -layer.weight.abs() if layer.weight.dtype == torch.float64 else layer.weight.abs()


class Running(Criterion):
    """A correct running magnitude; the bugs below are in how it keeps its state."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}

    def observe(self, layer: Layer) -> None:
        before = self.sums.get(layer.name, torch.zeros_like(layer.weight))
        self.sums[layer.name] = (before + layer.weight.abs().clamp(max=1e6)) * layer.mask

    def score(self, layer: Layer) -> Tensor:
        return self.sums.get(layer.name, torch.zeros_like(layer.weight)).to(layer.weight) * 0.5 + layer.weight.abs()

    def state_dict(self) -> dict[str, Any]:
        return dict(self.sums)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.sums = dict(state)


class SavesNothing(Running):
    def state_dict(self) -> dict[str, Any]:
        return {}


class LoadsNothing(Running):
    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


class SavesCode(Running):
    """A checkpoint is loaded with ``weights_only``: it holds tensors and plain values."""

    def state_dict(self) -> dict[str, Any]:
        return {"self": self}


class RoundsItsState(Running):
    def state_dict(self) -> dict[str, Any]:
        return {name: sums.to(torch.bfloat16) for name, sums in self.sums.items()}


class LoadsOneLayer(Running):
    """Loads the state of the first layer only."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.sums = dict(list(state.items())[:1])


# ---- devices and known answers ------------------------------------------------------------------------------------


class DrawsOnTheGPU(Criterion):
    """Asks the layer's generator, which is the CPU's, for numbers on the layer's device."""

    def score(self, layer: Layer) -> Tensor:
        where = layer.weight.device
        return torch.rand(layer.weight.shape, generator=layer.generator, device=where, dtype=torch.float32)


class Misquotes(Magnitude):
    """The square of what it says to compute."""

    known_answers: ClassVar[Any] = [{"source": "|θ|", "weight": [0.5, -2.0, 0.0], "scores": [0.5, 2.0, None]}]

    def score(self, layer: Layer) -> Tensor:
        return layer.weight.square()


# ---- growth -------------------------------------------------------------------------------------------------------


class GrowsAnywhere(RandomGrowth):
    def select(self, layer: Layer, n: int, candidates: Tensor) -> Tensor:
        return super().select(layer, n, torch.ones_like(candidates))


class GrowsTooMuch(RandomGrowth):
    def select(self, layer: Layer, n: int, candidates: Tensor) -> Tensor:
        return super().select(layer, min(n + 1, int(candidates.sum())), candidates)


class GrowsTheFirst(Growth):
    def select(self, layer: Layer, n: int, candidates: Tensor) -> Tensor:
        return candidates & (candidates.flatten().cumsum(0).view_as(candidates) <= n)


class GrowsByGlobalChance(Growth):
    def score(self, layer: Layer) -> Tensor:
        return torch.rand(layer.weight.shape)


class GrowsByTurns(Growth):
    """Keeps a counter that no checkpoint has."""

    def __init__(self) -> None:
        self.turn = 0

    def score(self, layer: Layer) -> Tensor:
        self.turn += 1
        generator = torch.Generator().manual_seed(self.turn)
        return torch.rand(layer.weight.shape, generator=generator)


class NeedsRoom(RandomGrowth):
    """Fails where there is nothing to grow: in a dense layer."""

    def select(self, layer: Layer, n: int, candidates: Tensor) -> Tensor:
        self.score(layer)[candidates].max()
        return super().select(layer, n, candidates)


# ---- updates ------------------------------------------------------------------------------------------------------


def multiplied_masks(layer: Layer, criterion: Criterion, growth: Growth, fraction: float) -> TopologyUpdate:
    """The new mask is multiplied into the previous one: what was grown never becomes active, until nothing is left."""
    outcome = update_topology(layer, criterion, growth, fraction)
    return TopologyUpdate(outcome.mask & layer.mask, outcome.pruned, outcome.grown)


def active_ones_grown(layer: Layer, criterion: Criterion, growth: Growth, fraction: float) -> TopologyUpdate:
    """Growth counts already active weights among the grown, so that density sinks."""
    n = prune_count(int(layer.mask.sum()), layer.mask.numel(), fraction)
    pruned = criterion.select(layer, n)
    grown = growth.select(layer, n, ~pruned)
    return TopologyUpdate((layer.mask & ~pruned) | grown, pruned, grown)


def mask_from_weights(layer: Layer, criterion: Criterion, growth: Growth, fraction: float) -> TopologyUpdate:
    """Takes the mask from already pruned weights: a grown weight that is still zero counts as inactive."""
    outcome = update_topology(layer, criterion, growth, fraction)
    kept = (layer.weight * ~outcome.pruned) != 0
    return TopologyUpdate(kept | outcome.grown, outcome.pruned, outcome.grown)


def of_all_weights(layer: Layer, criterion: Criterion, growth: Growth, fraction: float) -> TopologyUpdate:
    """Replaces a fraction of all weights instead of the active ones."""
    active, total = int(layer.mask.sum()), layer.mask.numel()
    return update_topology(layer, criterion, growth, min(1.0, fraction * total / active))


def one_more(layer: Layer, criterion: Criterion, growth: Growth, fraction: float) -> TopologyUpdate:
    """Replaces one weight more than it should."""
    return update_topology(layer, criterion, growth, min(1.0, fraction + 1 / int(layer.mask.sum())))


def grows_back(layer: Layer, criterion: Criterion, growth: Growth, fraction: float) -> TopologyUpdate:
    """What was just pruned may be grown at once, as in the released code of the paper."""
    return update_topology(layer, criterion, growth, fraction, resurrection="allow")


def starts_small(layer: Layer, criterion: Criterion, growth: Growth, fraction: float) -> TopologyUpdate:
    """Grown weights start at a small number."""
    outcome = update_topology(layer, criterion, growth, fraction)
    layer.weight[outcome.grown] = 1e-3
    return outcome


def leaks(layer: Layer, criterion: Criterion, growth: Growth, fraction: float) -> TopologyUpdate:
    """Decays all weights towards a number that is not zero, inactive ones too."""
    outcome = update_topology(layer, criterion, growth, fraction)
    layer.weight[~layer.mask & ~outcome.grown] += 1e-6
    return outcome


def by_the_clock(layer: Layer, criterion: Criterion, growth: Growth, fraction: float) -> TopologyUpdate:
    """Seeds growth by the clock."""
    layer.generator.manual_seed(time.time_ns() % 2**62)
    return update_topology(layer, criterion, growth, fraction)


def needs_two(layer: Layer, criterion: Criterion, growth: Growth, fraction: float) -> TopologyUpdate:
    """Divides by the number of active weights less one."""
    return update_topology(layer, criterion, growth, fraction + 0 / (int(layer.mask.sum()) - 1))


def empties_layers(layers: list[Layer], criterion: Criterion, growth: Growth, fraction: float) -> list[TopologyUpdate]:
    """Global scope with one threshold and nothing that keeps a layer from losing its last weight."""
    flat = {name: torch.cat([getattr(layer, name).flatten() for layer in layers]) for name in ("weight", "mask")}
    together = Layer("all", flat["weight"], None, flat["mask"], layers[0].step, layers[0].generator)
    outcome = update_topology(together, Magnitude(), RandomGrowth(), fraction)
    sizes = [layer.mask.numel() for layer in layers]
    parts = zip(*(part.split(sizes) for part in (outcome.mask, outcome.pruned, outcome.grown)), strict=True)
    return [
        TopologyUpdate(*(part.view_as(layer.mask) for part in each)) for each, layer in zip(parts, layers, strict=True)
    ]


@dataclass(frozen=True)
class Bug:
    """A plugin or an update with one bug, and the property that names it."""

    plugin: Plugin
    breaks: str
    name: str = ""
    partners: tuple[Plugin, ...] = (RandomGrowth(),)
    scopes: Mapping[str, UpdateLayers] = field(default_factory=dict)
    hangs: bool = False
    chance: bool = False
    """Whether a new run may, by chance, not show it."""

    def __str__(self) -> str:
        return self.name or type(self.plugin).__name__


def _update(function: Any, breaks: str, chance: bool = False) -> Bug:
    return Bug(Magnitude(), breaks, function.__name__, scopes={"local": LayerByLayer(function)}, chance=chance)


def _partner(growth: Growth, breaks: str) -> Bug:
    scopes = {"local": LayerByLayer(update_topology)}
    return Bug(Magnitude(), breaks, f"{type(growth).__name__} as partner", (growth,), scopes)


BUGS = [
    *(Bug(plugin, "score_shape") for plugin in (Raises(), RaisesForConvolutions(), Exits(), GivesAList())),
    *(Bug(plugin, "score_shape") for plugin in (GivesNothing(), Flattens(), OnAnotherDevice(), GivesTruth())),
    Bug(Undeclared(), "score_shape"),
    Bug(Hangs(), "score_shape", hangs=True),
    *(Bug(plugin, "no_nan") for plugin in (DividesByZero(), LogOfZeroTimesZero(), InfinityMinusInfinity())),
    *(Bug(plugin, "exact_count") for plugin in (OneTooMany(), AtLeastOne(), NeverAll(), Threshold())),
    *(Bug(plugin, "exact_count") for plugin in (WrongSortSET(), OfAllWeights(), SelectsIndices(), FailsAtZero())),
    *(Bug(plugin, "active_only") for plugin in (ForgetsTheMask(), TopKOfEverything())),
    *(Bug(plugin, "pure") for plugin in (EditsMask(), EditsGradient(), EditsWeight(), ObserverEditsWeight())),
    *(Bug(plugin, "pure") for plugin in (DrawsFromTorch(), DrawsFromNumPy(), DrawsFromPython(), SeedsTorch())),
    *(Bug(plugin, "pure") for plugin in (ChangesDefaultDtype(), ChangesGradMode(), ChangesThreads())),
    *(Bug(plugin, "deterministic") for plugin in (Clock(), Alternates(), CachesByName())),
    Bug(OwnGenerator(), "deterministic", chance=True),
    *(Bug(plugin, "deterministic") for plugin in (ComparesWithOtherLayers(), CountsThreads())),
    *(Bug(plugin, "deterministic") for plugin in (SumsByThread(), ReadsStorage(), NeedsContiguous(), DefaultDtype())),
    *(Bug(plugin, "blind_to_inactive") for plugin in (NormalisesByEverything(), BelowTheMean())),
    *(Bug(plugin, "permutation_equivariant") for plugin in (SmoothsOverNeighbours(), PrefersTheFirst())),
    *(Bug(plugin, "unbiased_ties") for plugin in (FirstOfEquals(), SameOfEquals(), Reseeds(), LeansToTheFirst())),
    Bug(DrawsOnTheGPU(), "device_stable"),
    Bug(Misquotes(), "known_answers"),
    *(Bug(plugin, "dtype_stable") for plugin in (ThroughNumPy(), ReadsBits(), FlipsInFloat64())),
    *(Bug(plugin, "state_roundtrip") for plugin in (SavesNothing(), LoadsNothing(), SavesCode(), RoundsItsState())),
    Bug(SharesItsState(), "state_roundtrip"),
    Bug(LoadsOneLayer(), "checkpoint_replay", scopes={"local": LayerByLayer(update_topology)}),
    *(_update(update, "density_preserved") for update in (multiplied_masks, active_ones_grown, mask_from_weights)),
    *(_update(update, "density_preserved") for update in (of_all_weights, one_more)),
    Bug(Magnitude(), "density_preserved", "empties_layers", scopes={"global": empties_layers}),
    _update(grows_back, "no_resurrection"),
    _update(starts_small, "grown_start_at_zero"),
    _update(leaks, "inactive_stay_zero"),
    _update(by_the_clock, "replay", chance=True),
    _update(needs_two, "degenerate_layers"),
    _partner(GrowsByGlobalChance(), "replay"),
    _partner(GrowsByTurns(), "checkpoint_replay"),
    _partner(NeedsRoom(), "degenerate_layers"),
    *(Bug(growth, "exact_count", partners=()) for growth in (GrowsTooMuch(), NeedsRoom())),
    Bug(GrowsAnywhere(), "candidates_only", partners=()),
    Bug(GrowsTheFirst(), "unbiased_ties", partners=()),
    Bug(GrowsByTurns(), "deterministic", partners=()),
    Bug(GrowsByGlobalChance(), "pure", partners=()),
]
