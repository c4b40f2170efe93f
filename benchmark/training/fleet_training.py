"""Training a fleet from its first step to its last, and what each member reached."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import torch
from pydantic import TypeAdapter
from torch import Tensor

from benchmark.data.dataset import Dataset
from benchmark.experiments.experiment import Training
from benchmark.system import communication
from benchmark.training import updates
from benchmark.training.batches import Batches
from benchmark.training.evaluation import evaluate
from benchmark.training.fleet import Fleet, Member, copy_tensors, make_optimizer
from benchmark.training.learning_rate import learning_rate
from benchmark.training.measurements.measuring import Measured, Measuring
from benchmark.training.precision import computing_in


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


Outcomes = TypeAdapter(list[Outcome])
"""Outcomes as plain data and back."""


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

    ``dataset`` must be `Dataset.on` the device. ``on_step(step, total_steps)`` is called after every optimizer step;
    ``max_steps`` ends the training early, for timing it.
    """
    fleet_training = FleetTraining(members, model, training, dataset, device)
    for step in fleet_training.steps():
        on_step(step, fleet_training.total_steps)
        if step == max_steps:
            return fleet_training.outcomes
    return fleet_training.finish()


class FleetTraining:
    """The training of a fleet between two optimizer steps: there it can be saved, and go on later as if never stopped.

    Random streams have no state (:mod:`criteria.randomness`), so the number of the step tells where they are.
    """

    def __init__(
        self,
        members: Sequence[Member],
        model: Mapping[str, object],
        training: Training,
        dataset: Dataset,
        device: torch.device,
    ) -> None:
        self.step = 0
        """Optimizer steps that are done; the evaluation that ends an epoch belongs to its last step."""
        self.fleet = Fleet(members, model, dataset, device, training.label_smoothing)
        communication.require_supported(self.fleet)
        self._training = training
        self._dataset = dataset
        self._optimizer = make_optimizer(self.fleet, training)
        self._batches = Batches(self.fleet, dataset, training.batch_size)
        self._best = {name: tensor.detach().clone() for name, tensor in _state(self.fleet).items()}
        self._best_accuracy = torch.full((len(self.fleet),), -1.0, dtype=torch.float64)  # as evaluate() gives it
        self.outcomes = [Outcome() for _ in members]
        """Of each member so far; whole after :meth:`finish`."""
        self._diverged = torch.zeros(len(self.fleet), dtype=torch.bool, device=device)
        self._measuring = Measuring(self.fleet, dataset.shape)

    @property
    def total_steps(self) -> int:
        """Optimizer steps of the whole training."""
        return self._training.epochs * self._batches.per_epoch

    @property
    def ends_epoch(self) -> bool:
        """Whether the last step was the last one of an epoch."""
        return self.step % self._batches.per_epoch == 0

    def steps(self) -> Iterator[int]:
        """Train from where it is to the end, pausing after every step with its number, from 1."""
        per_epoch = self._batches.per_epoch
        for epoch in range(self.step // per_epoch, self._training.epochs):
            self._set_learning_rate(epoch)
            for inputs, targets in self._batches.epoch(epoch, first=self.step % per_epoch):
                self.step += 1
                with self._precision():
                    self._train(inputs, targets)
                    if self.ends_epoch:
                        self._validate(epoch)
                yield self.step

    def finish(self) -> list[Outcome]:
        """The outcomes: evaluate the members as they are after the last step, and as they were at their best."""
        with self._precision():
            last = evaluate(self.fleet, self._dataset, self._dataset.test)
            _restore(self.fleet, self._best)
            chosen = evaluate(self.fleet, self._dataset, self._dataset.test)
        for index, outcome in enumerate(self.outcomes):
            outcome.test_accuracy_last = float(last[index])
            outcome.test_accuracy_best = float(chosen[index])
            outcome.diverged = bool(self._diverged[index])
            outcome.density = {name: float(mask[index].double().mean()) for name, mask in self.fleet.masks.items()}
            outcome.measured = self._measuring.of(index)
        return self.outcomes

    def state_dict(self) -> dict[str, Any]:
        """All that the rest of the training depends on, as tensors (not copied) and plain data."""
        return {
            "step": self.step,
            "fleet": self.fleet.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "criteria": [
                member.recipe.criterion.state_dict() if member.recipe else {} for member in self.fleet.members
            ],
            "diverged": self._diverged,
            "best": self._best,
            "best_accuracy": self._best_accuracy,
            "measuring": self._measuring.state_dict(),
            "outcomes": Outcomes.dump_python(self.outcomes),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go where the training was that gave ``state``; its tensors may be on another device.

        Raises some error, and leaves the training unfit for use, where ``state`` is not of a training of this kind.
        """
        self.fleet.load_state_dict(state["fleet"])
        self._optimizer.load_state_dict(state["optimizer"])
        for member, criterion_state in zip(self.fleet.members, state["criteria"], strict=True):
            if member.recipe is not None:
                member.recipe.criterion.load_state_dict(_on_device(criterion_state, self.fleet.device))
        self._diverged.copy_(state["diverged"])
        copy_tensors(state["best"], self._best)
        self._best_accuracy.copy_(state["best_accuracy"])
        self._measuring.load_state_dict(state["measuring"])
        self.outcomes = Outcomes.validate_python(state["outcomes"])
        self.step = state["step"]

    def _precision(self) -> AbstractContextManager[None]:
        return computing_in(self._training.precision, self.fleet.device)

    def _set_learning_rate(self, epoch: int) -> None:
        settings = self._training
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(
                settings.learning_rate,
                epoch,
                settings.epochs,
                settings.milestones,
                settings.milestone_factor,
                settings.warmup_epochs,
            )

    def _train(self, inputs: Tensor, targets: Tensor) -> None:
        """One optimizer step, with the topology updates that are due."""
        gradients, losses = communication.gradients(self.fleet, inputs, targets)
        self._diverged |= ~losses.isfinite()
        self._measuring.trained(self._batches.size((self.step - 1) % self._batches.per_epoch))
        now = updates.Step(self.step, self.total_steps, inputs, targets, gradients, self._optimizer)
        _topology(self.fleet, now, self._diverged, self._measuring, before_optimizer=True)
        for name, weight in self.fleet.weights.items():
            weight.grad = gradients[name].contiguous()  # torch's fused SGD reads past strides on a CPU
        self._optimizer.step()
        self.fleet.apply_masks()
        _topology(self.fleet, now, self._diverged, self._measuring, before_optimizer=False)

    def _validate(self, epoch: int) -> None:
        """Evaluate every member at the end of an epoch, and keep a copy of those that were never better."""
        self._measuring.epoch_ended()
        communication.agree(self.fleet)
        accuracy = evaluate(self.fleet, self._dataset, self._dataset.validation)
        for index, outcome in enumerate(self.outcomes):
            outcome.validation_accuracy.append(float(accuracy[index]))
            if accuracy[index] > self._best_accuracy[index]:
                self._best_accuracy[index] = accuracy[index]
                outcome.best_epoch = epoch + 1
                for name, tensor in _state(self.fleet).items():
                    self._best[name][index].copy_(tensor[index].detach())


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


def _restore(fleet: Fleet, best: Mapping[str, Tensor]) -> None:
    copy_tensors(best, _state(fleet))


def _state(fleet: Fleet) -> dict[str, Tensor]:
    return {**fleet.weights, **fleet.buffers}


def _on_device(state: Any, device: torch.device) -> Any:
    """``state`` with every tensor in its dictionaries, lists and tuples on ``device``."""
    match state:
        case Tensor():
            return state.to(device)
        case dict():
            return {key: _on_device(value, device) for key, value in state.items()}
        case list() | tuple():
            return type(state)(_on_device(value, device) for value in state)
    return state
