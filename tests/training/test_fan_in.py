"""Constant fan-in: every output unit of a layer has as many active inputs, at the start and after every update."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.setup import TrainingSettings
from benchmark.training.fleet_training import FleetTraining
from benchmark.training.members import Member
from criteria import InputError, Layer, Rules, SparseTraining, load, names, update_layers
from criteria.fan_in import fan_in_mask, fan_ins, most_replaced
from criteria.rules import prune_count
from tests.criteria.layer_strategies import layers, prune_fractions, seeded, unhurried
from tests.training.small_fleets import CPU, LENET5, MLP, recipe, setup, some_data

TRAINING = TrainingSettings(epochs=2, batch_size=32, learning_rate=0.05)


@pytest.mark.parametrize(
    ("engine", "model", "shape"), [("dense", MLP, (6,)), ("sparse", MLP, (6,)), ("dense", LENET5, (1, 28, 28))]
)
def test_a_network_keeps_one_fan_in_for_each_layer_while_it_is_rewired(engine, model, shape):
    moving = Member(1, 0.3, "erk", recipe("magnitude", fan_in="constant"), fan_in="constant")
    static = Member(1, 0.3, fan_in="constant")
    training = FleetTraining([moving, static], setup(model, TRAINING, engine), some_data(*shape), CPU)
    before = training.engine.masks(0)
    for _ in training.steps():
        pass
    after = training.engine.masks(0)
    for name, mask in before.items():
        assert len(fan_ins(mask).unique()) == 1
        assert torch.equal(fan_ins(mask), fan_ins(after[name]))
        assert torch.equal(training.engine.masks(1)[name], mask)
    assert any(not torch.equal(mask, after[name]) for name, mask in before.items())


@unhurried
@given(
    layers(),
    st.sampled_from(names()),
    st.sampled_from(names("growth")),
    prune_fractions,
    st.sampled_from(["forbid", "allow"]),
)
def test_each_unit_grows_what_it_lost_on_any_mask(layer, criterion, growth, fraction, resurrection):
    rules = Rules(resurrection=resurrection, fan_in="constant")
    (update,) = update_layers([layer], load(criterion), load(growth, "growth"), fraction, rules)
    assert torch.equal(fan_ins(update.mask), fan_ins(layer.mask))
    wanted = prune_count(int(layer.mask.sum()), layer.mask.numel(), fraction, resurrection)
    if resurrection == "forbid":
        assert int(update.pruned.sum()) == min(wanted, most_replaced(layer.mask))
        assert not (update.pruned & update.mask).any()
    else:
        assert int(update.pruned.sum()) == wanted


@pytest.mark.parametrize("growth", [name for name in names("growth") if name != "cannistraci_hebb"])
def test_weights_that_are_stored_with_channels_last_are_updated_alike(growth):
    torch.manual_seed(3)
    mask = torch.rand(6, 4, 3, 3) < 0.4
    masks = []
    for memory in (torch.contiguous_format, torch.channels_last):
        torch.manual_seed(4)
        tensors = [torch.randn(6, 4, 3, 3) * mask, torch.randn(6, 4, 3, 3), mask.clone(), torch.randn(6, 4, 3, 3)]
        weight, grad, active, momentum = (tensor.to(memory_format=memory) for tensor in tensors)
        layer = Layer("conv", weight, grad, active, generator=seeded(5), momentum=momentum)
        rules = Rules(fan_in="constant")
        (update,) = update_layers([layer], load("magnitude"), load(growth, "growth"), 0.3, rules)
        assert torch.equal(fan_ins(update.mask), fan_ins(mask))
        masks.append(update.mask)
    assert torch.equal(*masks)


def test_where_every_unit_can_grow_the_smallest_weights_of_the_layer_go_and_the_largest_gradients_of_a_unit_come():
    weight = torch.tensor([[5.0, 0.1, 0, 0], [4.0, 3.0, 0, 0]])
    grad = torch.tensor([[0.0, 0.0, 1.0, 2.0], [9.0, 9.0, 8.0, 7.0]])
    layer = Layer("fc1", weight, grad, weight != 0)
    rules = Rules(fan_in="constant")
    (update,) = update_layers([layer], load("magnitude"), load("gradient", "growth"), 0.25, rules)
    assert update.mask.tolist() == [[True, False, False, True], [True, True, False, False]]


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(0, 500), st.integers(0, 2**31))
def test_a_drawn_mask_has_one_fan_in_nearest_to_what_was_asked_for(shape, count, seed):
    mask = fan_in_mask(tuple(shape), count, seeded(seed))
    outputs = shape[0] if len(shape) > 1 else 1
    assert mask.shape == torch.Size(shape)
    (each,) = fan_ins(mask).unique().tolist()
    assert each == min(mask.numel() // outputs, max(1, round(count / outputs)))


def test_in_ones_own_loop_units_keep_their_fan_in_too():
    torch.manual_seed(0)
    model = torch.nn.Linear(30, 20)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    sparse = SparseTraining(model, optimizer, update_period=1, total_steps=10, rules=Rules(fan_in="constant"))
    before = sparse.masks["weight"].clone()
    model(torch.randn(2, 30)).square().sum().backward()
    optimizer.step()
    assert not torch.equal(before, sparse.masks["weight"])
    assert fan_ins(sparse.masks["weight"]).unique().tolist() == [3]


@pytest.mark.parametrize("other", ["topology.scope=global", "topology.density_schedule=gmp"])
def test_weights_that_move_between_layers_or_go_keep_no_fan_in(other):
    with pytest.raises(InputError, match="constant needs scope: local and a density that does not change"):
        load_experiment("smoke", ["topology.fan_in=constant", other])
    with pytest.raises(InputError, match="scope: local"):
        Rules(scope="global", fan_in="constant")
