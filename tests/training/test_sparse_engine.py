"""The sparse engine does what the dense one does: the same masks in float64, and the same bits whoever else trains."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.runs import Rule
from benchmark.experiments.setup import TrainingSettings
from benchmark.models import build_model
from benchmark.training.engines import engine_named
from benchmark.training.engines.engine import Batch, Needs
from benchmark.training.engines.sparse.kernels.vectors import LANES
from benchmark.training.engines.sparse.momentum import remembered
from benchmark.training.engines.sparse.momentum.remembered import steps_that_count
from benchmark.training.engines.sparse.program.layout import lay_out
from benchmark.training.engines.sparse.program.plan import Image
from benchmark.training.fleet_training import FleetTraining
from benchmark.training.members import Member
from criteria import names
from criteria.plugins import Spec
from tests.training.drawn_networks import CRITERIA, RULES, SIDES, built, convolutional, makers, perceptrons
from tests.training.refusals import unsupported
from tests.training.small_fleets import CPU, LENET5, MLP, recipe, setup, some_data

TINY_CNN = {"name": "small_cnn"}
NORMALISED = {"name": "vgg16", "widths": [4, 4, 5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8]}


def training_of(engine, members, model, training, dataset, *, stop=None):
    """A training after its last step, whatever was best; with ``stop`` it is saved and loaded there."""
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
    return running


def trained(*how, **stop):
    """The engine after such a training."""
    return training_of(*how, **stop).engine


def assert_same(found, wanted, **tolerance):
    for index in range(len(wanted.members)):
        masks, weights = found.masks(index), found.weights(index)
        for name, mask in wanted.masks(index).items():
            assert torch.equal(masks[name], mask), (index, name)
        for name, weight in wanted.weights(index).items():
            torch.testing.assert_close(weights[name], weight, **tolerance)


trainings = st.builds(
    lambda sgd, **others: TrainingSettings(momentum=sgd[0], nesterov=sgd[1], **others),
    sgd=st.sampled_from([(0.0, False), (0.5, False), (0.9, True)]),
    epochs=st.integers(1, 6),
    batch_size=st.sampled_from([7, 16, 60]),
    learning_rate=st.just(0.05),
    weight_decay=st.sampled_from([0.0, 1e-3]),
    label_smoothing=st.sampled_from([0.0, 0.1]),
)


def assert_trains_alike(members, training, model, stop, dataset):
    wanted = training_of("dense", members, model, training, dataset)
    found = training_of("sparse", members, model, training, dataset, stop=stop)
    assert_same(found.engine, wanted.engine, atol=1e-9, rtol=1e-7)
    assert found.state_dict()["measuring"]["overlaps"] == wanted.state_dict()["measuring"]["overlaps"]


@pytest.fixture
def drawn_models(monkeypatch):
    """Drawn networks are built where those of registered models are."""
    monkeypatch.setattr("benchmark.training.initial.build_network", built)


UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@settings(UNHURRIED, max_examples=16)
@given(st.lists(makers(), min_size=1, max_size=3), trainings, perceptrons, st.integers(0, 30), st.sampled_from([2, 10]))
def test_perceptrons_train_as_they_do_on_the_dense_engine_whatever_is_trained(
    float64, drawn_models, members, training, model, stop, classes
):
    assert_trains_alike(members, training, model, stop, some_data(6, classes=classes))


@pytest.mark.long
@settings(UNHURRIED, max_examples=40)
@given(st.lists(makers(), min_size=1, max_size=2), trainings, convolutional(), st.integers(0, 15))
def test_convolutional_networks_train_as_they_do_on_the_dense_engine_whatever_is_trained(
    float64, drawn_models, members, training, model, stop
):
    assert_trains_alike(members, training, model, stop, some_data(*SIDES, examples=90))


@pytest.mark.long
@pytest.mark.parametrize("criterion", CRITERIA)
def test_every_combination_of_growth_and_rules_has_the_masks_of_the_dense_engine(float64, criterion):
    dataset, training = some_data(6), TrainingSettings(epochs=8, batch_size=16, learning_rate=0.05)
    members = [
        lambda way=way: Member(1, 0.2, "erk", recipe(criterion, way[0], 3, **dict(zip(RULES, way[1:], strict=True))))
        for way in itertools.product(names("growth"), *RULES.values())
    ]
    wanted = trained("dense", members, MLP, training, dataset)
    assert_same(trained("sparse", members, MLP, training, dataset), wanted, atol=1e-9, rtol=1e-7)


@pytest.mark.long
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


@pytest.mark.long
@pytest.mark.parametrize(("model", "shape"), [(LENET5, (1, 28, 28)), (TINY_CNN, (3, 32, 32))], ids=["lenet5", "cnn"])
@pytest.mark.parametrize("stop", [None, 25, 39])
def test_weights_that_grow_in_convolutions_have_the_momentum_that_they_would_have_gathered(float64, model, shape, stop):
    dataset = some_data(*shape, examples=48)
    training = TrainingSettings(epochs=7, batch_size=5, learning_rate=0.02, momentum=0.1, nesterov=True)
    members = [
        lambda: Member(1, 0.2, "erk", recipe("magnitude", "gradient", 17)),
        lambda: Member(2, 0.1, "erk", recipe("snip", "gradient", 16, resurrection="allow")),
        lambda: Member(1, 0.1, "erk", recipe("magnitude", "random", 20, scope="global")),
        lambda: Member(1, 0.1, "erk", recipe("magnitude", "momentum", 18)),
        lambda: Member(2, 0.1, "erk", recipe("mest", "gradient", 3)),
    ]
    wanted = trained("dense", members, model, training, dataset)
    assert_same(trained("sparse", members, model, training, dataset, stop=stop), wanted, atol=1e-9, rtol=1e-7)


@pytest.mark.long
@pytest.mark.parametrize("room", [2**30, 0], ids=["weights of all steps", "no room for them"])
def test_weights_that_grow_beside_batch_norm_have_that_momentum_too(float64, monkeypatch, room):
    monkeypatch.setattr(remembered, "LARGEST_TRAIL", room)
    dataset = some_data(3, 32, 32, examples=48)
    training = TrainingSettings(epochs=7, batch_size=5, learning_rate=0.02, momentum=0.1, nesterov=True)
    members = [lambda: Member(1, 0.2, "erk", recipe("magnitude", "gradient", 17))]
    wanted = trained("dense", members, NORMALISED, training, dataset)
    assert_same(trained("sparse", members, NORMALISED, training, dataset), wanted, atol=1e-9, rtol=1e-7)


@pytest.mark.parametrize("stop", [None, 41])
def test_what_weights_had_before_the_steps_that_count_is_forgotten(float64, stop):
    dataset, training = some_data(6), TrainingSettings(epochs=8, batch_size=5, learning_rate=0.05, momentum=0.1)
    members = [
        lambda period=period, n=n: Member(1 + n % 2, 0.3, "erk", recipe("magnitude", "gradient", period))
        for n, period in enumerate((3, 19, 23))
    ]
    assert steps_that_count(0.1, np.dtype(np.float64)) < 19
    wanted = trained("dense", members, MLP, training, dataset)
    assert_same(trained("sparse", members, MLP, training, dataset, stop=stop), wanted, atol=1e-9, rtol=1e-7)


def test_nothing_is_kept_for_momentum_after_the_last_update():
    dataset = some_data(1, 28, 28, examples=48)
    training = TrainingSettings(epochs=8, batch_size=4, learning_rate=0.02, momentum=0.1)
    member = Member(1, 0.1, "erk", recipe("magnitude", "gradient", 3, update_until=0.4))
    other = Member(1, 0.1, "erk", recipe("magnitude", "gradient", 18))
    running = FleetTraining([member, other], setup(LENET5, training, "sparse"), dataset, CPU)
    made = [(step, running.engine._extra) for step in running.steps()]
    assert running.total_steps == 32
    assert [step for step, extra in made if 0 in extra.convolutions] == list(range(1, 13))
    assert steps_that_count(0.1, np.dtype(np.float32)) == 6
    assert [step for step, extra in made if extra.trail is not None] == list(range(13, 19))


def test_networks_that_read_no_batch_again_keep_few():
    dataset, training = some_data(1, 28, 28, examples=48), TrainingSettings(epochs=1, batch_size=4, learning_rate=0.02)
    engine = engine_named("sparse")
    near, far = (
        engine.make(
            [Member(1, 0.1, "erk", recipe("magnitude", "gradient", period))], setup(LENET5, training), dataset, CPU
        )
        for period in (3, 400)
    )
    assert len(near._networks.batches.inputs) < 20
    assert len(far._networks.batches.inputs) == steps_that_count(0.9, np.dtype(np.float32))


def test_a_momentum_for_which_too_much_would_be_kept_is_refused_in_words():
    asked = load_experiment("fmnist-lenet300").setups[0][1]
    slow = asked.model_copy(update={"training": asked.training.model_copy(update={"momentum": 0.999})})
    rule = Rule(Spec.parse("magnitude"), Spec.parse("gradient"))
    assert engine_named("sparse").refuses(asked, rule, CPU) is None
    assert "momentum 0.999" in (engine_named("sparse").refuses(slow, rule, CPU) or "")


def test_a_growth_that_reads_so_slow_a_momentum_is_refused_too_where_grown_weights_start_without_one():
    settings = ("topology.grown_momentum=reset", "training.momentum=0.999")
    asked = load_experiment("fmnist-lenet300", settings).setups[0][1]
    reads, does_not = (Rule(Spec.parse("magnitude"), Spec.parse(growth)) for growth in ("momentum", "gradient"))
    assert engine_named("sparse").refuses(asked, does_not, CPU) is None
    assert "momentum 0.999" in (engine_named("sparse").refuses(asked, reads, CPU) or "")


def some_members():
    rules = [("magnitude", "random"), ("snip", "gradient"), ("set", "momentum"), ("mest", "random")]
    return [
        lambda n=n, rule=rule: Member(1 + n % 2, (0.05, 0.2, 0.5, 0.1)[n], "erk", recipe(*rule, period=2 + n))
        for n, rule in enumerate(rules)
    ]


@pytest.mark.parametrize(
    ("model", "shape"), [(MLP, (6,)), pytest.param(LENET5, (1, 28, 28), marks=pytest.mark.long)], ids=["mlp", "lenet5"]
)
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
    engine.backward(Batch.of(dataset.train.inputs[None, :16], dataset.train.targets[None, :16]))
    assert not engine.diverged().any()
    with pytest.raises(ValueError, match="no dense gradient of member 0"):
        engine.layers(0, 1, Needs(gradient="all"))


@pytest.mark.parametrize(
    ("network", "shape", "words"),
    [
        (nn.Sequential(nn.Conv2d(4, 4, 3, groups=2), nn.Flatten(), nn.Linear(4, 2)), (4, 3, 3), "groups"),
        (nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), (3,), "no kernel for 1, Tanh"),
        (nn.Sequential(nn.Linear(3, 4), nn.ReLU()), (3,), "last layer"),
        (nn.ModuleList([nn.Linear(3, 2)]), (3,), "ModuleList is no nn.Sequential"),
        (build_model("resnet56", inputs=(3, 32, 32), classes=10), (3, 32, 32), "no kernel for blocks1.0, Block"),
    ],
)
def test_a_network_that_has_no_kernels_is_refused_in_words(network, shape, words):
    assert words in (unsupported(network, shape) or "")


@pytest.mark.parametrize("part", ["", "0", "1"])
@pytest.mark.parametrize(
    "hang",
    [
        lambda layer: layer.register_forward_hook(lambda _layer, _inputs, found: found / 2),
        lambda layer: layer.register_forward_pre_hook(lambda _layer, inputs: (inputs[0] / 2,)),
        lambda layer: layer.register_full_backward_hook(lambda _layer, found, _outputs: found),
        lambda layer: setattr(layer, "forward", lambda inputs: inputs),
    ],
    ids=["hook", "pre-hook", "backward hook", "forward"],
)
def test_a_network_whose_layers_compute_more_than_their_class_says_is_refused(hang, part):
    network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    assert unsupported(network, (3,)) is None
    hang(network.get_submodule(part))
    assert "has a hook" in (unsupported(network, (3,)) or "")


@pytest.mark.parametrize(
    ("model", "shape"),
    [("lenet300", (1, 28, 28)), ("lenet5", (1, 28, 28)), ("small_cnn", (3, 32, 32)), ("vgg16", (3, 32, 32))],
)
def test_the_papers_plain_networks_are_supported(model, shape):
    assert unsupported(build_model(model, inputs=shape, classes=10), shape) is None


@pytest.mark.parametrize(
    ("shape", "border"),
    [((6, 1, 1), 0), ((16, 1, 1), 0), ((37, 1, 1), 0), ((3, 4, 5), 1), ((2, 3, 20), 2)],
    ids=["few features", "a square", "squares that overlap", "narrow images", "wide images"],
)
@pytest.mark.parametrize("examples", [1, 16, 23])
def test_a_batch_is_laid_out_with_its_examples_innermost_and_zeros_in_lanes_without_one(shape, border, examples):
    image, groups = Image(shape, border=(border, border)), 2
    row = np.array(image.row(0))
    batch = torch.randn(examples, *shape).numpy()
    found = np.zeros(image.positions * groups * LANES, np.float32)
    source, rows = np.zeros((examples + 3, batch[0].size), np.float32), np.full(examples + 1, -1)
    rows[:examples] = np.random.default_rng(examples).permutation(examples + 3)[:examples]
    source[rows[:examples]] = batch.reshape(examples, -1)
    lay_out(source.ravel(), rows, row, shape, found)
    padded = np.zeros((groups * LANES, *shape), np.float32)
    padded[:examples] = batch
    padded = np.pad(padded, [(0, 0), (0, 0), (border, border), (border, border)]).reshape(groups * LANES, -1)
    wanted = padded.reshape(groups, LANES, -1).transpose(0, 2, 1)
    assert np.array_equal(found, wanted.ravel())
