"""Training a fleet from its first step to its last, and what each member reached."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from pydantic import TypeAdapter
from torch import Tensor

from benchmark.data.dataset import Dataset
from benchmark.experiments.cost import counted_forward_flops
from benchmark.experiments.outcome import Outcome
from benchmark.experiments.setup import Setup
from benchmark.models.flops import flops_per_weight
from benchmark.models.trial import takes_one_example
from benchmark.system import communication
from benchmark.training import updates
from benchmark.training.batches import Batches
from benchmark.training.engines import engine_named
from benchmark.training.engines.engine import Batch, Engine
from benchmark.training.evaluation import evaluate
from benchmark.training.initial import structure
from benchmark.training.learning_rate import learning_rate
from benchmark.training.measurements.measuring import Measuring
from benchmark.training.members import Member
from benchmark.training.precision import computing_in
from criteria.errors import InputError, PluginError
from criteria.isolation import kept_process_state
from criteria.training.devices import on_device

Outcomes = TypeAdapter(list[Outcome])
"""Outcomes as plain data and back."""


def train_fleet(
    members: Sequence[Member],
    setup: Setup,
    dataset: Dataset,
    device: torch.device,
    on_step: Callable[[int, int], None] = lambda _step, _total: None,
    max_steps: int | None = None,
) -> list[Outcome]:
    """Train ``members`` together and evaluate them; one outcome each, in the same order.

    ``dataset`` must be `Dataset.on` the device. ``on_step(step, total_steps)`` is called after every optimizer step;
    ``max_steps`` ends the training early. Raises :class:`PluginError` where a plugin of any member fails.
    """
    training = FleetTraining(members, setup, dataset, device)
    for step in training.steps():
        for failure in training.failures.values():
            raise PluginError(failure)
        on_step(step, training.total_steps)
        if step == max_steps:
            return training.outcomes
    return training.finish()


class FleetTraining:
    """The training of a fleet between two optimizer steps: there it can be saved, and go on later as if never stopped.

    Random streams have no state (:mod:`criteria.randomness`), so the number of the step tells where they are.
    """

    def __init__(self, members: Sequence[Member], setup: Setup, dataset: Dataset, device: torch.device) -> None:
        _require_enough_examples(setup, dataset)
        self.step = 0
        """Optimizer steps that are done; the evaluation that ends an epoch belongs to its last step."""
        self.engine = engine_named(setup.engine).make(members, setup, dataset, device)
        self._training = setup.training
        self._dataset = dataset
        self._device = device
        self._batches = Batches([member.seed for member in members], dataset, setup.training.batch_size, device)
        self._best_accuracy = torch.full((len(members),), -1.0, dtype=torch.float64)  # as evaluate() gives it
        self.outcomes = [Outcome() for _ in members]
        """Of each member so far; whole after :meth:`finish`."""
        self.failures: dict[int, str] = {}
        """Members whose plugins have failed, with what they failed at; their topology rests, and no outcome counts."""
        self._diverged = torch.zeros(len(members), dtype=torch.bool, device=device)
        self._measuring = _measuring(members, self.engine, setup, dataset)

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
            rate = self._learning_rate(epoch)
            for batch in self._batches.epoch(epoch, first=self.step % per_epoch):
                self.step += 1
                with self._precision():
                    self._train(batch, rate)
                    if self.ends_epoch:
                        self._validate(epoch)
                yield self.step

    def finish(self) -> list[Outcome]:
        """The outcomes: evaluate the members as they are after the last step, and as they were at their best."""
        self._diverged |= self.engine.diverged()
        with self._precision():
            last = evaluate(self.engine, self._dataset, self._dataset.test, self._device)
            self.engine.restore_best()
            chosen = evaluate(self.engine, self._dataset, self._dataset.test, self._device)
        for index, outcome in enumerate(self.outcomes):
            outcome.test_accuracy_last = float(last[index])
            outcome.test_accuracy_best = float(chosen[index])
            outcome.diverged = bool(self._diverged[index])
            outcome.density = self._measuring.densities(index)
            outcome.measured = self._measuring.of_member(index)
        return self.outcomes

    def state_dict(self) -> dict[str, Any]:
        """All that the rest of the training depends on, as tensors (not copied) and plain data.

        A member whose criterion or growth cannot say its state has failed.
        """
        self._diverged |= self.engine.diverged()
        return {
            "step": self.step,
            "engine": self.engine.state_dict(),
            "plugins": [self._plugin_states(index) for index in range(len(self.engine.members))],
            "failures": dict(self.failures),
            "diverged": self._diverged,
            "best_accuracy": self._best_accuracy,
            "measuring": self._measuring.state_dict(),
            "outcomes": Outcomes.dump_python(self.outcomes),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go where the training was that gave ``state``; its tensors may be on another device.

        Raises some error, and leaves the training unfit for use, where ``state`` is not of a training of this kind.
        """
        self.engine.load_state_dict(state["engine"])
        self.failures = dict(state["failures"])
        for index, saved in enumerate(state["plugins"]):
            recipe = self.engine.members[index].recipe
            if recipe is not None and index not in self.failures:
                with kept_process_state():
                    recipe.criterion.load_state_dict(on_device(saved["criterion"], self._device))
                    recipe.growth.load_state_dict(on_device(saved["growth"], self._device))
        self._diverged.copy_(state["diverged"])
        self._best_accuracy.copy_(state["best_accuracy"])
        self._measuring.load_state_dict(state["measuring"])
        self.outcomes = Outcomes.validate_python(state["outcomes"])
        self.step = state["step"]

    def _precision(self) -> AbstractContextManager[None]:
        return computing_in(self._training.precision, self._device)

    def _learning_rate(self, epoch: int) -> float:
        settings = self._training
        return learning_rate(
            settings.learning_rate,
            epoch,
            settings.epochs,
            settings.milestones,
            settings.milestone_factor,
            settings.warmup_epochs,
        )

    def _train(self, batch: Batch, rate: float) -> None:
        """One optimizer step, with the topology updates that are due."""
        self.engine.backward(batch)
        self._measuring.trained(self._batches.size((self.step - 1) % self._batches.per_epoch))
        self._update_topology(before_optimizer=True)
        self.engine.optimise(rate)
        self._update_topology(before_optimizer=False)
        for index, member in enumerate(self.engine.members):
            if self.step in member.digested:
                weights, masks = self.engine.weights(index), self.engine.masks(index)
                self.outcomes[index].digests[str(self.step)] = _digest(weights, masks)

    def _update_topology(self, *, before_optimizer: bool) -> None:
        """What happens to the topology before, or after, the optimizer step."""
        engine, step = self.engine, self.step
        for index in updates.observers(engine.members, before_optimizer=before_optimizer):
            if index not in self.failures:
                with self._failing_alone(index):
                    updates.observe(engine, index, step)
        due = updates.due(engine.members, step, self.total_steps, before_optimizer=before_optimizer)
        if due:
            self._diverged |= engine.diverged()
        for index in due:
            if index in self.failures:
                continue
            if not self._diverged[index]:  # reading it waits for the device, so it is read only here
                self._diverged[index] = not engine.finite(index)
            if not self._diverged[index]:
                with self._failing_alone(index):
                    self._measuring.before_update(engine, index, step, self.total_steps)
                    changed = updates.update(engine, index, step, self.total_steps)
                    self._measuring.after_update(index, changed)

    def _plugin_states(self, member: int) -> dict[str, Any]:
        """What a member's criterion and growth want to go on from; nothing for a member that has none or has failed."""
        recipe = self.engine.members[member].recipe
        if recipe is not None and member not in self.failures:
            with self._failing_alone(member):
                return {
                    "criterion": updates.saved_state(recipe.criterion, self.step),
                    "growth": updates.saved_state(recipe.growth, self.step),
                }
        return {}

    @contextmanager
    def _failing_alone(self, member: int) -> Iterator[None]:
        """Keep the failure of a member's plugins to that member, whose topology rests from then on.

        Raises :class:`PluginError` where no member is left that could go on, and where several processes train
        together, which have to end together too.
        """
        try:
            yield
        except updates.DivergedError:
            self._diverged[member] = True
        except PluginError as error:
            self.failures[member] = str(error)
            if communication.size() > 1 or len(self.failures) == len(self.engine.members):
                raise

    def _validate(self, epoch: int) -> None:
        """Evaluate every member at the end of an epoch, and keep a copy of those that were never better.

        While a density is on its way, a network is not yet one of its cell, and is not kept.
        """
        self._measuring.epoch_ended()
        self.engine.synchronise()
        accuracy = evaluate(self.engine, self._dataset, self._dataset.validation, self._device)
        for index, outcome in enumerate(self.outcomes):
            outcome.validation_accuracy.append(float(accuracy[index]))
            if accuracy[index] > self._best_accuracy[index] and self._has_its_density(index):
                self._best_accuracy[index] = accuracy[index]
                outcome.best_epoch = epoch + 1
                self.engine.keep_best(index)

    def _has_its_density(self, member: int) -> bool:
        """Whether a member has the density of its cell now; of one that has failed, no outcome counts."""
        if member not in self.failures:
            with self._failing_alone(member):
                return updates.density_is_final(self.engine.members[member], self.step, self.total_steps)
        return True


