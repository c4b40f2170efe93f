"""A fleet trains each member as a plain loop would train it alone."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from benchmark.data.dataset import Dataset, Split
from benchmark.experiments.experiment import Training
from benchmark.training import updates
from benchmark.training.fleet import Fleet, Member, build_network, classification_loss, make_optimizer
from benchmark.training.fleet_training import train_fleet
from benchmark.training.learning_rate import learning_rate
from criteria import Layer, names, update_topology
from criteria.randomness import stream
from tests.training.small_fleets import CPU, LENET5, MLP, recipe, some_data

TRAINING = Training(epochs=4, batch_size=32, learning_rate=0.05)
AS_ON_IMAGENET = TRAINING.model_copy(update={"warmup_epochs": 2, "milestones": (3.0,), "label_smoothing": 0.1})


def plain_training(member, model, training, dataset):
    """The protocol written down once more, for one network, with torch's own parts and no batching over members."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream(member.seed, "initial weights").initial_seed())
        network = build_network(model, dataset.shape, 10)
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
            fraction = how.topology.prune_fraction.at(step, total)
            outcome = update_topology(layer, how.criterion, how.growth, fraction, how.topology.resurrection)
            masks[name] = outcome.mask
            if how.topology.resurrection == "restart":
                weights[name].data[outcome.pruned] = 0
        mask_weights()

    mask_weights()
    examples, step = len(dataset.train.targets), 0
    per_epoch = -(-examples // training.batch_size)
    for epoch in range(training.epochs):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(
                training.learning_rate, epoch, training.epochs, training.milestones, 0.1, training.warmup_epochs
            )
        order = torch.randperm(examples, generator=stream(member.seed, "batches", epoch))
        for chosen in order.split(training.batch_size):
            step += 1
            optimizer.zero_grad()
            logits, targets = network(dataset.train.inputs[chosen]), dataset.train.targets[chosen]
            F.cross_entropy(logits, targets, label_smoothing=training.label_smoothing).backward()
            due = member.recipe is not None and step % member.recipe.topology.update_period == 0
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
    Member(1, 0.5, "erk", recipe("snip", resurrection="restart")),
    Member(2, 0.1, "erk", recipe("reciprocal_sensitivity", resurrection="allow")),
]


