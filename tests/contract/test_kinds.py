"""One fault of each kind that needs something special to be seen, and the name that it is found under."""

import datetime
import os
import warnings
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from criteria import Criterion, Growth, Layer, gradient, lowest
from criteria.contract import ContractError, check_criterion, check_growth
from criteria.contract.asking import Plugin
from criteria.growth.random import RandomGrowth
from criteria.pruning.magnitude import Magnitude
from tests.contract.planted import Running


class SilencesWarnings(Magnitude):
    def score(self, layer: Layer) -> Tensor:
        warnings.filterwarnings("ignore", message="never heard")
        return super().score(layer)


class SetsAVariableWhenLoading(Running):
    def load_state_dict(self, state: dict[str, Any]) -> None:
        os.environ["OF_A_PLUGIN"] = "1"
        super().load_state_dict(state)


class ReadsAVariable(Criterion):
    def __init__(self) -> None:
        self.sign = -1 if os.environ.get("OF_NOBODY_ELSE") else 1

    def score(self, layer: Layer) -> Tensor:
        return self.sign * layer.weight.abs()


class OtherInTheAfternoon(Criterion):
    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs() * (1 if datetime.datetime.now().hour < 12 else -1)


class Uninitialised(Magnitude):
    def score(self, layer: Layer) -> Tensor:
        score = torch.empty_like(layer.weight)
        score[layer.weight != 0] = layer.weight[layer.weight != 0].abs()
        return score


class HashOfItsName(Criterion):
    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs() * (1 + hash(layer.name) % 7 * (layer.weight > 0))


class ShortensNames(Running):
    def observe(self, layer: Layer) -> None:
        super().observe(Layer(layer.name.rpartition(".")[0][-9:], layer.weight, None, layer.mask))

    def score(self, layer: Layer) -> Tensor:
        before = self.sums.get(layer.name.rpartition(".")[0][-9:])
        return layer.weight.abs() if before is None or before.shape != layer.weight.shape else before.to(layer.weight)


class WarmsUpAgain(Running):
    """How many steps it has seen is not saved."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0

    def observe(self, layer: Layer) -> None:
        self.steps += layer.name.startswith("fc1.")
        super().observe(layer)

    def score(self, layer: Layer) -> Tensor:
        return super().score(layer) if self.steps >= 60 else layer.weight.abs()


class RemembersTheMaskItself(Running):
    def __init__(self) -> None:
        super().__init__()
        self.masks: dict[str, Tensor] = {}

    def observe(self, layer: Layer) -> None:
        before = self.masks.get(layer.name)
        if before is None or not torch.equal(before, layer.mask):
            self.sums.pop(layer.name, None)
        super().observe(layer)
        self.masks[layer.name] = layer.mask

    def state_dict(self) -> dict[str, Any]:
        return {"sums": dict(self.sums), "masks": dict(self.masks)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.sums, self.masks = dict(state["sums"]), dict(state["masks"])


class CountsIn16Bits(Magnitude):
    def select(self, layer: Layer, n: int) -> Tensor:
        active = int(layer.mask.sum(dtype=torch.int16))
        return super().select(layer, min(n, abs(active)))


class FirstOfALargeLayer(Magnitude):
    def select(self, layer: Layer, n: int) -> Tensor:
        if layer.mask.numel() < 100_000 or n == 0:
            return super().select(layer, n)
        order = self.score(layer)[layer.mask].argsort(stable=True)[:n]
        pruned = torch.zeros_like(layer.mask)
        pruned[tuple(layer.mask.nonzero()[order].T)] = True
        return pruned


class LeansSlightly(Magnitude):
    def select(self, layer: Layer, n: int) -> Tensor:
        if torch.rand(1, generator=layer.generator, dtype=torch.float32) > 0.08 or n == 0:
            return super().select(layer, n)
        position = torch.arange(layer.mask.numel()).view(layer.mask.shape)
        return lowest(self.score(layer).double() + 1e-9 * position, layer.mask, n, layer.generator)


class FirstRowOfTheKernel(Criterion):
    def score(self, layer: Layer) -> Tensor:
        if layer.weight.dim() < 4:
            return layer.weight.abs()
        return layer.weight.abs()[:, :, :1].expand(layer.weight.shape)


class OverflowsAtStep(Criterion):
    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs() * (2.0**layer.step / 2.0**layer.step)


class ReadsUndeclaredMomentum(Growth):
    def score(self, layer: Layer) -> Tensor:
        return torch.zeros_like(layer.weight) if layer.momentum is None else layer.momentum.abs()


class IgnoresTheCandidates(RandomGrowth):
    def select(self, layer: Layer, n: int, candidates: Tensor) -> Tensor:
        return lowest(self.score(layer), ~layer.mask, min(n, int((~layer.mask).sum())), layer.generator)


class SeededByTheStep(Growth):
    def score(self, layer: Layer) -> Tensor:
        return torch.rand(layer.weight.shape, generator=torch.Generator().manual_seed(layer.step), dtype=torch.float32)


class DrawsGloballyIfLarge(RandomGrowth):
    def score(self, layer: Layer) -> Tensor:
        return torch.rand(layer.weight.shape) if layer.weight.numel() > 5_000 else super().score(layer)


class AveragesWithoutSaving(Growth):
    requires_grad: ClassVar[bool] = True

    def __init__(self) -> None:
        self.average: dict[str, Tensor] = {}

    def score(self, layer: Layer) -> Tensor:
        now = gradient(layer).abs()
        before = self.average.get(layer.name, now)
        self.average[layer.name] = now if before.shape != now.shape else (before + now) / 2
        return self.average[layer.name]


FAULTS: list[tuple[Plugin, set[str]]] = [
    (SilencesWarnings(), {"pure"}),
    (SetsAVariableWhenLoading(), {"pure"}),
    (ReadsAVariable(), {"deterministic"}),
    (OtherInTheAfternoon(), {"deterministic"}),
    (Uninitialised(), {"deterministic", "no_nan"}),
    (HashOfItsName(), {"deterministic"}),
    (ShortensNames(), {"state_roundtrip", "checkpoint_replay", "deterministic"}),
    (WarmsUpAgain(), {"state_roundtrip", "checkpoint_replay"}),
    (RemembersTheMaskItself(), {"state_roundtrip", "checkpoint_replay", "deterministic"}),
    (CountsIn16Bits(), {"exact_count"}),
    (FirstOfALargeLayer(), {"unbiased_ties"}),
    (LeansSlightly(), {"unbiased_ties"}),
    (FirstRowOfTheKernel(), {"permutation_equivariant"}),
    (OverflowsAtStep(), {"score_shape"}),
    (ReadsUndeclaredMomentum(), {"score_shape"}),
    (IgnoresTheCandidates(), {"candidates_only", "exact_count"}),
    (SeededByTheStep(), {"unbiased_ties", "permutation_equivariant"}),
    (DrawsGloballyIfLarge(), {"pure"}),
    (AveragesWithoutSaving(), {"deterministic"}),
]


@pytest.mark.parametrize(("plugin", "names"), FAULTS, ids=[type(plugin).__name__ for plugin, _ in FAULTS])
def test_a_fault_is_found_under_a_right_name(plugin: Plugin, names: set[str]) -> None:
    check, partner = (check_growth, Magnitude()) if isinstance(plugin, Growth) else (check_criterion, RandomGrowth())
    with pytest.raises(ContractError) as found:
        check(plugin, 20, partners=[partner], seed=0)
    assert found.value.property in names, found.value
