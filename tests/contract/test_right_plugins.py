"""Right criteria and growths pass, the installed ones and unusual ones."""

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from criteria import Criterion, Growth, InputError, Layer, gradient, load, lowest, names
from criteria.contract import DEFAULT_EXAMPLES, Check, check_criterion, check_growth, parametrize_with_checks
from criteria.contract.asking import Plugin
from criteria.growth.gradient import GradientGrowth
from criteria.pruning.magnitude import Magnitude
from tests.contract.planted import Running

CRITERIA = [load(name) for name in names()]
GROWTHS = [load(name, "growth") for name in names("growth")]
CI_EXAMPLES = 5
THOROUGHLY = ("magnitude", "running_snip", "grasp", "soft_magnitude", "wanda")
"""A criterion of each kind: plain, with a memory, with second derivatives, drawing, reading inputs.

The others get the first pass here, and all of it in the long tests; those of the paper get all of it from the gate too,
whenever `smoke` is reproduced.
"""
GROWTHS_THOROUGHLY = ("dst_ee", "guided_exploration")
"""A growth with a memory, and one that draws."""


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


class SelectsByCurvature(Criterion):
    """Has a selection of its own, which asks for the Hessian-gradient product."""

    requires_grad: ClassVar[bool] = True
    requires_hessian_gradient: ClassVar[bool] = True

    def select(self, layer: Layer, n: int) -> Tensor:
        if layer.hessian_gradient is None:
            raise ValueError("it asked for the product, and got none")
        return lowest(layer.weight * layer.hessian_gradient(1.0), layer.mask, n, layer.generator)


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


class AllOptional(Growth):
    """Reads every optional field there is."""

    requires_grad: ClassVar[bool] = True
    requires_momentum: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        seen = [each for each in (layer.grad, layer.momentum) if each is not None]
        return sum((each.double().abs() for each in seen), torch.zeros_like(layer.weight, dtype=torch.float64))


class Tabu(Growth):
    """Prefers positions that it has seldom grown: it remembers every update, and answers otherwise after it."""

    requires_grad: ClassVar[bool] = True

    def __init__(self) -> None:
        self.counts: dict[str, Tensor] = {}

    def select(self, layer: Layer, n: int, candidates: Tensor) -> Tensor:
        counts = self.counts.get(layer.name, torch.zeros(layer.mask.shape, dtype=torch.int64)).to(layer.mask.device)
        score = counts.double() - torch.tanh(gradient(layer).abs().double())
        grown = lowest(score, candidates, n, layer.generator)
        self.counts[layer.name] = counts + grown
        return grown

    def state_dict(self) -> dict[str, Any]:
        return dict(self.counts)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.counts = dict(state)


UNUSUAL: list[Plugin] = [
    *(AllOptional(), Tabu()),
    *(
        Uniform(),
        Integers(),
        Normalised(),
        PerRow(),
        SelectsByCurvature(),
        Infinite(),
        Warns(),
        OnlyFloat32(),
        Running(),
    ),
]
IN_FULL = (AllOptional, Uniform, Normalised, SelectsByCurvature, Running)
"""What is unusual about these shows in large layers, after many steps or beside a partner.

The others are as unusual in a layer of a few weights, which the first pass tries; the long test tries all of them in
everything.
"""


def check_quietly(plugin: Plugin, max_examples: int, **options: Any) -> None:
    if isinstance(plugin, Growth):
        check_growth(plugin, max_examples, partners=[Magnitude()], **options)
    else:
        check_criterion(plugin, max_examples, **options)


@parametrize_with_checks([load(name) for name in THOROUGHLY])
def test_an_installed_criterion_keeps_its_promises_with_every_growth(plugin: Plugin, check: Check) -> None:
    check(plugin, CI_EXAMPLES)


@pytest.mark.parametrize("criterion", [name for name in names() if name not in THOROUGHLY])
def test_every_other_installed_criterion_passes_the_first_pass(criterion: str) -> None:
    check_criterion(criterion, quick=True)


@pytest.mark.parametrize("growth", GROWTHS_THOROUGHLY)
def test_an_installed_growth_keeps_its_promises(growth: str) -> None:
    check_growth(growth, CI_EXAMPLES, partners=[Magnitude()])


@pytest.mark.parametrize("growth", [name for name in names("growth") if name not in GROWTHS_THOROUGHLY])
def test_every_other_installed_growth_passes_the_first_pass(growth: str) -> None:
    check_growth(growth, quick=True)


@pytest.mark.parametrize("plugin", UNUSUAL, ids=lambda plugin: type(plugin).__name__)
def test_a_right_but_unusual_plugin_passes(plugin: Plugin) -> None:
    partners = [] if isinstance(plugin, Growth) else [GradientGrowth()]  # the long test takes all of them
    quick = not isinstance(plugin, IN_FULL)
    check_quietly(plugin, CI_EXAMPLES, quick=quick, **({"partners": partners} if partners else {}))


@pytest.mark.long
@pytest.mark.parametrize("plugin", [*CRITERIA, *GROWTHS, *UNUSUAL], ids=lambda plugin: type(plugin).__name__)
def test_no_right_plugin_fails_whatever_cases_are_drawn(plugin: Plugin) -> None:
    for seed in range(20):
        check_quietly(plugin, DEFAULT_EXAMPLES, seed=seed)


def test_a_class_is_not_mistaken_for_a_criterion() -> None:
    with pytest.raises(InputError, match=r"Uniform.*call it: Uniform\(\)"):
        check_criterion(Uniform)  # type: ignore[arg-type]
