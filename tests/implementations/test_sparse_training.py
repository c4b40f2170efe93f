"""Our own SparseTraining keeps the contract for implementations."""

import pytest

import criteria
from criteria import Rules, SparseTraining
from criteria.contract.implementations import check_training
from criteria.distribution import layer_counts

DENSITY, FRACTION, PERIOD = 0.3, 0.3, 4
EVERYWHERE = {"networks": ("perceptron", "convolutional", "attention")}


class Ours:
    """The handle of a SparseTraining."""

    def __init__(self, model, optimizer, seed, **settings):
        settings = {"density": DENSITY, "update_period": PERIOD, "prune_fraction": FRACTION, **settings}
        self.optimizer, self.sparse = optimizer, SparseTraining(model, optimizer, seed=seed, **settings)
        self.masks = lambda: self.sparse.masks
        self.state_dict, self.load_state_dict = self.sparse.state_dict, self.sparse.load_state_dict

    def step(self):
        self.optimizer.step()


def ours(**settings):
    return lambda model, optimizer, seed: Ours(model, optimizer, seed, **settings)


def check(examples, declared, **settings):
    promised = {"update_period": PERIOD, "density": DENSITY, "prune_fraction": FRACTION, **EVERYWHERE, **declared}
    check_training(ours(**settings), examples=examples, **promised)


@pytest.mark.parametrize(
    ("settings", "declared"),
    [
        ({}, {}),
        ({"criterion": "mest", "growth": "momentum"}, {"situations": ("accumulation", "skipped", "fused")}),
        ({"rules": Rules(grown_momentum="reset"), "growth": "random"}, {"grown_state": "reset"}),
        ({"rules": Rules("global"), "criterion": "running_snip"}, {"scope": "global"}),
    ],
)
def test_sparse_training_keeps_every_promise(settings, declared):
    check(15, declared, **settings)


@pytest.mark.long
@pytest.mark.parametrize("scope", ["local", "global", "global_prune"])
@pytest.mark.parametrize("resurrection", ["forbid", "allow", "restart"])
@pytest.mark.parametrize("momentum", ["keep", "reset"])
@pytest.mark.parametrize("criterion", [name for name in criteria.names() if name != "grasp"])
def test_sparse_training_keeps_every_promise_at_depth(criterion, momentum, resurrection, scope):
    """Every criterion with every rule; growths take turns."""
    growth = criteria.names("growth")[(len(criterion) + len(scope)) % 3]
    declared = {
        "grown_state": momentum,
        "resurrection": resurrection,
        "situations": ("accumulation", "skipped", "fused"),
    }
    declared["scope"] = "global" if scope == "global" else "local"
    declared["prune_fraction"] = FRACTION if scope == "local" else None
    check(60, declared, criterion=criterion, growth=growth, rules=Rules(scope, resurrection, grown_momentum=momentum))


@pytest.mark.long
def test_sparse_training_keeps_every_promise_on_two_thousand_trainings():
    check(2000, {})
    check(2000, {}, criterion="mest", growth="random")


def test_densities_of_layers_are_those_of_the_distribution():
    """What the contract cannot know: that the number of active weights is the right one for each layer."""
    shapes = {"a": (8, 6), "b": (6, 3)}
    assert sum(layer_counts(shapes, DENSITY, "erk").values()) == round(DENSITY * (48 + 18))