def _require_enough_examples(setup: Setup, dataset: Dataset) -> None:
    """Raise :class:`InputError` where a process gets one example of a batch, and the network does not train on it."""
    examples, size = dataset.train.targets.numel(), setup.training.batch_size
    smallest = examples % size or size
    if smallest >= 2 * communication.size():
        return
    if not takes_one_example(structure(setup.model, dataset.shape, dataset.classes), dataset.shape):
        raise InputError(
            f"training.batch_size is {size}, which leaves {smallest} of {examples} examples for the last batch of an "
            f"epoch; batch-norm in model {setup.model['name']} needs two or more in each process: take another one"
        )


def _measuring(members: Sequence[Member], engine: Engine, setup: Setup, dataset: Dataset) -> Measuring:
    network = structure(setup.model, dataset.shape, dataset.classes)
    each = [engine.masks(index) for index in range(len(members))]
    masks = {name: torch.stack([mask[name] for mask in each]) for name in each[0]}
    return Measuring(members, masks, flops_per_weight(network, dataset.shape, masks), _dense_flops(setup, dataset))


def _dense_flops(setup: Setup, dataset: Dataset) -> int | None:
    """Those of the experiment's network for one example, where a narrower one is trained."""
    if setup.in_place_of is None:
        return None
    return counted_forward_flops(json.dumps(setup.in_place_of), dataset.shape, dataset.classes)


def _digest(weights: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> str:
    """A hash of 16 hexadecimal digits of all parameters and masks of a member."""
    found = hashlib.sha256()
    for tensors in (weights, masks):
        for name, tensor in tensors.items():
            found.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]
