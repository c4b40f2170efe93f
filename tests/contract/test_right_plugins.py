"""Right criteria and growths pass, the installed ones and unusual ones."""

import warnings
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from planted import Running
from torch import Tensor

from criteria import Criterion, Growth, InputError, Layer, gradient, load, names
from criteria.contract import Check, check_criterion, check_growth, parametrize_with_checks
from criteria.contract.asking import Plugin

INSTALLED = [load(name, kind) for kind in ("criterion", "growth") for name in names(kind)]
CI_EXAMPLES = 25


class Uniform(Criterion):
    """Has a selection and no scores."""

    def select(self, layer: Layer, n: int) -> Tensor:
        active = layer.mask.nonzero()
        chosen = active[torch.randperm(len(active), generator=layer.generator)[:n]]
        pruned = torch.zeros_like(layer.mask)
        pruned[tuple(chosen.T)] = True
        return pruned


class Integers(Criterion):
    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs().clamp(max=100).floor().int()


class Normalised(Criterion):
    """Divides by a sum over the active weights, whose last digits depend on how it is computed."""

    requires_grad: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        size = (layer.weight.double() * gradient(layer).double() * layer.mask).abs()
        return size / size.sum().clamp(min=1e-300)


class PerRow(Criterion):
    """Sees more than one weight at a time: how large it is in its row."""

    def score(self, layer: Layer) -> Tensor:
        size = layer.weight.double().abs() * layer.mask
        return (
            size / size.flatten(1).sum(1).clamp(min=1e-300).view(-1, *(1 for _ in size.shape[1:]))
            if size.dim() > 1
            else size
        )


class Infinite(Criterion):
    """Scores overflow; infinite ones are equal."""

    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs() * 1e38 * 1e38


class Warns(Criterion):
    def score(self, layer: Layer) -> Tensor:
        warnings.warn("an old name", DeprecationWarning, stacklevel=2)
        return layer.weight.abs()


@dataclass
class OnlyFloat32(Criterion):
    """Computes in float32 whatever it is given."""

    def score(self, layer: Layer) -> Tensor:
        return layer.weight.to(torch.float32).abs()


class LeastRecentlySeen(Growth):
    """Reads every optional field there is."""

    def score(self, layer: Layer) -> Tensor:
        seen = [each for each in (layer.grad, layer.momentum) if each is not None]
        return sum((each.double().abs() for each in seen), torch.zeros(layer.weight.shape, dtype=torch.float64))


UNUSUAL: list[Plugin] = [
    *(Uniform(), Integers(), Normalised(), PerRow(), Infinite(), Warns(), OnlyFloat32(), Running(), LeastRecentlySeen())
]


@parametrize_with_checks(INSTALLED)
def test_an_installed_plugin_keeps_its_promises(plugin: Plugin, check: Check) -> None:
    check(plugin, CI_EXAMPLES)


@parametrize_with_checks(UNUSUAL)
def test_a_right_but_unusual_plugin_passes(plugin: Plugin, check: Check) -> None:
    check(plugin, CI_EXAMPLES)


@pytest.mark.long
@pytest.mark.parametrize("plugin", [*INSTALLED, *UNUSUAL], ids=lambda plugin: type(plugin).__name__)
def test_no_right_plugin_fails_whatever_cases_are_drawn(plugin: Plugin) -> None:
    for seed in range(20):
        (check_growth if isinstance(plugin, Growth) else check_criterion)(plugin, seed=seed)


def test_a_class_is_not_mistaken_for_a_criterion() -> None:
    with pytest.raises(InputError, match=r"Uniform.*call it: Uniform\(\)"):
        check_criterion(Uniform)  # type: ignore[arg-type]
