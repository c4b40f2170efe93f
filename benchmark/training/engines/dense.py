"""The dense engine: every tensor has the members of a fleet as its first dimension, and zeros are multiplied too."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.data.dataset import Dataset
from benchmark.experiments.setup import Setup, TrainingSettings
from benchmark.models import sparse_layer_names
from benchmark.models.dropout import Dropout
from benchmark.system import communication
from benchmark.training.engines.engine import Batch, EngineKind, Needs
from benchmark.training.engines.execution import execution_on
from benchmark.training.engines.stacked import Gradients, StackedNetworks, convolves
from benchmark.training.initial import initial_masks, initial_networks, topology_stream
from benchmark.training.layer_roles import rewired_layers
from benchmark.training.masks_at_start import with_chosen_masks
from benchmark.training.members import Member
from benchmark.training.memory import fleet_size
from criteria import Layer, TopologyUpdate
from criteria.errors import InputError
from criteria.rules import Rules
from criteria.topology import write_back

CPU_VECTOR = 16
"""Numbers that a CPU takes at once; torch's fused SGD rounds what is left over at a tensor's end in another way."""


class DenseEngine:
    """Networks that train together as one batched program; a single run is a fleet of one.

    No operation mixes members, so a member's result does not depend on the others: on a CPU bit for bit, elsewhere
    beyond floating-point rounding. Several processes may train it together, each on its share of every batch; their
    gradients are averaged before anything reads them.
    """

    def __init__(self, members: Sequence[Member], setup: Setup, dataset: Dataset, device: torch.device) -> None:
        self.members = tuple(members)
        networks = initial_networks(members, setup.model, dataset.shape, dataset.classes)
        self._sparse = sparse_layer_names(networks[0])
        self._rewired = [rewired_layers(self._sparse, member) for member in members]
        masks = with_chosen_masks(initial_masks(members, networks[0]), members, networks, dataset)
        # A CPU multiplies the matrices of a lone member by other algorithms than those of several, so it gets company.
        copies = 2 if device.type == "cpu" and len(members) == 1 and not convolves(networks[0]) else 1
        self._networks = StackedNetworks(
            networks * copies, device, setup.training.label_smoothing, execution_on(device)
        )
        self._masks = {name: torch.cat([mask] * copies).to(device) for name, mask in masks.items()}
        # multiplying by a bool mask converts it first, which takes three times as long as the multiplication
        self._multipliers = {name: mask.to(self._networks.weights[name].dtype) for name, mask in self._masks.items()}
        seeds = sorted({member.seed for member in members})
        self._seed_of_member = torch.tensor([seeds.index(member.seed) for member in members] * copies, device=device)
        old = any(m.recipe is not None and m.recipe.topology.grown_value == "old" for m in members)
        self._old = {name: self._networks.weights[name].detach().clone() for name in self._sparse if old}
        """What each weight was when it was active last, where somebody wants that of grown ones."""
        self._apply_masks()
        self._optimizer = _sgd(self._networks.weights, setup.training, device)
        self._kept = 1 - setup.training.decay_of_weights
        self._names = {weight: name for name, weight in self._networks.weights.items()}
        self._gradients: Gradients = {}
        self._batch: Batch | None = None
        self._lost = torch.zeros(len(members), dtype=torch.bool, device=device)
        self._best = {name: tensor.detach().clone() for name, tensor in self._state().items()}
        _require_whole_batches(self.members, networks[0])

    def backward(self, batch: Batch) -> None:
        """Make the gradients of the next step."""
        self._batch, seeds = batch, self._seed_of_member
        compute = self._networks.gradients if communication.size() == 1 else self._mean_gradients
        self._gradients, losses = compute(batch.inputs[seeds], batch.targets[seeds])
        self._lost |= ~losses[: len(self.members)].isfinite()

    def diverged(self) -> Tensor:
        """Members that had a loss which is not a finite number, bool [members] on the device."""
        return self._lost

    def layers(self, member: int, step: int, needs: Needs) -> list[Layer]:
        """The layers of one member that are rewired; the tensors are views of the fleet's."""
        products = None
        if needs.hessian_gradient:
            products = cache(partial(self._hessian_gradient, member))
        norms = self._input_norms(member) if needs.input_norms else {}
        found = []
        for name in self._rewired[member]:
            momentum = self._momentum(name)
            found.append(
                Layer(
                    name=name,
                    weight=self._networks.weights[name].detach()[member],
                    grad=self._gradients[name][member],
                    mask=self._masks[name][member],
                    step=step,
                    generator=topology_stream(self.members[member].seed, step, name),
                    momentum=None if momentum is None else momentum[member],
                    hessian_gradient=None if products is None else _product_of_layer(products, name),
                    input_norm=norms.get(name),
                )
            )
        return found

    @torch.no_grad()
    def apply(self, member: int, updates: Sequence[TopologyUpdate], rules: Rules) -> None:
        """Write one update of each sparse layer back: pruned weights become 0, grown ones start where they should."""
        for name, found in zip(self._rewired[member], updates, strict=True):
            momentum = self._momentum(name)
            state = [] if momentum is None else [momentum[member]]
            weight, mask = self._networks.weights[name].detach()[member], self._masks[name][member]
            update = replace(found, start=self._remembered(name, member)) if rules.grown_value == "old" else found
            write_back(weight, mask, state, update, rules)
            self._multipliers[name][member].copy_(update.mask)

    def optimise(self, learning_rate: float) -> None:
        """One step of SGD over the stacked weights, which is SGD for each member alone."""
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
            for weight in group["params"]:
                gradient = self._gradients[self._names[weight]]
                # torch's fused SGD reads past strides on a CPU; its other form, Nesterov's, writes into the gradient,
                # which growths read after the step
                weight.grad = gradient.contiguous() if group["fused"] else gradient.clone()
        for weight in self._names if self._kept < 1 else ():
            weight.detach().mul_(self._kept)
        self._optimizer.step()
        self._apply_masks()

    def finite(self, member: int) -> bool:
        """Whether a member's sparse weights and their gradients are all finite numbers."""
        both = (self._networks.weights, self._gradients)
        return all(bool(each[name][member].isfinite().all()) for name in self._sparse for each in both)

    @torch.no_grad()
    def logits(self, inputs: Tensor) -> Tensor:
        """Logits [members, batch, classes] in evaluation mode for ``inputs`` [batch, *shape]."""
        logits = self._networks.forward(inputs.expand(len(self._seed_of_member), *inputs.shape), training=False)
        return logits[: len(self.members)]

    @torch.no_grad()
    def synchronise(self) -> None:
        """Average the running statistics of batch-norm, and see that weights and masks are the same everywhere."""
        if communication.size() == 1:
            return
        for buffer in self._networks.buffers.values():
            if buffer.is_floating_point():
                buffer.copy_(communication.sum_over_processes(buffer) / communication.size())
            else:  # the number of batches, which can differ by those that a process had no share of
                buffer.copy_(communication.largest_over_processes(buffer))
        if not communication.same_on_all_processes([*self._networks.weights.values(), *self._masks.values()]):
            raise InputError("the processes no longer have the same weights; train on devices of one kind")

    @torch.no_grad()
    def keep_best(self, member: int) -> None:
        """Keep a copy of a member's weights and buffers."""
        for name, tensor in self._state().items():
            self._best[name][member].copy_(tensor[member])

    def restore_best(self) -> None:
        """Put the kept copies back."""
        _copy_tensors(self._best, self._state())

    def masks(self, member: int) -> dict[str, Tensor]:
        """A copy of the masks of one member."""
        return {name: mask[member].clone() for name, mask in self._masks.items()}

    def weights(self, member: int) -> dict[str, Tensor]:
        """A copy of the parameters of one member."""
        return {name: weight[member].detach().clone() for name, weight in self._networks.weights.items()}

    def state_dict(self) -> dict[str, Any]:
        """Weights, buffers, masks, the optimizer and the kept copies, not copied."""
        return {
            "weights": {name: weight.detach() for name, weight in self._networks.weights.items()},
            "buffers": self._networks.buffers,
            "masks": self._masks,
            "optimizer": self._optimizer.state_dict(),
            "old": self._old,
            "best": self._best,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave; raises an error where names or shapes are of another fleet."""
        _copy_tensors(state["weights"], self._networks.weights)
        _copy_tensors(state["buffers"], self._networks.buffers)
        _copy_tensors(state["masks"], self._masks)
        _copy_tensors(self._masks, self._multipliers)
        _copy_tensors(state["best"], self._best)
        _copy_tensors(state["old"], self._old)
        self._optimizer.load_state_dict(state["optimizer"])

    def _state(self) -> dict[str, Tensor]:
        return {**{name: weight.detach() for name, weight in self._networks.weights.items()}, **self._networks.buffers}

    def _momentum(self, name: str) -> Tensor | None:
        """The momentum of a weight, [members, *shape]; None before the first optimizer step."""
        momentum: Tensor | None = self._optimizer.state[self._networks.weights[name]].get("momentum_buffer")
        return momentum

    @torch.no_grad()
    def _apply_masks(self) -> None:
        """Set every inactive weight to zero."""
        for name, multiplier in self._multipliers.items():
            self._networks.weights[name].mul_(multiplier)

    def _mean_gradients(self, inputs: Tensor, targets: Tensor) -> tuple[Gradients, Tensor]:
        """The gradients and losses of the batch that the processes have a share each of; a collective call."""
        examples = targets.shape[1]
        if examples:
            found, losses = self._networks.gradients(inputs, targets)
        else:  # the last batch of an epoch can be smaller than the number of processes
            found = {name: torch.zeros_like(weight) for name, weight in self._networks.weights.items()}
            losses = torch.zeros(len(self._seed_of_member), device=targets.device)
        parts = [*found.values(), losses]
        mean = communication.mean_over_processes(torch.cat([part.flatten() for part in parts]), examples)
        *means, mean_losses = torch.split(mean, [part.numel() for part in parts])
        return {name: each.view_as(found[name]) for name, each in zip(found, means, strict=True)}, mean_losses

    def _input_norms(self, member: int) -> dict[str, Tensor]:
        """The norms of the inputs of one member's layers that are rewired, on this step's batch."""
        if self._batch is None:
            raise ValueError("there is no batch yet, so there are no norms of inputs")
        return self._networks.input_norms(
            member, self._batch.inputs[self._seed_of_member[member]], self._rewired[member]
        )

    def _remembered(self, name: str, member: int) -> Tensor:
        """What the weights of one layer are, or were when they were active last, [*shape]."""
        old, weight = self._old[name][member], self._networks.weights[name].detach()[member]
        return old.copy_(torch.where(self._masks[name][member], weight, old))

    def _hessian_gradient(self, member: int, temperature: float) -> Gradients:
        """The Hessian-gradient product of one member's sparse layers on this step's batch."""
        if self._batch is None:
            raise ValueError("there is no batch yet, so there is no Hessian-gradient product")
        seed = self._seed_of_member[member]
        inputs, targets = self._batch.inputs[seed], self._batch.targets[seed]
        return self._networks.hessian_gradient(member, inputs, targets, temperature, self._sparse)


def _product_of_layer(products: Callable[[float], dict[str, Tensor]], name: str) -> Callable[[float], Tensor]:
    return lambda temperature: products(temperature)[name]


@torch.no_grad()
def _copy_tensors(source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> None:
    """Copy tensors by name; raises ``ValueError`` where names or shapes differ."""
    if {name: each.shape for name, each in source.items()} != {name: each.shape for name, each in target.items()}:
        raise ValueError("the tensors have other names or shapes")
    for name, tensor in target.items():
        tensor.copy_(source[name])


def _sgd(weights: Mapping[str, Tensor], training: TrainingSettings, device: torch.device) -> torch.optim.SGD:
    """SGD over the stacked weights."""

    def fuses(weight: Tensor) -> bool:
        return device.type != "cpu" or weight[0].numel() % CPU_VECTOR == 0

    return torch.optim.SGD(
        [
            {"params": [weight for weight in weights.values() if fuses(weight)], "fused": True},
            {"params": [weight for weight in weights.values() if not fuses(weight)], "foreach": True},
        ],
        lr=training.learning_rate,
        momentum=training.momentum,
        nesterov=training.nesterov,
        weight_decay=training.decay_of_gradients,
    )


def _require_whole_batches(members: Sequence[Member], network: nn.Module) -> None:
    """Raises :class:`InputError` for what needs a whole batch in one process, where several train together."""
    if communication.size() == 1:
        return
    for member in members:
        rules = [member.recipe.criterion] if member.recipe is not None else []
        if member.recipe is not None and member.recipe.growth.requires_input_norms:
            raise InputError(f"{member.recipe.growth!r} needs a whole batch in one process; start it without torchrun")
        for criterion in (*rules, *(member.comparison.criteria if member.comparison is not None else ())):
            if criterion.requires_hessian_gradient or criterion.requires_input_norms:
                raise InputError(f"{criterion!r} needs a whole batch in one process; start it without torchrun")
    if any(isinstance(module, Dropout) for module in network.modules()):
        raise InputError("dropout would draw the same in every process; start a model with dropout without torchrun")


def _most_members(setup: Setup, shape: tuple[int, ...], classes: int, device: torch.device) -> int:
    """As many as fit."""
    return fleet_size(setup.model, shape, classes, setup.training.batch_size, device)


DENSE = EngineKind("dense", DenseEngine, _most_members)
