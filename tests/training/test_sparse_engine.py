"""The sparse engine does what the dense one does: the same masks in float64, and the same bits whoever else trains."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.experiments.setup import TrainingSettings
from benchmark.training.engines import engine_named
from benchmark.training.engines.engine import Batch, Needs
from benchmark.training.fleet_training import FleetTraining
from benchmark.training.members import Member
from criteria import load, names
from tests.training.small_fleets import CPU, LENET5, MLP, recipe, setup, some_data

CRITERIA = [name for name in names() if not load(name).requires_hessian_gradient]
RULES = {
    "scope": ("local", "global", "global_prune"),
    "resurrection": ("forbid", "allow", "restart"),
    "grown_momentum": ("keep", "reset"),
}
TINY_CNN = {"name": "small_cnn"}
DROPPED = {"name": "mlp", "widths": [16, 12], "dropout": 0.2}


@pytest.fixture
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def trained(engine, members, model, training, dataset, *, stop=None):
    """The engine after the last step, whatever was best; with ``stop`` the training is saved and loaded there."""
    of = setup(model, training, engine)
    running = FleetTraining([member() for member in members], of, dataset, CPU)
    for step in running.steps():
        if step == stop:
            state = running.state_dict()
            running = FleetTraining([member() for member in members], of, dataset, CPU)
            running.load_state_dict(state)
            break
    for _ in running.steps():
        pass
    return running.engine


def assert_same(found, wanted, **tolerance):
    for index in range(len(wanted.members)):
        masks, weights = found.masks(index), found.weights(index)
        for name, mask in wanted.masks(index).items():
            assert torch.equal(masks[name], mask), (index, name)
        for name, weight in wanted.weights(index).items():
            torch.testing.assert_close(weights[name], weight, **tolerance)


@st.composite
def makers(draw, criteria=CRITERIA):
    """What makes a member with plugins of its own, so that two trainings share no state."""
    how = {name: draw(st.sampled_from(known)) for name, known in RULES.items()}
    criterion, growth = draw(st.sampled_from(criteria)), draw(st.sampled_from(names("growth")))
    period, seed, density = draw(st.integers(1, 9)), draw(st.integers(1, 3)), draw(st.sampled_from([0.1, 0.3, 1.0]))
    return lambda: Member(seed, density, "erk", recipe(criterion, growth, period=period, **how))


trainings = st.builds(
    lambda sgd, **others: TrainingSettings(momentum=sgd[0], nesterov=sgd[1], **others),
    sgd=st.sampled_from([(0.0, False), (0.5, False), (0.9, True)]),
    epochs=st.integers(1, 6),
    batch_size=st.sampled_from([7, 16, 60]),
    learning_rate=st.just(0.05),
    weight_decay=st.sampled_from([0.0, 1e-3]),
    label_smoothing=st.sampled_from([0.0, 0.1]),
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(makers(), min_size=1, max_size=3), trainings, st.sampled_from([MLP, DROPPED]), st.integers(0, 30))
def test_masks_are_those_of_the_dense_engine_whatever_is_trained(float64, members, training, model, stop):
    dataset = some_data(6)
    wanted = trained("dense", members, model, training, dataset)
    found = trained("sparse", members, model, training, dataset, stop=stop)
    assert_same(found, wanted, atol=1e-9, rtol=1e-7)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_every_combination_of_growth_and_rules_has_the_masks_of_the_dense_engine(float64, criterion):
    dataset, training = some_data(6), TrainingSettings(epochs=8, batch_size=16, learning_rate=0.05)
    members = [
        lambda way=way: Member(1, 0.2, "erk", recipe(criterion, way[0], 3, **dict(zip(RULES, way[1:], strict=True))))
        for way in itertools.product(names("growth"), *RULES.values())
    ]
    wanted = trained("dense", members, MLP, training, dataset)
    assert_same(trained("sparse", members, MLP, training, dataset), wanted, atol=1e-9, rtol=1e-7)


@pytest.mark.parametrize(("model", "shape"), [(LENET5, (1, 28, 28)), (TINY_CNN, (3, 32, 32))], ids=["lenet5", "cnn"])
def test_convolutional_networks_have_the_masks_of_the_dense_engine(float64, model, shape):
    dataset, training = some_data(*shape, examples=48), TrainingSettings(epochs=4, batch_size=5, learning_rate=0.02)
    members = [
        lambda: Member(1, 0.2, "erk", recipe("magnitude", "random", 3)),
        lambda: Member(2, 0.1, "erk", recipe("snip", "gradient", 5, resurrection="allow")),
        lambda: Member(1, 0.1, "erk", recipe("mest", "momentum", 4, scope="global")),
    ]
    wanted = trained("dense", members, model, training, dataset)
    assert_same(trained("sparse", members, model, training, dataset, stop=9), wanted, atol=1e-9, rtol=1e-7)


def some_members():
    rules = [("magnitude", "random"), ("snip", "gradient"), ("set", "momentum"), ("mest", "random")]
    return [
        lambda n=n, rule=rule: Member(1 + n % 2, (0.05, 0.2, 0.5, 0.1)[n], "erk", recipe(*rule, period=2 + n))
        for n, rule in enumerate(rules)
    ]


@pytest.mark.parametrize(("model", "shape"), [(MLP, (6,)), (LENET5, (1, 28, 28))], ids=["mlp", "lenet5"])
def test_a_member_has_the_same_bits_alone_in_a_fleet_with_any_threads_and_after_a_stop(model, shape):
    dataset, training = some_data(*shape), TrainingSettings(epochs=3, batch_size=16, learning_rate=0.05)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = [trained("sparse", [member], model, training, dataset) for member in some_members()]
        torch.set_num_threads(3)
        fleet = trained("sparse", some_members(), model, training, dataset)
        stopped = trained("sparse", some_members(), model, training, dataset, stop=5)
    finally:
        torch.set_num_threads(before)
    assert_same(stopped, fleet, atol=0, rtol=0)
    for index, engine in enumerate(alone):
        for name, weight in engine.weights(0).items():
            assert torch.equal(weight, fleet.weights(index)[name]), (index, name)


def test_a_checkpoint_of_another_fleet_is_refused():
    dataset, training = some_data(6), TrainingSettings(epochs=1, batch_size=16, learning_rate=0.05)
    one = engine_named("sparse").make([Member(1, 0.2)], setup(MLP, training), dataset, CPU)
    other = engine_named("sparse").make([Member(1, 0.3)], setup(MLP, training), dataset, CPU)
    with pytest.raises(ValueError, match="another fleet"):
        other.load_state_dict(one.state_dict())


def test_nobody_gets_a_dense_gradient_that_was_not_made():
    dataset, training = some_data(6), TrainingSettings(epochs=1, batch_size=16, learning_rate=0.05)
    engine = engine_named("sparse").make([Member(1, 0.2)], setup(MLP, training), dataset, CPU)
    losses = engine.backward(Batch(dataset.train.inputs[None, :16], dataset.train.targets[None, :16]))
    assert np.isfinite(losses).all()
    with pytest.raises(ValueError, match="no dense gradient of member 0"):
        engine.layers(0, 1, Needs(gradient="all"))
