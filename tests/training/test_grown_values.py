"""Where grown weights start: at zero, at a draw, or at what they were."""

import math

import pytest
import torch

from benchmark.experiments.setup import TrainingSettings
from benchmark.training import updates
from benchmark.training.engines import SPARSE, engine_named
from benchmark.training.engines.engine import Batch
from benchmark.training.members import Member
from criteria import InputError, Rules, SparseTraining
from tests.training.small_fleets import CPU, MLP, recipe, setup, some_data

TRAINING = TrainingSettings(epochs=2, batch_size=32, learning_rate=0.1)
DATA = some_data(6)
BATCH = Batch.of(DATA.train.inputs[None, :32], DATA.train.targets[None, :32])


def one_update(engine, **settings):
    """The weights and masks of a lone member before and after an update that follows one optimizer step."""
    fleet = engine_named(engine).make(
        [Member(1, 0.3, "erk", recipe("magnitude", "random", **settings))], setup(MLP, TRAINING), DATA, CPU
    )
    fleet.backward(BATCH)
    fleet.optimise(0.05)
    before, masks = fleet.weights(0), fleet.masks(0)
    found = updates.update(fleet, 0, 2, 10)
    return dict(zip(masks, found, strict=True)), before, masks, fleet


@pytest.mark.parametrize("engine", ["dense", "sparse"])
@pytest.mark.parametrize("resurrection", ["forbid", "allow", "restart"])
def test_grown_weights_are_drawn_within_the_bound_of_their_fan_in_and_survivors_stay(engine, resurrection):
    found, before, masks, fleet = one_update(engine, grown_value="uniform", resurrection=resurrection)
    for name, update in found.items():
        weight, was = fleet.weights(0)[name], masks[name]
        starting = update.grown & (~was | update.pruned) if resurrection == "restart" else update.grown & ~was
        drawn = weight[starting]
        assert len(drawn)
        assert len(drawn.unique()) == len(drawn)
        assert bool((drawn.abs() <= math.sqrt(6 / was.shape[1])).all())
        others = update.mask & ~starting
        assert torch.equal(weight[others], before[name][others])
        assert not weight[~update.mask].any()


def test_both_engines_draw_the_same_values():
    dense, sparse = (one_update(engine, grown_value="uniform") for engine in ("dense", "sparse"))
    for name, update in dense[0].items():
        assert torch.equal(update.grown, sparse[0][name].grown)
        assert torch.equal(dense[3].weights(0)[name][update.grown], sparse[3].weights(0)[name][update.grown])


def test_a_weight_that_grows_back_is_what_it_was_when_it_was_pruned():
    found, before, masks, fleet = one_update("dense", grown_value="old")
    first = fleet.weights(0)
    initial = engine_named("dense").make([Member(1, 1.0)], setup(MLP, TRAINING), DATA, CPU).weights(0)
    for name, update in found.items():
        never = update.grown & ~masks[name]
        assert torch.equal(first[name][never], initial[name][never])
    again = dict(zip(masks, updates.update(fleet, 0, 4, 10), strict=True))
    back = {name: again[name].grown & found[name].pruned & ~found[name].grown for name in masks}
    assert any(each.any() for each in back.values())
    for name, where in back.items():
        assert torch.equal(fleet.weights(0)[name][where], before[name][where])


def test_old_values_are_in_a_checkpoint():
    *_, fleet = one_update("dense", grown_value="old")
    *_, other = one_update("dense", grown_value="old")
    other.backward(BATCH)
    other.optimise(1.0)
    updates.update(other, 0, 6, 10)
    other.load_state_dict({key: _copied(value) for key, value in fleet.state_dict().items()})
    for each in (fleet, other):
        updates.update(each, 0, 4, 10)
    assert all(torch.equal(a, b) for a, b in zip(fleet.weights(0).values(), other.weights(0).values(), strict=True))


def _copied(value):
    return {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in value.items()}


def test_who_does_not_keep_old_values_says_so():
    from benchmark.experiments.runs import Rule
    from criteria.plugins import Spec

    asked = setup(MLP, TRAINING)
    asked = asked.model_copy(update={"topology": asked.topology.model_copy(update={"grown_value": "old"})})
    rule = Rule(Spec("magnitude"), Spec("random"))
    assert "forgets" in SPARSE.refuses(asked, rule, CPU)
    assert SPARSE.refuses(asked, Rule(baseline=Spec("static")), CPU) is None
    model = torch.nn.Linear(4, 3)
    with pytest.raises(InputError, match="zero or uniform"):
        SparseTraining(model, torch.optim.SGD(model.parameters(), 0.1), total_steps=10, rules=Rules(grown_value="old"))


def test_in_ones_own_loop_grown_weights_are_drawn_too():
    torch.manual_seed(0)
    model = torch.nn.Linear(30, 20)
    optimizer = torch.optim.SGD(model.parameters(), 1e-12)
    sparse = SparseTraining(
        model, optimizer, growth="random", update_period=1, total_steps=10, rules=Rules(grown_value="uniform")
    )
    before = sparse.masks["weight"].clone()
    model(torch.ones(2, 30)).sum().backward()
    optimizer.step()
    drawn = model.weight.detach()[sparse.masks["weight"] & ~before]
    assert len(drawn) > 5
    assert bool(((drawn != 0) & (drawn.abs() <= math.sqrt(6 / 30))).all())
