"""Grown weights under Adam: whose count of steps corrects their moments."""

import pytest
import torch
from torch import nn

from criteria import InputError, Rules, SparseTraining
from tests.own_loop.nets import attached, file_of_parts, train

RESET = Rules(grown_momentum="reset")


def grown_path(bias_correction, optimizer, steps=12, update_at=40, **settings):
    """The path of a weight from where it grows, on gradients that are given, and a fresh optimizer's on the same."""
    layer = nn.Linear(4, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[5.0, 6.0, 1e-3, 0.0]]))
    made = optimizer([layer.weight], lr=1e-2, **settings)
    masks = {"weight": torch.tensor([[True, True, True, False]])}
    how = {"prune_fraction": 0.3, "update_period": update_at, "total_steps": update_at, "rules": RESET}
    sparse = SparseTraining(layer, made, masks=masks, growth="random", bias_correction=bias_correction, **how)
    generator = torch.Generator().manual_seed(0)
    gradients = torch.randn(update_at + steps, 1, 4, generator=generator)
    gradients[:update_at, 0, 2:] = 0  # the third stays smallest, and is pruned at the update
    path = []
    fresh = nn.Parameter(torch.zeros(1))
    again = optimizer([fresh], lr=1e-2, **settings)
    wanted = []
    for step, gradient in enumerate(gradients):
        layer.weight.grad = gradient.clone()
        made.step()
        if step >= update_at:
            path.append(float(layer.weight[0, 3].detach()))
            fresh.grad = gradient[0, 3:].clone()
            again.step()
            wanted.append(float(fresh.detach()))
    assert sparse.masks["weight"].tolist() == [[True, True, False, True]]
    return torch.tensor(path), torch.tensor(wanted)


@pytest.mark.parametrize(
    ("optimizer", "settings"),
    [
        (torch.optim.Adam, {}),
        (torch.optim.AdamW, {"weight_decay": 0.1}),
        (torch.optim.Adam, {"maximize": True, "betas": (0.8, 0.99)}),
        (torch.optim.AdamW, {"foreach": True}),
        (torch.optim.AdamW, {"fused": True}),
    ],
)
def test_with_its_own_correction_a_grown_weight_moves_as_a_fresh_adam_would_move_it(optimizer, settings):
    path, wanted = grown_path("own", optimizer, **settings)
    torch.testing.assert_close(path, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("steps", "ratio"), [(1, 3.16), (12, 6.57), (100, 3.24), (1000, 1.26)])
def test_with_the_shared_correction_moments_from_zero_take_longer_steps_for_a_while(steps, ratio):
    """With gradients that stay, in multiples of a fresh Adam's step: (1 − β₁^k)/√(1 − β₂^k) after long training."""
    weight = nn.Parameter(torch.tensor([[5.0, 6.0, 1e-3, 0.0]]))
    layer = nn.Linear(4, 1, bias=False)
    layer.weight = weight
    optimizer = torch.optim.Adam([weight], lr=1e-6)
    masks = {"weight": torch.tensor([[True, True, True, False]])}
    how = {"prune_fraction": 0.3, "update_period": 1, "total_steps": 1, "growth": "random", "rules": RESET}
    sparse = SparseTraining(layer, optimizer, masks=masks, **how)
    weight.grad = torch.ones(1, 4)
    optimizer.step()
    assert sparse.masks["weight"][0, 3]
    optimizer.state[weight]["step"].fill_(100_000)
    for _ in range(steps):
        before = float(weight.detach()[0, 3])
        optimizer.step()
    assert (before - float(weight.detach()[0, 3])) / 1e-6 == pytest.approx(ratio, rel=0.01)


def test_ages_survive_a_checkpoint():
    how = {"bias_correction": "own", "rules": RESET}
    whole = attached(optimizer="adamw", **how)
    train(*whole[:2], 20)
    first = attached(optimizer="adamw", **how)
    train(*first[:2], 8)
    second = attached(optimizer="adamw", **how)
    for part, state in zip(second, file_of_parts(*first), strict=True):
        part.load_state_dict(state)
    train(*second[:2], 12, first=8)
    weights = zip(whole[0].state_dict().values(), second[0].state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in weights)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: torch.optim.SGD(p, lr=0.1), "bias_correction='own' is Adam's and AdamW's; SGD has none"),
        (lambda p: torch.optim.Adam(p, amsgrad=True), "does not know AMSGrad"),
    ],
)
def test_an_optimizer_without_that_correction_is_refused(make, message):
    layer = nn.Linear(3, 3)
    with pytest.raises(InputError, match=message):
        SparseTraining(layer, make(layer.parameters()), update_period=None, bias_correction="own", rules=RESET)
