"""The layers that the contract asks about are such as there can be."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from criteria import input_norm, load
from criteria.contract.case import Case, drawn_case, has_active
from criteria.contract.selection_properties import _filled, _shuffled
from criteria.contract.state_properties import _rolled
from criteria.contract.strategies import cases

WANDA = load("wanda")


def _made_from(case: Case) -> list[Case]:
    """Cases that properties make of one."""
    return [case, case.later(), _rolled(case, 2, "other"), _shuffled(case, 1, torch.Generator().manual_seed(1))]


@given(st.one_of(cases(WANDA, moved=True), st.just(drawn_case((3, 4, 3, 5), 50, 10))))
def test_all_weights_of_an_input_unit_have_the_same_norm(case: Case) -> None:
    """A column of a linear layer has one, and a kernel of a convolution, whose outputs may be in groups."""
    layers = [each.layer for each in _made_from(case)] + list(case.past())
    layers.append(_filled(case.layer, torch.ones(case.layer.mask.shape, dtype=torch.float64)))
    for layer in layers:
        norm = input_norm(layer)
        assert bool((norm >= 0).all())
        if norm.dim() == 2:
            assert torch.equal(norm, norm[:1].expand_as(norm))
        elif norm.dim() > 2:
            kernels = norm.flatten(2)
            assert torch.equal(kernels, kernels[..., :1].expand_as(kernels))


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 2, 2), (6,)])
def test_a_unit_without_an_active_weight_may_have_any_norm(shape: tuple[int, ...]) -> None:
    case = drawn_case(shape, active=1, n=1)
    filled = _filled(case.layer, torch.full(shape, 7.0, dtype=torch.float64))
    active = has_active(case.layer.mask).expand(shape)
    assert torch.equal(input_norm(filled)[active], input_norm(case.layer)[active])
    assert bool((input_norm(filled)[~active] == 7).all())
    assert 0 < int(active.sum()) < active.numel()
