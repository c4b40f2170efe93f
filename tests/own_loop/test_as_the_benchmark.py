"""On the benchmark's protocol a training in one's own loop is the benchmark's dense engine, bit for bit on a CPU."""

import copy
import itertools

import pytest
import torch
import torch.nn.functional as F

import criteria
from benchmark.data.dataset import Dataset
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.setup import Measure, Setup, TopologySettings
from benchmark.models import build_network
from benchmark.running.plan import dataset_on
from benchmark.training.batches import Batches
from benchmark.training.engines.cpu_layout import channels_last
from benchmark.training.engines.dense import CPU_VECTOR
from benchmark.training.fleet_training import FleetTraining
from benchmark.training.learning_rate import learning_rate
from benchmark.training.members import Member, Recipe
from criteria import Normalisation, SparseTraining
from criteria.randomness import stream

CPU = torch.device("cpu")
((_, SMOKE),) = load_experiment("smoke").setups
TRAINING = SMOKE.training.model_copy(update={"epochs": 3})
PERIOD = 7
LENET5 = {"name": "lenet5"}


@pytest.fixture(scope="module")
def digits():
    return dataset_on(SMOKE.data, None, CPU)


def sgd(network, training):
    """SGD as the engine has it: fused where torch's fused kernel has nothing left over at a tensor's end."""
    fused = [weight for weight in network.parameters() if weight.numel() % CPU_VECTOR == 0]
    others = [weight for weight in network.parameters() if weight.numel() % CPU_VECTOR]
    return torch.optim.SGD(
        [{"params": fused, "fused": True}, {"params": others, "foreach": True}],
        lr=training.learning_rate,
        momentum=training.momentum,
        nesterov=training.nesterov,
        weight_decay=training.weight_decay,
    )


def own_loop(member, model, training, dataset):
    """The protocol in a plain loop of one network, made sparse by two lines of it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream(member.seed, "initial weights").initial_seed())
        network = build_network(model, dataset.shape, dataset.classes)
    optimizer, batches = sgd(network, training), Batches([member.seed], dataset, training.batch_size, CPU)
    seen = {}
    how = member.recipe
    sparse = SparseTraining(
        network,
        optimizer,
        criterion=how.criterion,
        growth=how.growth,
        density=member.density,
        update_period=how.topology.update_period,
        total_steps=training.epochs * batches.per_epoch,
        prune_fraction=how.topology.prune_fraction,
        rules=how.topology.rules,
        loss=lambda temperature: F.cross_entropy(network(seen["inputs"]) / temperature, seen["targets"]),
        seed=member.seed,
    )
    for epoch in range(training.epochs):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(
                training.learning_rate, epoch, training.epochs, training.milestones, training.milestone_factor
            )
        for batch in batches.epoch(epoch):
            inputs, targets = channels_last(batch.inputs[0]), batch.targets[0]  # as the engine has images on a CPU
            seen.update(inputs=inputs, targets=targets)
            optimizer.zero_grad()
            F.cross_entropy(network(inputs), targets).backward()
            optimizer.step()
    return network, sparse


def recipe(criterion, growth, **settings):
    topology = TopologySettings(update_period=PERIOD, **settings)
    return Recipe(criteria.load(criterion), criteria.load(growth, "growth"), topology)


def assert_same(members, model, training, dataset):
    topology = TopologySettings(update_period=PERIOD)
    setup = Setup.model_construct(
        data="digits", model=model, training=training, topology=topology, measure=Measure(), engine="dense"
    )
    fresh = copy.deepcopy(members)  # a growth may remember what it has seen
    fleet = FleetTraining(members, setup, dataset, CPU)
    steps = sum(1 for _ in fleet.steps())
    for index, member in enumerate(fresh):
        network, sparse = own_loop(member, model, training, dataset)
        where = f"{member.recipe}"
        assert len(sparse.history) == steps // PERIOD, where
        assert any(sum(update.replaced.values()) for update in sparse.history), where
        masks, weights = fleet.engine.masks(index), fleet.engine.weights(index)
        for name, mask in sparse.masks.items():
            assert torch.equal(mask, masks[name]), f"{name}: {where}"
        for name, weight in network.named_parameters():
            own, theirs = weight.detach().view(torch.int32), weights[name]
            assert torch.equal(own, theirs.view(torch.int32)), f"{name}: {where}"


def test_every_criterion_and_growth_on_smoke(digits):
    assert_same_on_smoke(*itertools.zip_longest(gathered(), criteria.names("growth"), fillvalue="random"), data=digits)


@pytest.mark.long
def test_every_criterion_with_every_growth_on_smoke(digits):
    assert_same_on_smoke(*itertools.product(gathered(), criteria.names("growth")), data=digits)


def gathered():
    return [name for name in criteria.names() if not criteria.load(name).requires_input_norms]


def assert_same_on_smoke(*pairs, data):
    members = [Member(1 + i % 3, (0.05, 0.2)[i % 2], recipe=recipe(*pair)) for i, pair in enumerate(pairs)]
    assert_same(members, SMOKE.model, TRAINING, data)


def test_every_scope_and_rule_on_smoke(digits):
    choices = itertools.product(
        ["local", "global", "global_prune"], ["forbid", "allow", "restart"], ["keep", "reset"], ["magnitude", "mest"]
    )
    members = []
    for index, (scope, resurrection, momentum, criterion) in enumerate(choices):
        rules = {"scope": scope, "resurrection": resurrection, "grown_momentum": momentum}
        if scope != "local" and index % 4 < 2:
            rules["normalisation"] = Normalisation("layer", "max")
        members.append(Member(index, 0.1, recipe=recipe(criterion, ("gradient", "momentum")[index % 2], **rules)))
    assert_same(members, SMOKE.model, TRAINING, digits)


def test_a_convolutional_network(digits):
    padded = [F.pad(part.inputs.view(-1, 1, 8, 8), (10,) * 4) for part in (digits.train, digits.validation)]
    few = slice(0, 320)
    parts = [
        type(digits.train)(inputs[few], part.targets[few])
        for inputs, part in zip(padded, (digits.train, digits.validation), strict=True)
    ]
    images = Dataset("padded digits", parts[0], parts[1], parts[1], classes=10)
    members = [Member(seed, 0.1, recipe=recipe(name, "gradient")) for seed, name in enumerate(["magnitude", "snip"])]
    assert_same(members, LENET5, TRAINING, images)
