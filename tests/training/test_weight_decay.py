"""Weight decay that is taken from the weights themselves, beside momentum and learning rate."""

import pytest
import torch

from benchmark.experiments.setup import TrainingSettings
from benchmark.training.engines import engine_named
from benchmark.training.engines.engine import Batch
from benchmark.training.initial import initial_masks, initial_networks
from benchmark.training.loss import classification_loss
from benchmark.training.members import Member
from tests.training.small_fleets import CPU, MLP, setup, some_data

DATA = some_data(6)
RATE, DECAY = 0.05, 0.01
TRAINING = TrainingSettings(
    epochs=1, batch_size=20, learning_rate=RATE, nesterov=False, weight_decay=DECAY, weight_decay_on="weights"
)


def written_out(member, steps):
    """v ← 0.9·v − rate·g; w ← w + v − decay·w, for weights and biases, as the SET group's code has it."""
    (network,) = initial_networks([member], MLP, (6,), 10)
    masks = {name: mask[0] for name, mask in initial_masks([member], network).items()}
    weights = dict(network.named_parameters())
    moved = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    for name, mask in masks.items():
        weights[name].data.mul_(mask)
    for step in range(steps):
        inputs, targets = (each[20 * step : 20 * step + 20] for each in (DATA.train.inputs, DATA.train.targets))
        loss = classification_loss(network(inputs)[None], targets[None]).sum()
        for (name, weight), grad in zip(
            weights.items(), torch.autograd.grad(loss, list(weights.values())), strict=True
        ):
            moved[name] = (0.9 * moved[name] - RATE * grad) * masks.get(name, 1)
            weight.data += moved[name] - DECAY * weight.data
    return weights


@pytest.mark.parametrize("engine", ["dense", "sparse"])
def test_decay_on_weights_is_neither_in_the_momentum_nor_multiplied_by_the_learning_rate(engine):
    member = Member(3, 0.4)
    fleet = engine_named(engine).make([member], setup(MLP, TRAINING), DATA, CPU)
    for step in range(3):
        part = slice(20 * step, 20 * step + 20)
        fleet.backward(Batch.of(DATA.train.inputs[None, part], DATA.train.targets[None, part]))
        fleet.optimise(RATE)
    for name, weight in written_out(member, 3).items():
        torch.testing.assert_close(fleet.weights(0)[name], weight.detach(), atol=1e-6, rtol=1e-5)


def test_weights_cannot_lose_all_of_themselves_in_a_step():
    settings = {"epochs": 1, "batch_size": 20, "learning_rate": RATE, "weight_decay": 1.0}
    assert TrainingSettings(**settings).decay_of_gradients == 1
    with pytest.raises(ValueError, match="must be below 1, not 1"):
        TrainingSettings(**settings, weight_decay_on="weights")
