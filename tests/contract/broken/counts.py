"""Kind 5, size, time and shape: what runs over or out: counts, powers, keys."""

import math
from typing import Any, ClassVar

import torch
from torch import Tensor

from criteria import Criterion, Layer, gradient, lowest
from criteria.pruning.magnitude import Magnitude
from tests.contract.broken.positions import taken
from tests.contract.right.averages import LARGEST, Averaging, magnitude
from tests.contract.right.selections import rows_of

NUMBER = {"exact_count", "density_preserved"}


class CountsInSixteenBits(Magnitude):
    """Keeps the largest, whose number is a difference of 16-bit counts: beyond 32767 active weights it is wrong."""

    def select(self, layer: Layer, n: int) -> Tensor:
        kept = int(layer.mask.sum(dtype=torch.int16)) - n
        if not 0 <= kept <= int(layer.mask.sum()):
            kept = 0
        return layer.mask & ~lowest(-self.score(layer), layer.mask, kept, layer.generator)


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
        return taken(layer, first[1].long())


class CountsInHalf(Criterion):
    """|θ| times the number of its unit's weights in float16, which is ∞ above 65,504: a weight of 0 gives NaN."""

    def score(self, layer: Layer) -> Tensor:
        weights = rows_of(layer.weight.double().abs())
        return (weights * rows_of(layer.mask).half().sum(1)[:, None].double()).view(layer.weight.shape)


class PackedKeys(Magnitude):
    """Eleven bits of the score and twenty of a shuffled place in one key: of more than 2²⁰ places some are others."""

    def select(self, layer: Layer, n: int) -> Tensor:
        active = layer.mask.flatten().nonzero().squeeze(1)
        active = active[torch.randperm(len(active), generator=layer.generator)]
        size = self.score(layer).flatten()[active].double()
        level = (2047 * size / size.max().clamp(min=1e-300)).int() if len(size) else size.int()
        keys = (level << 20) | torch.arange(len(active), dtype=torch.int32)
        return taken(layer, active[keys.sort().values[:n] & (2**20 - 1)])


class ByFanIn(Criterion):
    """|θ| by the number of its unit's weights, which is a byte: of 256 it is zero, and a weight of 0 gives NaN."""

    def score(self, layer: Layer) -> Tensor:
        mask = rows_of(layer.mask)
        fan_in = torch.where(mask.any(1, keepdim=True), mask.sum(1, keepdim=True, dtype=torch.uint8), 1)
        return (rows_of(layer.weight.abs()) / fan_in).view(layer.weight.shape)


class ColdTemperature(Criterion):
    """Gumbel noise at a temperature of 0.999ᵗ in float32, zero after 104,000 steps: a weight of 0 gives NaN."""

    def score(self, layer: Layer) -> Tensor:
        temperature = torch.tensor(0.999, dtype=torch.float32) ** layer.step
        draws = layer.uniform().double().clamp(min=1e-12)
        return layer.weight.double().abs() / temperature.double() - (-draws.log()).log()


class SmallCounts(Criterion):
    """The mean |θ·g| since a weight was grown, whose number of steps is a byte: of 256 zeros the mean is 0/0."""

    requires_grad: ClassVar[bool] = True

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.steps: dict[str, Tensor] = {}

    def observe(self, layer: Layer) -> None:
        sums, steps = self._with(layer)
        self.sums[layer.name], self.steps[layer.name] = sums * layer.mask, steps * layer.mask

    def score(self, layer: Layer) -> Tensor:
        sums, steps = self._with(layer)
        return sums / steps

    def state_dict(self) -> dict[str, Any]:
        return {"sums": dict(self.sums), "steps": dict(self.steps)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.sums, self.steps = dict(state["sums"]), dict(state["steps"])

    def _with(self, layer: Layer) -> tuple[Tensor, Tensor]:
        """The sums and numbers of steps with that of the layer."""
        now = (layer.weight.double() * gradient(layer).double()).abs().clamp(max=LARGEST)
        steps = self.steps.get(layer.name, torch.zeros_like(layer.mask, dtype=torch.uint8))
        return self.sums.get(layer.name, torch.zeros_like(now)) + now, steps + 1


class GrowingIncrements(Averaging):
    """|θ| times a mean in float32; old steps do not fade, new ones weigh more: after 840 steps it is infinite."""

    def __init__(self) -> None:
        super().__init__()
        self.increments: dict[str, float] = {}

    def observe(self, layer: Layer) -> None:
        self.increments[layer.name] = self.increments.get(layer.name, 1.0) / 0.9
        now = magnitude(layer).float() * self.increments[layer.name]
        self.averages[layer.name] = self.averages.get(layer.name, torch.zeros_like(now)) + now

    def score(self, layer: Layer) -> Tensor:
        mean = self.averages.get(layer.name, torch.ones_like(layer.weight)) / self.increments.get(layer.name, 1.0)
        return magnitude(layer) * mean

    def state_dict(self) -> dict[str, Any]:
        return {"averages": dict(self.averages), "increments": dict(self.increments)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.averages, self.increments = dict(state["averages"]), dict(state["increments"])


class RanksAndDraws(Magnitude):
    """A rank, which equal weights share, plus a draw from [0, 1), in float32: a high rank leaves it few bits."""

    def select(self, layer: Layer, n: int) -> Tensor:
        active = layer.mask.flatten().nonzero().squeeze(1)
        size = self.score(layer).flatten()[active].contiguous()
        rank = torch.searchsorted(size.sort().values, size).float()
        return taken(layer, active[(rank + layer.uniform().flatten()[active]).argsort(stable=True)[:n]])


EXPECT: dict[type, set[str]] = {
    CountsInSixteenBits: NUMBER,
    CountsInEightBits: {"no_nan", "density_preserved"},
    SoftScore: {"no_nan"},
    ScheduleRunsOut: {"score_shape"},
    EpsilonOfFloat64: {"no_nan"},
    RanksInTheLayersDtype: {*NUMBER, "dtype_stable"},
    SpreadByMoments: {"no_nan"},
    PositionsAsFloats: {*NUMBER, "active_only"},
    OverflowsLate: {"no_nan", "density_preserved"},
    CountsInHalf: {"no_nan", *NUMBER},
    PackedKeys: NUMBER,
    ByFanIn: {"no_nan"},
    ColdTemperature: {"no_nan"},
    SmallCounts: {"no_nan"},
    GrowingIncrements: {"no_nan", "density_preserved"},
    RanksAndDraws: {"unbiased_ties"},
}
