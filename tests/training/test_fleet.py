"""A fleet trains each member as a plain loop would train it alone."""

import pytest
import torch
import torch.nn.functional as F

from benchmark.data.dataset import Dataset, Split
from benchmark.experiment import Training
from benchmark.fleet import Fleet, Member, Recipe, build_network
from benchmark.randomness import stream
from benchmark.schedule import PruneFraction, learning_rate
from benchmark.training import train_fleet
from criteria import Layer, load, update_topology

CPU = torch.device("cpu")
MLP = {"name": "mlp", "widths": [16, 12]}
LENET5 = {"name": "lenet5"}
TRAINING = Training(epochs=4, batch_size=32, learning_rate=0.05)


def some_data(*shape, examples=180, seed=0):
    """Gaussian classes: learnable, but not at once."""
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(10, (examples,), generator=generator)
    centres = torch.randn(10, *shape, generator=generator)
    inputs = centres[targets] + torch.randn(examples, *shape, generator=generator)
    split = examples // 3
    parts = [Split(inputs[i * split : (i + 1) * split], targets[i * split : (i + 1) * split]) for i in range(3)]
    return Dataset("made up", *parts, classes=10)


def recipe(criterion, growth="gradient", period=2, **settings):
    return Recipe(load(criterion), load(growth, "growth"), period, PruneFraction(), **settings)


def plain_training(member, model, training, dataset):
    """The protocol written down once more, for one network, with torch's own parts and no batching over members."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream(member.seed, "initial weights").initial_seed())
        network = build_network(model, tuple(dataset.train.inputs.shape[1:]), 10)
    fleet = Fleet([member], model, dataset, CPU)
    masks = {name: mask[0].clone() for name, mask in fleet.masks.items()}
    weights = dict(network.named_parameters())
    optimizer = torch.optim.SGD(
        network.parameters(), training.learning_rate, momentum=0.9, nesterov=True, weight_decay=training.weight_decay
    )

    def mask_weights():
        for name, mask in masks.items():
            weights[name].data[~mask] = 0

    def update(step, total):
        how = member.recipe
        for name in masks:
            layer = Layer(
                name,
                weights[name].detach(),
                weights[name].grad,
                masks[name],
                step,
                stream(member.seed, "topology", step, name),
            )
            fraction = how.prune_fraction.at(step, total)
            masks[name] = update_topology(layer, how.criterion, how.growth, fraction, how.resurrection).mask
        mask_weights()

    mask_weights()
    examples, step = len(dataset.train.targets), 0
    per_epoch = -(-examples // training.batch_size)
    for epoch in range(training.epochs):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(training.learning_rate, epoch, training.epochs, (0.5, 0.75), 0.1)
        order = torch.randperm(examples, generator=stream(member.seed, "batches", epoch))
        for chosen in order.split(training.batch_size):
            step += 1
            optimizer.zero_grad()
            F.cross_entropy(network(dataset.train.inputs[chosen]), dataset.train.targets[chosen]).backward()
            due = member.recipe is not None and step % member.recipe.update_period == 0
            if due and member.recipe.criterion.requires_grad:
                update(step, training.epochs * per_epoch)
            optimizer.step()
            mask_weights()
            if due and not member.recipe.criterion.requires_grad:
                update(step, training.epochs * per_epoch)
    return {name: weight.detach() for name, weight in weights.items()}, masks


MEMBERS = [
    Member(1, 1.0),
    Member(1, 0.2),
    Member(2, 0.1, "uniform"),
    Member(1, 0.2, "erk", recipe("magnitude")),
    Member(1, 0.2, "erk", recipe("set", "random")),
    Member(2, 0.3, "er", recipe("snip", period=3)),
    Member(3, 0.05, "erk", recipe("mest(lambda_=0.1)", "random", period=5, resurrection="allow")),
    Member(3, 0.1, "erk", recipe("random")),
    Member(2, 0.1, "erk", recipe("reciprocal_sensitivity", resurrection="allow")),
]


@pytest.fixture
def last_state(monkeypatch):
    """The fleet that trained last, kept for a look at its end; the best checkpoint is not put back into it."""
    kept = []

    class Kept(Fleet):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            kept.append(self)

    monkeypatch.setattr("benchmark.training.Fleet", Kept)
    monkeypatch.setattr("benchmark.training._restore", lambda fleet, best: None)
    return lambda: kept[-1]


@pytest.mark.parametrize(("model", "shape"), [(MLP, (6,)), (LENET5, (1, 28, 28))], ids=["mlp", "lenet5"])
def test_every_member_of_a_fleet_ends_where_a_plain_loop_ends(model, shape, last_state):
    dataset = some_data(*shape)
    members = MEMBERS if model is MLP else MEMBERS[::2]
    train_fleet(members, model, TRAINING, dataset, CPU)
    fleet = last_state()
    for index, member in enumerate(members):
        weights, masks = plain_training(member, model, TRAINING, dataset)
        for name, mask in masks.items():
            assert torch.equal(fleet.masks[name][index], mask), (member, name)
        for name, weight in weights.items():
            torch.testing.assert_close(fleet.weights[name][index].detach(), weight, atol=2e-5, rtol=1e-4)
