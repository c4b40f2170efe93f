"""Tensors on a device that is not there: what a GPU would refuse is refused, all else works."""

import pytest
import torch

from criteria import Layer, load, names
from criteria.contract.device import DEVICE, Pretending, WrongDevice, pretended, real
from criteria.contract.elsewhere import asked_elsewhere
from criteria.selection import lowest


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
    with Pretending():
        there = load(name).select(moved(layer), 5)
    assert there.device == DEVICE
    assert torch.equal(real(there), load(name).select(layer, 5))


def test_the_cpus_generator_does_not_draw_there(layer: Layer) -> None:
    with Pretending(), pytest.raises(WrongDevice, match="generator"):
        torch.rand(3, generator=layer.generator, device=moved(layer).weight.device)


def test_tensors_of_both_do_not_mix(layer: Layer) -> None:
    with Pretending(), pytest.raises(WrongDevice, match="same device"):
        moved(layer).weight + torch.ones(6, 5)


def test_numbers_and_indices_of_the_cpu_may_be_used_there(layer: Layer) -> None:
    with Pretending():
        there = moved(layer).weight
        assert (there * torch.tensor(2.0)).device == DEVICE
        assert there[torch.tensor([0, 1])].tolist() == layer.weight[:2].tolist()
        assert real(lowest(there, moved(layer).mask, 3, layer.generator)).sum() == 3


def test_torch_does_not_wrap_what_is_pretended_to_keep_its_compiler_away() -> None:
    """The wrapper imports the compiler, which takes seconds of every process that checks a contract."""
    assert not hasattr(Pretending.__torch_dispatch__, "__wrapped__")


@pytest.mark.cuda
def test_another_process_answers_where_there_is_a_gpu() -> None:
    """One that has looked at a GPU cannot fork, and would answer nothing."""
    assert asked_elsewhere(load("magnitude")).answers
