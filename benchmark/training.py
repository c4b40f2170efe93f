"""Training a fleet from its first step to its last, and what each member reached."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from benchmark import updates
from benchmark.batches import Batches
from benchmark.data.dataset import Dataset
from benchmark.evaluation import evaluate
from benchmark.experiment import Training
from benchmark.fleet import Fleet, Member, make_optimizer
from benchmark.measurements.measuring import Measured, Measuring
from benchmark.schedule import learning_rate


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
    """Whether the loss, a weight or a gradient stopped being a finite number; its topology rests from then on."""
    measured: Measured | None = None
    """What was measured beside accuracy; None where an older version trained."""


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
    measuring = Measuring(fleet, tuple(dataset.train.inputs.shape[1:]))
    total_steps = training.epochs * batches.per_epoch
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
            measuring.trained(targets.shape[1])
            now = updates.Step(step, total_steps, inputs, targets, gradients, optimizer)
            _topology(fleet, now, diverged, measuring, before_optimizer=True)
            for name, weight in fleet.weights.items():
                weight.grad = gradients[name].contiguous()  # torch's fused SGD reads past strides on a CPU
            optimizer.step()
            fleet.apply_masks()
            _topology(fleet, now, diverged, measuring, before_optimizer=False)
            on_step(step, total_steps)
            if step == max_steps:
                return outcomes
        measuring.epoch_ended()
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
        outcome.measured = measuring.of(index)
    return outcomes


def _topology(
    fleet: Fleet, step: updates.Step, diverged: Tensor, measuring: Measuring, *, before_optimizer: bool
) -> None:
    """What happens to the topology before, or after, the optimizer step."""
    updates.observe(fleet, updates.observers(fleet, before_optimizer=before_optimizer), step)
    for index in updates.due(fleet, step.number, before_optimizer=before_optimizer):
        if not diverged[index]:  # reading it waits for the device, so it is read only here
            diverged[index] = not updates.is_finite(fleet, index, step)
        if not diverged[index]:
            measuring.before_update(index, step)
            updates.update(fleet, index, step)
            measuring.after_update(index)


@torch.no_grad()
def _restore(fleet: Fleet, best: Mapping[str, Tensor]) -> None:
    for name, tensor in _state(fleet).items():
        tensor.copy_(best[name])


def _state(fleet: Fleet) -> dict[str, Tensor]:
    return {**fleet.weights, **fleet.buffers}