@pytest.mark.parametrize(
    ("model", "shape", "training"),
    [(MLP, (6,), TRAINING), (LENET5, (1, 28, 28), TRAINING), (MLP, (6,), AS_ON_IMAGENET)],
    ids=["mlp", "lenet5", "as on ImageNet"],
)
def test_every_member_of_a_fleet_ends_where_a_plain_loop_ends(model, shape, training, kept_fleets):
    dataset = some_data(*shape)
    members = MEMBERS if model is MLP else MEMBERS[::2]
    train_fleet(members, model, training, dataset, CPU)
    fleet = kept_fleets[-1]
    for index, member in enumerate(members):
        weights, masks = plain_training(member, model, training, dataset)
        for name, mask in masks.items():
            assert torch.equal(fleet.masks[name][index], mask), (member, name)
        for name, weight in weights.items():
            torch.testing.assert_close(fleet.weights[name][index].detach(), weight, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("criterion", names())
def test_every_criterion_keeps_the_total_density_in_every_scope_and_with_every_growth(criterion):
    dataset = some_data(6)
    ways = itertools.product(names("growth"), ("local", "global", "global_prune"), ("forbid", "allow"))
    members = [
        Member(1, 0.2, "erk", recipe(criterion, growth, scope=scope, resurrection=resurrection))
        for growth, scope, resurrection in ways
    ]
    sizes = {name: mask[0].numel() for name, mask in Fleet(members, MLP, dataset, CPU).masks.items()}
    for outcome in train_fleet(members, MLP, TRAINING, dataset, CPU):
        assert not outcome.diverged
        active = sum(size * outcome.density[name] for name, size in sizes.items())
        assert active == pytest.approx(round(0.2 * sum(sizes.values())))


@pytest.mark.parametrize("criterion", ["magnitude", "set", "snip"])
def test_a_dense_network_is_regularised_only_where_what_is_pruned_restarts_at_zero(criterion, kept_fleets):
    rules = ("forbid", "allow", "restart")
    members = [Member(1, 1.0), *(Member(1, 1.0, "erk", recipe(criterion, "random", resurrection=r)) for r in rules)]
    train_fleet(members, MLP, TRAINING, some_data(6), CPU)
    fleet = kept_fleets[-1]
    for name in fleet.sparse_names:
        dense, *pruned = fleet.weights[name].detach()
        assert fleet.masks[name].all()
        assert [torch.equal(weight, dense) for weight in pruned] == [True, True, False]


def test_the_hessian_gradient_product_is_the_one_of_the_whole_hessian():
    dataset = some_data(3, examples=30)
    fleet = Fleet([Member(1, 1.0), Member(2, 0.5)], {"name": "mlp", "widths": [4]}, dataset, CPU)
    inputs, targets = dataset.train.inputs[:8], dataset.train.targets[:8]
    found = fleet.hessian_gradient(1, inputs, targets, temperature=3.0)
    weights = {name: weight[1].detach() for name, weight in fleet.weights.items()}
    network = build_network({"name": "mlp", "widths": [4]}, (3,), 10)

    def loss(*sparse):
        given = weights | dict(zip(fleet.sparse_names, sparse, strict=True))
        return F.cross_entropy(torch.func.functional_call(network, given, (inputs,)) / 3.0, targets)

    point = tuple(weights[name] for name in fleet.sparse_names)
    gradient = torch.autograd.functional.jacobian(loss, point)
    hessian = torch.autograd.functional.hessian(loss, point)
    for row, name in zip(hessian, fleet.sparse_names, strict=True):
        product = sum(torch.tensordot(block, g, dims=g.dim()) for block, g in zip(row, gradient, strict=True))
        torch.testing.assert_close(found[name], product, atol=1e-7, rtol=1e-4)


def test_the_momentum_of_a_grown_weight_is_kept_or_reset_as_asked_for():
    dataset = some_data(6)
    ways = ("keep", "reset")
    fleet = Fleet([Member(1, 0.2, "erk", recipe("magnitude", grown_momentum=way)) for way in ways], MLP, dataset, CPU)
    optimizer = make_optimizer(fleet, TRAINING)
    for weight in fleet.weights.values():
        optimizer.state[weight]["momentum_buffer"] = torch.ones_like(weight)
    before = {name: mask.clone() for name, mask in fleet.masks.items()}
    gradients = {name: torch.randn_like(weight) for name, weight in fleet.weights.items()}
    inputs, targets = dataset.train.inputs.expand(2, -1, -1), dataset.train.targets.expand(2, -1)
    for member in range(2):
        updates.update(fleet, member, updates.Step(2, 10, inputs, targets, gradients, optimizer))
    for name, mask in fleet.masks.items():
        momentum = optimizer.state[fleet.weights[name]]["momentum_buffer"]
        grown = mask & ~before[name]
        assert grown[1].any()
        assert (momentum[0] == 1).all()
        assert torch.equal(momentum[1] == 0, grown[1])


def test_a_diverged_member_says_so_and_the_others_go_on():
    dataset = some_data(6)
    wild = Dataset(
        "wild", Split(dataset.train.inputs * 1e18, dataset.train.targets), dataset.validation, dataset.test, 10
    )
    calm = Training(epochs=1, batch_size=32, learning_rate=1e-30)
    (outcome,) = train_fleet([Member(1, 0.2, "erk", recipe("mest"))], MLP, TRAINING, wild, CPU)
    assert outcome.diverged
    (outcome,) = train_fleet([Member(1, 0.2, "erk", recipe("mest"))], MLP, calm, dataset, CPU)
    assert not outcome.diverged


def test_smoothed_labels_spread_a_share_of_each_target_over_all_classes():
    """For one logit too: it is the difference of two, of which the first is 0."""
    one_logit, targets = torch.randn(3, 7, 1), torch.randint(2, (3, 7))
    two_logits = torch.cat([torch.zeros(3, 7, 1), one_logit], -1)
    wanted = 0.9 * F.one_hot(targets, 2) + 0.1 / 2
    expected = -(wanted * two_logits.log_softmax(-1)).sum(-1).mean(1)
    torch.testing.assert_close(classification_loss(two_logits, targets, 0.1), expected)
    torch.testing.assert_close(classification_loss(one_logit, targets, 0.1), expected)


def test_of_equally_good_epochs_the_first_is_kept(monkeypatch):
    monkeypatch.setattr(
        "benchmark.training.fleet_training.evaluate", lambda *_: torch.tensor([100 * 2 / 3], dtype=torch.float64)
    )
    (outcome,) = train_fleet([Member(1, 1.0)], MLP, TRAINING, some_data(6), CPU)
    assert outcome.validation_accuracy == [100 * 2 / 3] * TRAINING.epochs
    assert outcome.best_epoch == 1
