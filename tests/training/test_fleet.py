"""A fleet trains each member as a plain loop would train it alone."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from benchmark.data.dataset import Dataset, Split
from benchmark.experiments.setup import TrainingSettings
from benchmark.models import build_network
from benchmark.training import updates
from benchmark.training.engines import engine_named
from benchmark.training.engines.engine import Batch, Needs
from benchmark.training.fleet_training import train_fleet
from benchmark.training.initial import initial_masks
from benchmark.training.learning_rate import learning_rate
from benchmark.training.loss import classification_loss
from benchmark.training.members import Member
from criteria import Layer, load, names, update_topology
from criteria.randomness import stream
from tests.training.small_fleets import CPU, LENET5, MLP, all_masks, all_weights, recipe, setup, some_data

TRAINING = TrainingSettings(epochs=4, batch_size=32, learning_rate=0.05)
AS_ON_IMAGENET = TRAINING.model_copy(update={"warmup_epochs": 2, "milestones": (3.0,), "label_smoothing": 0.1})


def plain_training(member, model, training, dataset):
    """The protocol written down once more, for one network, with torch's own parts and no batching over members."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream(member.seed, "initial weights").initial_seed())
        network = build_network(model, dataset.shape, 10)
    masks = {name: mask[0] for name, mask in initial_masks([member], network).items()}
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
            if due and member.recipe.criterion.updates_before_optimizer:
                update(step, training.epochs * per_epoch)
            optimizer.step()
            mask_weights()
            if due and not member.recipe.criterion.updates_before_optimizer:
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
def test_every_member_of_a_fleet_ends_where_a_plain_loop_ends(model, shape, training, kept_engines, engine):
    dataset = some_data(*shape)
    members = MEMBERS if model is MLP else MEMBERS[::2]
    train_fleet(members, setup(model, training, engine), dataset, CPU)
    found_masks, found_weights = all_masks(kept_engines[-1]), all_weights(kept_engines[-1])
    for index, member in enumerate(members):
        weights, masks = plain_training(member, model, training, dataset)
        for name, mask in masks.items():
            assert torch.equal(found_masks[name][index], mask), (member, name)
        for name, weight in weights.items():
            torch.testing.assert_close(found_weights[name][index], weight, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("criterion", names())
def test_every_criterion_keeps_the_total_density_in_every_scope_and_with_every_growth(criterion, engine):
    if engine == "sparse" and (load(criterion).requires_hessian_gradient or load(criterion).requires_input_norms):
        pytest.skip("the sparse engine refuses criteria that read Hessian-gradient products or norms of inputs")
    dataset = some_data(6)
    ways = itertools.product(names("growth"), ("local", "global", "global_prune"), ("forbid", "allow"))
    members = [
        Member(1, 0.2, "erk", recipe(criterion, growth, scope=scope, resurrection=resurrection))
        for growth, scope, resurrection in ways
    ]
    for outcome in train_fleet(members, setup(MLP, TRAINING, engine), dataset, CPU):
        sizes = outcome.measured.weights
        assert not outcome.diverged
        active = sum(size * outcome.density[name] for name, size in sizes.items())
        assert active == pytest.approx(round(0.2 * sum(sizes.values())))


@pytest.mark.parametrize("criterion", ["magnitude", "set", "snip"])
def test_a_dense_network_is_regularised_only_where_what_is_pruned_restarts_at_zero(criterion, kept_engines, engine):
    rules = ("forbid", "allow", "restart")
    members = [Member(1, 1.0), *(Member(1, 1.0, "erk", recipe(criterion, "random", resurrection=r)) for r in rules)]
    train_fleet(members, setup(MLP, TRAINING, engine), some_data(6), CPU)
    weights = all_weights(kept_engines[-1])
    for name, mask in all_masks(kept_engines[-1]).items():
        dense, *pruned = weights[name]
        assert mask.all()
        assert [torch.equal(weight, dense) for weight in pruned] == [True, True, False]


@pytest.mark.parametrize("engine", ["dense", "naive"], indirect=True)
def test_the_hessian_gradient_product_is_the_one_of_the_whole_hessian(engine):
    dataset = some_data(3, examples=30)
    model = {"name": "mlp", "widths": [4]}
    fleet = engine_named(engine).make([Member(1, 1.0), Member(2, 0.5)], setup(model, TRAINING), dataset, CPU)
    inputs, targets = dataset.train.inputs[:8], dataset.train.targets[:8]
    fleet.backward(Batch.of(torch.stack([inputs, inputs]), torch.stack([targets, targets])))
    found = {layer.name: layer.hessian_gradient(3.0) for layer in fleet.layers(1, 1, Needs(hessian_gradient=True))}
    weights = fleet.weights(1)
    network = build_network(model, (3,), 10)

    def loss(*sparse):
        given = weights | dict(zip(found, sparse, strict=True))
        return F.cross_entropy(torch.func.functional_call(network, given, (inputs,)) / 3.0, targets)

    point = tuple(weights[name] for name in found)
    gradient = torch.autograd.functional.jacobian(loss, point)
    hessian = torch.autograd.functional.hessian(loss, point)
    for row, name in zip(hessian, found, strict=True):
        product = sum(torch.tensordot(block, g, dims=g.dim()) for block, g in zip(row, gradient, strict=True))
        torch.testing.assert_close(found[name], product, atol=1e-7, rtol=1e-4)


def test_the_momentum_of_a_grown_weight_is_kept_or_reset_as_asked_for(engine):
    dataset = some_data(6)
    members = [Member(1, 0.2, "erk", recipe("magnitude", "momentum", grown_momentum=way)) for way in ("keep", "reset")]
    fleet = engine_named(engine).make(members, setup(MLP, TRAINING), dataset, CPU)
    fleet.backward(Batch.of(dataset.train.inputs[None, :32], dataset.train.targets[None, :32]))
    fleet.optimise(0.05)
    needs = Needs(momentum="all")
    before = {layer.name: layer.momentum.clone() for layer in fleet.layers(0, 1, needs)}
    grown = [updates.update(fleet, member, 2, 10) for member in range(2)]
    kept, reset = (fleet.layers(member, 3, needs) for member in range(2))
    assert any(update.grown.any() for update in grown[1])
    for with_keep, with_reset, update in zip(kept, reset, grown[1], strict=True):
        torch.testing.assert_close(with_keep.momentum, before[with_keep.name], atol=1e-7, rtol=1e-5)
        torch.testing.assert_close(with_reset.momentum, before[with_keep.name] * ~update.grown, atol=1e-7, rtol=1e-5)


def test_a_diverged_member_says_so_and_the_others_go_on(engine):
    dataset = some_data(6)
    wild = Dataset(
        "wild", Split(dataset.train.inputs * 1e18, dataset.train.targets), dataset.validation, dataset.test, 10
    )
    calm = TrainingSettings(epochs=1, batch_size=32, learning_rate=1e-30)
    (outcome,) = train_fleet([Member(1, 0.2, "erk", recipe("mest"))], setup(MLP, TRAINING, engine), wild, CPU)
    assert outcome.diverged
    (outcome,) = train_fleet([Member(1, 0.2, "erk", recipe("mest"))], setup(MLP, calm, engine), dataset, CPU)
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
    (outcome,) = train_fleet([Member(1, 1.0)], setup(MLP, TRAINING), some_data(6), CPU)
    assert outcome.validation_accuracy == [100 * 2 / 3] * TRAINING.epochs
    assert outcome.best_epoch == 1
