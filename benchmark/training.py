"""Training a fleet from its first step to its last, and what each member reached."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from benchmark import updates
from benchmark.data.dataset import Dataset, Split
from benchmark.experiment import Training
from benchmark.fleet import Fleet, Member, make_optimizer, predictions
from benchmark.randomness import stream
from benchmark.schedule import learning_rate

EVALUATION_BATCH = 500
"""Inputs per member and step of an evaluation; it bounds memory and changes no result."""


@dataclass
class Outcome:
    """What one member reached; accuracies are in percent."""

    test_accuracy_best: float = 0.0
    """Test accuracy of the checkpoint with the best validation accuracy (the first of equals)."""
    test_accuracy_last: float = 0.0
    best_epoch: int = 0
    """Epoch of that checkpoint, from 1."""
    validation_accuracy: list[float] = field(default_factory=list)
    """After each epoch."""
    density: dict[str, float] = field(default_factory=dict)
    """Fraction of active weights of each sparse layer at the end."""
    diverged: bool = False
    """Whether the loss stopped being a finite number; the topology is not updated from then on."""


def train_fleet(
    members: Sequence[Member],
    model: Mapping[str, object],
    training: Training,
    dataset: Dataset,
    device: torch.device,
    on_step: Callable[[int, int], None] = lambda _step, _total: None,
    max_steps: int | None = None,
) -> list[Outcome]:
    """Train ``members`` together and evaluate them; one outcome each, in the same order.

    ``dataset`` must be on ``device``. ``on_step(step, total_steps)`` is called after every optimizer step;
    ``max_steps`` ends the training early, for timing it.
    """
    fleet = Fleet(members, model, dataset, device)
    optimizer = make_optimizer(fleet, training)
    batches = Batches(fleet, dataset, training.batch_size)
    total_steps = training.epochs * batches.per_epoch
    observers = updates.observers(fleet)
    best = {name: tensor.detach().clone() for name, tensor in _state(fleet).items()}
    best_accuracy = torch.full((len(fleet),), -1.0)
    outcomes = [Outcome() for _ in members]
    diverged = torch.zeros(len(fleet), dtype=torch.bool, device=device)
    step = 0
    for epoch in range(training.epochs):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(
                training.learning_rate, epoch, training.epochs, training.milestones, training.milestone_factor
            )
        for inputs, targets in batches.epoch(epoch):
            step += 1
            gradients, losses = fleet.gradients(inputs, targets)
            diverged |= ~losses.isfinite()
            if observers:
                updates.observe(fleet, observers, gradients, optimizer, step)
            _update(fleet, gradients, optimizer, step, total_steps, diverged, before_optimizer=True)
            for name, weight in fleet.weights.items():
                weight.grad = gradients[name].contiguous()  # torch's fused SGD reads past strides on a CPU
            optimizer.step()
            fleet.apply_masks()
            _update(fleet, gradients, optimizer, step, total_steps, diverged, before_optimizer=False)
            on_step(step, total_steps)
            if step == max_steps:
                return outcomes
        accuracy = evaluate(fleet, dataset.validation)
        for index, outcome in enumerate(outcomes):
            outcome.validation_accuracy.append(float(accuracy[index]))
            if accuracy[index] > best_accuracy[index]:
                best_accuracy[index] = accuracy[index]
                outcome.best_epoch = epoch + 1
                for name, tensor in _state(fleet).items():
                    best[name][index].copy_(tensor[index].detach())
    last = evaluate(fleet, dataset.test)
    _restore(fleet, best)
    chosen = evaluate(fleet, dataset.test)
    for index, outcome in enumerate(outcomes):
        outcome.test_accuracy_last = float(last[index])
        outcome.test_accuracy_best = float(chosen[index])
        outcome.diverged = bool(diverged[index])
        outcome.density = {name: float(mask[index].double().mean()) for name, mask in fleet.masks.items()}
    return outcomes


def _update(
    fleet: Fleet,
    gradients: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    step: int,
    total_steps: int,
    diverged: Tensor,
    *,
    before_optimizer: bool,
) -> None:
    due = updates.due(fleet, step, before_optimizer=before_optimizer)
    if due:  # reading `diverged` waits for the device, so it is read only here
        due = [index for index in due if not diverged[index]]
        updates.update(fleet, due, gradients, optimizer, step, total_steps)


@torch.no_grad()
def _restore(fleet: Fleet, best: Mapping[str, Tensor]) -> None:
    for name, tensor in _state(fleet).items():
        tensor.copy_(best[name])


def _state(fleet: Fleet) -> dict[str, Tensor]:
    return {**fleet.weights, **fleet.buffers}


class Batches:
    """The training batches of a fleet: members with the same seed see the same examples in the same order."""

    def __init__(self, fleet: Fleet, dataset: Dataset, batch_size: int) -> None:
        self._dataset = dataset
        self._batch_size = batch_size
        self._seeds = sorted({member.seed for member in fleet.members})
        seed_index = [self._seeds.index(member.seed) for member in fleet.members]
        self._seed_of_member = torch.tensor(seed_index, device=fleet.device)
        self._device = fleet.device
        self._examples = dataset.train.targets.numel()
        self.per_epoch = -(-self._examples // batch_size)

    def epoch(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs [members, batch, *shape] and targets [members, batch] of each step; the last batch may be smaller."""
        orders = [torch.randperm(self._examples, generator=stream(s, "batches", epoch)) for s in self._seeds]
        order = torch.stack(orders).to(self._device)
        for number in range(self.per_epoch):
            chosen = order[:, number * self._batch_size : (number + 1) * self._batch_size]
            inputs = self._dataset.train.inputs[chosen]
            if self._dataset.augment is not None:
                inputs = torch.stack(
                    [
                        self._dataset.augment(batch, stream(seed, "augmentation", epoch, number))
                        for seed, batch in zip(self._seeds, inputs, strict=True)
                    ]
                )
            targets = self._dataset.train.targets[chosen]
            yield inputs[self._seed_of_member], targets[self._seed_of_member]


@torch.no_grad()
def evaluate(fleet: Fleet, split: Split) -> Tensor:
    """Accuracy of every member on ``split`` in percent, float64 [members] on the CPU."""
    correct = torch.zeros(len(fleet), dtype=torch.int64, device=fleet.device)
    inputs, targets = torch.split(split.inputs, EVALUATION_BATCH), torch.split(split.targets, EVALUATION_BATCH)
    for batch, wanted in zip(inputs, targets, strict=True):
        logits = fleet.forward(batch.expand(len(fleet), *batch.shape), training=False)
        correct += (predictions(logits) == wanted).sum(1)
    return 100 * correct.double().cpu() / split.targets.numel()
