"""Tensors on a device that is not there: what a GPU would refuse is refused, all else works."""

import numpy as np
import pytest
import torch
from torch import Tensor

from criteria import Criterion, Layer, load, names
from criteria.contract.asking import Inapplicable
from criteria.contract.case import Case
from criteria.contract.device import DEVICE, Elsewhere, Pretended, WrongDevice, pretended, pretending, real
from criteria.contract.elsewhere import asked_elsewhere
from criteria.contract.selection_properties import device_stable
from criteria.selection import lowest
from tests.contract.right.selections import DecidesInPython


@pytest.fixture
def layer() -> Layer:
    generator = torch.Generator().manual_seed(0)
    weight, grad, momentum = torch.randn(3, 6, 5, generator=generator)
    mask = torch.rand(6, 5, generator=generator) < 0.6
    return Layer("fc1", weight * mask, grad, mask, 1, generator, momentum, lambda _: momentum, momentum.abs())


def moved(layer: Layer) -> Layer:
    product = pretended(layer.momentum)
    tensors = [pretended(each) for each in (layer.weight, layer.grad, layer.mask)]
    norm = pretended(layer.input_norm)
    return Layer(layer.name, *tensors, 1, layer.generator.clone_state(), product, lambda _: product, norm)


@pytest.mark.parametrize("name", names())
def test_every_criterion_selects_there_as_here(layer: Layer, name: str) -> None:
    with pretending():
        there = load(name).select(moved(layer), 5)
    assert there.device == DEVICE
    assert torch.equal(real(there), load(name).select(layer, 5))


def test_the_cpus_generator_does_not_draw_there(layer: Layer) -> None:
    with pretending(), pytest.raises(WrongDevice, match="generator"):
        torch.rand(3, generator=layer.generator, device=moved(layer).weight.device)


def test_tensors_of_both_do_not_mix(layer: Layer) -> None:
    with pretending(), pytest.raises(WrongDevice, match="same device"):
        moved(layer).weight + torch.ones(6, 5)


def test_numbers_and_indices_of_the_cpu_may_be_used_there(layer: Layer) -> None:
    with pretending():
        there = moved(layer).weight
        assert (there * torch.tensor(2.0)).device == DEVICE
        assert there[torch.tensor([0, 1])].tolist() == layer.weight[:2].tolist()
        assert real(lowest(there, moved(layer).mask, 3, layer.generator)).sum() == 3


def test_what_is_made_of_numbers_has_them_there_too() -> None:
    with pretending():
        there = pretended(torch.tensor([1.0, 2.0, 3.0]))
        made = {
            "a list": torch.tensor([1.0, 2.0], device=there.device),
            "flags": torch.tensor([True, False], dtype=torch.bool, device=there.device),
            "a number": torch.as_tensor(2.0, device=there.device),
            "an array": torch.as_tensor(np.array([1.0, 2.0]), device=there.device),
            "numbers of its own": torch.tensor([there.sum(), there.max()], device=there.device),
            "a new one": there.new_tensor([1.0, 2.0]),
            "places in a list": there[[0, 2]],
            "places in an array": there[None, np.array([0, 2])],
            "itself": torch.as_tensor(there),
        }
    assert {what for what, each in made.items() if not isinstance(each, Pretended)} == set()
    assert made["flags"].tolist() == [True, False]
    assert made["numbers of its own"].tolist() == [6.0, 3.0]
    assert made["places in a list"].tolist() == [1.0, 3.0]
    with pretending():
        assert there.new_tensor([1.0], device="cpu").tolist() == [1.0]
        assert torch.tensor([1.0]).device == torch.device("cpu")


def test_a_plugin_that_makes_its_answer_of_a_list_is_judged_there(layer: Layer) -> None:
    device_stable(DecidesInPython(), Case(layer, 5))


class OldConstructor(Criterion):
    """Makes a tensor in a way that loses its numbers on a device that is not there."""

    def select(self, layer: Layer, n: int) -> Tensor:
        pruned = lowest(layer.weight.abs(), layer.mask, n, layer.generator)
        return layer.weight.new(pruned.float().tolist()).bool()


def test_what_cannot_be_pretended_says_nothing(layer: Layer) -> None:
    with pytest.raises(Inapplicable):
        device_stable(OldConstructor(), Case(layer, 5))


def test_torch_does_not_wrap_what_is_pretended_to_keep_its_compiler_away() -> None:
    """The wrapper imports the compiler, which takes seconds of every process that checks a contract."""
    assert not hasattr(Elsewhere.__torch_dispatch__, "__wrapped__")


@pytest.mark.cuda
def test_another_process_answers_where_there_is_a_gpu() -> None:
    """One that has looked at a GPU cannot fork, and would answer nothing."""
    assert asked_elsewhere(load("magnitude")).answers
