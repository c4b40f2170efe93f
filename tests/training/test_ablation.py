"""Ablation of units (SRigL): units with too few salient weights lose them to the others, which keep one fan-in."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.runs import expand
from benchmark.experiments.setup import TrainingSettings
from benchmark.training.engines import SPARSE
from benchmark.training.engines.choosing import fastest_engine
from benchmark.training.fleet_training import FleetTraining
from benchmark.training.members import Member
from criteria import InputError, Layer, Rules, SparseTraining, load, names, update_layers
from criteria.ablation import LOST, ablated_units
from criteria.fan_in import fan_in_mask, fan_ins
from tests.criteria.layer_strategies import prune_fractions, seeded, seeds, unhurried
from tests.training.small_fleets import CPU, LENET5, MLP, recipe, setup, some_data

TRAINING = TrainingSettings(epochs=3, batch_size=32, learning_rate=0.05)
FULL = ["topology.fan_in=constant", "topology.ablation=0.3"]
ABLATION = Rules(fan_in="constant", ablation=0.5)


def layer_with(shape, each, seed):
    """A layer whose units have ``each`` weights, some units much larger ones than others."""
    generator = seeded(seed)
    mask = fan_in_mask(shape, each * shape[0], generator)
    sizes = torch.rand(shape[0], generator=generator).square().view(-1, *(1,) * (len(shape) - 1))
    weight = torch.randn(shape, generator=generator) * sizes * mask
    grad = torch.randn(shape, generator=generator) * sizes
    norms = torch.ones(shape)
    return Layer("fc1", weight, grad, mask, 1, generator, grad / 2, lambda _: grad, norms)


def updated(layer, criterion="magnitude", growth="gradient", fraction=0.3, rules=ABLATION, target=None):
    made = load(criterion), load(growth, "growth")
    target = int(layer.mask.sum()) if target is None else target
    return update_layers([layer], *made, fraction, rules, [target])[0]


@unhurried
@given(
    st.tuples(st.integers(1, 8), st.integers(1, 8)) | st.tuples(st.integers(2, 5), st.integers(1, 3), st.just(2)),
    st.data(),
    st.sampled_from(names()),
    st.sampled_from(names("growth")),
    prune_fractions,
    st.sampled_from(["forbid", "allow", "restart"]),
    seeds,
)
def test_the_units_that_are_left_share_the_weights_of_the_layer_evenly(
    shape, data, criterion, growth, fraction, resurrection, seed
):
    inputs = torch.Size(shape[1:]).numel()
    rules = Rules(resurrection=resurrection, fan_in="constant", ablation=data.draw(st.sampled_from([0.1, 0.5, 1.0])))
    layer, gone = layer_with(shape, data.draw(st.integers(1, inputs)), seed), 0
    target = int(layer.mask.sum())
    for step in range(1, 4):
        update = updated(layer, criterion, growth, fraction, rules, target)
        left = shape[0] - ablated_units(update.mask)
        (fan_in,) = fan_ins(update.mask)[fan_ins(update.mask) > 0].unique().tolist()
        assert fan_in == target // left
        assert int(update.mask.sum()) >= (1 - LOST) * target  # of the start, also in the long run
        assert ablated_units(update.mask) >= gone
        assert not (update.pruned & ~layer.mask).any()
        assert torch.equal(update.mask, (layer.mask & ~update.pruned) | update.grown)
        if resurrection == "forbid":
            assert not (update.pruned & update.grown).any()
        gone = ablated_units(update.mask)
        weight = torch.where(update.mask, layer.weight + 0.1, 0)
        layer = Layer(
            "fc1",
            weight,
            layer.grad,
            update.mask,
            step + 1,
            layer.generator,
            layer.momentum,
            layer.hessian_gradient,
            layer.input_norm,
        )


def test_a_unit_with_too_few_salient_weights_goes_and_the_others_get_its_weights():
    """Of three units with four weights each one has no weight that magnitude keeps and no large gradient."""
    mask = fan_in_mask((3, 8), 12, seeded(1))
    size = torch.tensor([[1.0], [0.01], [2.0]])
    layer = Layer("fc1", size * mask, torch.ones(3, 8) * size, mask, 1, seeded(0))
    update = updated(layer, fraction=0.3)
    assert fan_ins(update.mask).tolist() == [6, 0, 6]
    assert torch.equal(update.pruned, mask & torch.tensor([[False], [True], [False]]))
    spared = update_layers([layer], load("magnitude"), load("gradient", "growth"), 0.3, ABLATION, [None])[0]
    assert fan_ins(spared.mask).tolist() == [4, 4, 4]


@pytest.mark.parametrize("resurrection", ["forbid", "allow"])
def test_the_mask_is_that_of_the_released_code(resurrection):
    """calgaryml/condensed-sparsity at 3052bb8, whose three methods were run on this layer: the second unit goes."""
    weight = [[9.0, 0, 0, -7, 0, 5], [0, 1, -2, 0, 3, 0], [0, 0, 8, 6, -10, 0], [4, 0, 0, 0, -11, 12]]
    grad = [[0.0, 1, -4, 0, 7, 0], [2, 0, 0, 3, 0, -1], [8, -9, 0, 0, 0, 5], [0, 6, -10, 12, 0, 0]]
    theirs = [[1, 0, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0], [0, 1, 1, 1, 1, 0], [1, 0, 0, 1, 1, 1]]
    layer = Layer("fc1", torch.tensor(weight), torch.tensor(grad), torch.tensor(weight) != 0, 1, seeded(0))
    rules = Rules(resurrection=resurrection, fan_in="constant", ablation=0.9)
    assert updated(layer, fraction=0.25, rules=rules).mask.int().tolist() == theirs


def test_a_large_gradient_saves_a_unit_of_small_weights():
    mask = torch.tensor([[True, True, False, False]] * 3)
    size = torch.tensor([[1.0], [0.01], [2.0]])
    grad = torch.tensor([[0.0, 0.0, 1.0, 1.0], [9.0, 9.0, 9.0, 9.0], [0.0, 0.0, 1.0, 1.0]])
    layer = Layer("fc1", size * mask, grad, mask, 1, seeded(0))
    assert ablated_units(updated(layer, fraction=0.3).mask) == 0
    assert (
        ablated_units(updated(Layer("fc1", size * mask, grad.roll(1, 0), mask, 1, seeded(0)), fraction=0.3).mask) == 1
    )


def test_units_stay_whose_weights_the_others_could_not_share():
    """Of ten units of four weights two can go and leave eight of five; with nine of four, a tenth would be lost."""
    mask = fan_in_mask((10, 8), 40, seeded(1))
    for poor, gone in ((1, 0), (2, 2), (3, 2)):
        size = torch.ones(10, 1).index_fill(0, torch.arange(poor), 0.01)
        layer = Layer("fc1", size * mask, size * torch.ones(10, 8), mask, 1, seeded(0))
        update = updated(layer, fraction=0.3)
        assert sorted(fan_ins(update.mask).tolist()) == [0] * gone + [40 // (10 - gone)] * (10 - gone)


def test_no_more_units_go_than_the_others_have_room_for():
    mask = fan_in_mask((4, 4), 12, seeded(1))
    layer = Layer("fc1", torch.tensor([[1.0], [0.0], [0.0], [0.0]]) * mask, torch.zeros(4, 4), mask, 1, seeded(0))
    update = updated(layer, fraction=0.5, rules=Rules(fan_in="constant", ablation=1.0))
    assert fan_ins(update.mask).sort().values.tolist() == [0, 4, 4, 4]


@pytest.mark.parametrize(("model", "shape"), [(MLP, (6,)), (LENET5, (1, 28, 28))])
def test_a_training_keeps_its_density_loses_no_class_says_how_many_units_went_and_goes_on_from_a_checkpoint(
    model, shape, tmp_path
):
    def fresh():
        moving = recipe("magnitude", fan_in="constant", ablation=0.9)
        member = Member(1, 0.3, "erk", moving, fan_in="constant")
        return FleetTraining([member], setup(model, TRAINING), some_data(*shape), CPU)

    first, second = fresh(), fresh()
    before = first.engine.masks(0)
    for step in first.steps():
        if step == 3:
            torch.save(first.state_dict(), tmp_path / "saved.pt")
    second.load_state_dict(torch.load(tmp_path / "saved.pt", weights_only=True))
    for _ in second.steps():
        pass
    assert not first.failures
    (one,), (other,) = first.finish(), second.finish()
    assert one == other
    after, ablated = first.engine.masks(0), one.measured.ablated
    assert ablated
    assert list(before)[-1] not in ablated
    for name, mask in after.items():
        left = len(mask) - ablated.get(name, 0)
        assert fan_ins(mask).unique().tolist() == [*[0] * (left < len(mask)), int(before[name].sum()) // left]
        assert (1 - LOST) * int(before[name].sum()) <= int(mask.sum()) <= int(before[name].sum())


def test_without_an_ablation_the_result_names_no_units():
    member = Member(1, 0.3, "erk", recipe("magnitude", fan_in="constant"), fan_in="constant")
    training = FleetTraining([member], setup(MLP, TRAINING), some_data(6), CPU)
    for _ in training.steps():
        pass
    assert training.finish()[0].measured.ablated == {}


def test_the_sparse_engine_leaves_an_ablation_to_the_dense_one():
    (run, *_) = [each for each in expand(load_experiment("smoke", FULL)) if each.rule.criterion is not None]
    assert "keeps the number of weights" in SPARSE.refuses(run.setup, run.rule, CPU)
    assert fastest_engine(run.setup, run.rule, 0.01, CPU) == "dense"


def test_what_an_ablation_needs_is_said_in_one_line():
    with pytest.raises(InputError, match="set fan_in: constant"):
        load_experiment("smoke", ["topology.ablation=0.3"])
    with pytest.raises(InputError, match="between 0"):
        load_experiment("smoke", ["topology.fan_in=constant", "topology.ablation=1.5"])
    model = torch.nn.Linear(4, 3)
    with pytest.raises(InputError, match="not kept here"):
        SparseTraining(model, torch.optim.SGD(model.parameters(), 0.1), total_steps=9, rules=ABLATION)
    uneven = torch.tensor([[True, True], [True, False]])
    with pytest.raises(InputError, match="no constant fan-in"):
        updated(Layer("fc1", torch.ones(2, 2) * uneven, torch.ones(2, 2), uneven, 1, seeded(0)))
    with pytest.raises(InputError, match="started with"):
        update_layers([], load("magnitude"), load("gradient", "growth"), 0.3, ABLATION)
