"""Layers that stay dense, and sparse layers that are never rewired."""

import pytest
import torch

from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.runs import expand
from benchmark.experiments.setup import TrainingSettings
from benchmark.training.engines import engine_named
from benchmark.training.fleet_training import FleetTraining, train_fleet
from benchmark.training.layer_roles import chosen_layers
from benchmark.training.members import Member, member_of
from criteria import InputError
from tests.training.small_fleets import CPU, LENET5, MLP, recipe, setup, some_data

TRAINING = TrainingSettings(epochs=2, batch_size=32, learning_rate=0.05)
NAMES = ["features.0.weight", "features.3.weight", "classifier.1.weight"]


def trained(engine, member):
    """A lone member's masks at the start and at the end, and its outcome."""
    training = FleetTraining([member], setup(MLP, TRAINING, engine), some_data(6), CPU)
    before = training.engine.masks(0)
    for _ in training.steps():
        pass
    return before, training.engine.masks(0), training.finish()[0]


@pytest.mark.parametrize("engine", ["dense", "sparse"])
@pytest.mark.parametrize("scope", ["local", "global", "global_prune"])
def test_a_dense_layer_stays_dense_and_a_fixed_one_as_it_was_while_others_are_rewired(engine, scope):
    names = list(trained(engine, Member(1, 0.3))[0])
    first, middle, last = names
    rewired = recipe("magnitude", scope=scope, fixed=(middle,))
    before, after, outcome = trained(engine, Member(1, 0.3, "erk", rewired, exclude=("last",)))
    assert before[last].all()
    assert after[last].all()
    assert torch.equal(before[middle], after[middle])
    assert not torch.equal(before[first], after[first])
    sizes = {name: mask.numel() for name, mask in before.items()}
    sparse = sum(int(before[name].sum()) for name in (first, middle))
    assert sparse == round(0.3 * (sizes[first] + sizes[middle]))
    assert sum(int(after[name].sum()) for name in names) == sparse + sizes[last]
    assert outcome.density[last] == 1.0
    assert outcome.measured.weights == sizes


@pytest.mark.parametrize("engine", ["dense", "sparse"])
def test_flops_count_dense_layers_and_no_gradients_of_layers_that_rest(engine):
    one, other = (
        trained(engine, Member(1, 0.3, "erk", recipe("magnitude", growth), exclude=("last",)))
        for growth in ("random", "gradient")
    )
    measured = one[2].measured
    active = {name: mask.sum() for name, mask in one[1].items()}
    assert measured.flops.inference == 2 * sum(int(count) for count in active.values())
    last = list(active)[-1]
    inactive = sum(one[1][name].numel() - int(active[name]) for name in active if name != last)
    # two updates, in every second step of two epochs of two steps, on the batches of what the first ones left
    examples = 2 * (len(some_data(6).train.targets) - 32)
    assert other[2].measured.flops.training - measured.flops.training == 2 * inactive * examples


def test_a_baseline_has_the_same_dense_layers_and_the_same_mask():
    smoke = load_experiment("smoke", ["topology.exclude=[last]"])
    runs = expand(smoke)
    static = next(run for run in runs if str(run.rule.baseline) == "static")
    moving = next(
        r for r in runs if r.rule.criterion and r.cell.density == static.cell.density and r.seed == static.seed
    )
    assert static.settings["topology"] == {"distribution": "erk", "exclude": ["last"]}
    members = [member_of(each) for each in (static, moving)]
    fleet = engine_named("dense").make(members, setup(MLP, TRAINING), some_data(6), CPU)
    one, other = fleet.masks(0), fleet.masks(1)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_layers_are_meant_by_name_by_module_by_pattern_or_as_the_last():
    assert chosen_layers(NAMES, ["features"], "exclude") == NAMES[:2]
    assert chosen_layers(NAMES, ["features.3", "last"], "exclude") == NAMES[1:]
    assert chosen_layers(NAMES, ["*.0.weight"], "fixed") == NAMES[:1]
    with pytest.raises(InputError, match=r"topology.fixed: the model has no layer 'fc9'; it has features.0, "):
        chosen_layers(NAMES, ["fc9"], "fixed")


@pytest.mark.parametrize(
    ("member", "said"),
    [
        (Member(1, 0.3, exclude=("*",)), "no layer that could be rewired"),
        (Member(1, 0.3, "erk", recipe("magnitude", fixed=("*",))), "no layer that could be rewired"),
    ],
)
def test_something_has_to_be_left(member, said):
    with pytest.raises(InputError, match=said):
        train_fleet([member], setup(LENET5, TRAINING), some_data(1, 28, 28), CPU)


def test_a_schedule_changes_every_sparse_layer():
    with pytest.raises(InputError, match="leave fixed out"):
        load_experiment("smoke", ["topology.density_schedule=gmp", "topology.fixed=[last]"])
