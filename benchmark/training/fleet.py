"""A fleet: networks of one model that train together as one batched program. A single run is a fleet of one."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from benchmark.data.dataset import Dataset
from benchmark.experiments.experiment import Topology, Training
from benchmark.models import build_model, sparse_layer_names
from benchmark.training.measurements.jaccard import Comparison
from criteria import Criterion, Growth
from criteria.distribution import Distribution, layer_counts, random_mask
from criteria.randomness import stream

CPU_VECTOR = 16
"""Numbers that a CPU takes at once; torch's fused SGD rounds what is left over at a tensor's end in another way."""


@dataclass(frozen=True)
class Recipe:
    """How a member's topology changes while it trains."""

    criterion: Criterion
    growth: Growth
    topology: Topology


@dataclass(frozen=True)
class Member:
    """One network of a fleet: what it starts from, and its recipe (None where the mask never changes)."""

    seed: int
    density: float
    distribution: Distribution = "erk"
    recipe: Recipe | None = None
    comparison: Comparison | None = None


def build_network(model: Mapping[str, object], inputs: tuple[int, ...], classes: int) -> nn.Module:
    """The network of an experiment's ``model`` entry for examples of shape ``inputs``."""
    parameters = {key: value for key, value in model.items() if key != "name"}
    return build_model(str(model["name"]), inputs=inputs, classes=classes, **parameters)


class Fleet:
    """The state of networks that train together: every tensor has the members as its first dimension.

    No operation mixes members, so a member's result does not depend on the others: on a CPU bit for bit, elsewhere
    beyond floating-point rounding.
    """

    def __init__(
        self,
        members: Sequence[Member],
        model: Mapping[str, object],
        dataset: Dataset,
        device: torch.device,
        label_smoothing: float = 0.0,
    ) -> None:
        self.members = tuple(members)
        self.device = device
        self._label_smoothing = label_smoothing
        shape = dataset.shape
        networks = []
        for member in self.members:
            with torch.random.fork_rng(devices=[]):  # modules draw their initial weights from the global generator
                torch.manual_seed(stream(member.seed, "initial weights").initial_seed())
                networks.append(build_network(model, shape, dataset.classes))
        self.sparse_names = sparse_layer_names(networks[0])
        self.masks = {name: mask.to(device) for name, mask in self._initial_masks(networks[0]).items()}
        weights, buffers = stack_module_state(networks)
        self.weights: dict[str, Tensor] = {k: v.detach().to(device).requires_grad_() for k, v in weights.items()}
        self.buffers: dict[str, Tensor] = {k: v.to(device) for k, v in buffers.items()}
        # multiplying by a bool mask converts it first, which takes three times as long as the multiplication
        self._multipliers = {name: mask.to(self.weights[name].dtype) for name, mask in self.masks.items()}
        self._network = copy.deepcopy(networks[0]).to("meta")
        # A CPU convolves as fast for one member after the other as for all at once, and then a member's bits depend
        # on nobody else: for several at once it takes other algorithms, which round differently.
        self._one_by_one = device.type == "cpu" and any(
            isinstance(module, nn.modules.conv._ConvNd) for module in self._network.modules()
        )
        self.apply_masks()

    def __len__(self) -> int:
        return len(self.members)

    @property
    def network(self) -> nn.Module:
        """The network that all members are, on the meta device: its structure without values."""
        return self._network

    def _initial_masks(self, network: nn.Module) -> dict[str, Tensor]:
        shapes = {name: tuple(network.get_parameter(name).shape) for name in self.sparse_names}
        masks: dict[str, list[Tensor]] = {name: [] for name in shapes}
        for member in self.members:
            counts = layer_counts(shapes, member.density, member.distribution)
            for name, shape in shapes.items():
                generator = stream(member.seed, "initial mask", member.density, name)
                masks[name].append(random_mask(shape, counts[name], generator))
        return {name: torch.stack(each) for name, each in masks.items()}

    @torch.no_grad()
    def apply_masks(self) -> None:
        """Set every inactive weight to zero."""
        for name, multiplier in self._multipliers.items():
            self.weights[name].mul_(multiplier)

    def mask_changed(self, member: int, name: str) -> None:
        """Take note that the mask of a sparse layer of one member has changed in place."""
        self._multipliers[name][member].copy_(self.masks[name][member])

    def state_dict(self) -> dict[str, Any]:
        """Weights, buffers and masks, not copied."""
        weights = {name: weight.detach() for name, weight in self.weights.items()}
        return {"weights": weights, "buffers": self.buffers, "masks": self.masks}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave; raises an error where names or shapes are of another fleet."""
        copy_tensors(state["weights"], self.weights)
        copy_tensors(state["buffers"], self.buffers)
        copy_tensors(state["masks"], self.masks)
        copy_tensors(self.masks, self._multipliers)

    def forward(self, inputs: Tensor, training: bool) -> Tensor:
        """Logits [members, batch, classes] for ``inputs`` [members, batch, *shape]."""
        self._network.train(training)
        if self._one_by_one:
            return torch.stack([self._logits(*self._state(i), inputs[i]) for i in range(len(self))])
        logits: Tensor = vmap(self._logits, randomness="different")(self.weights, self.buffers, inputs)
        return logits

    def gradients(self, inputs: Tensor, targets: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """The dense gradient of each member's loss and the losses [members], on one batch each.

        ``inputs`` is [members, batch, *shape] and ``targets`` int64 [members, batch].
        """
        if not self._one_by_one:
            losses = classification_loss(self.forward(inputs, training=True), targets, self._label_smoothing)
            gradients = torch.autograd.grad(losses.sum(), list(self.weights.values()))
            return dict(zip(self.weights, gradients, strict=True)), losses.detach()
        self._network.train()
        found = {name: torch.empty_like(weight) for name, weight in self.weights.items()}
        each_loss = []
        for member in range(len(self)):
            weights, buffers = self._state(member)
            logits = self._logits(weights, buffers, inputs[member])
            loss = classification_loss(logits[None], targets[member][None], self._label_smoothing).sum()
            for name, gradient in zip(weights, torch.autograd.grad(loss, list(weights.values())), strict=True):
                found[name][member] = gradient
            each_loss.append(loss.detach())
        return found, torch.stack(each_loss)

    def _state(self, member: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The weights of one member, ready for gradients of their own, and its buffers, which a network may change."""
        weights = {name: weight[member].detach().requires_grad_() for name, weight in self.weights.items()}
        return weights, {name: buffer[member] for name, buffer in self.buffers.items()}

    def _logits(self, weights: dict[str, Tensor], buffers: dict[str, Tensor], inputs: Tensor) -> Tensor:
        """Logits [batch, classes] of one network."""
        logits: Tensor = functional_call(self._network, (weights, buffers), (inputs,))
        return logits

    @torch.enable_grad()
    def hessian_gradient(self, member: int, inputs: Tensor, targets: Tensor, temperature: float) -> dict[str, Tensor]:
        """The product H·g of one member's sparse layers, each [*shape], on one batch (GraSP; Wang et al., 2020).

        H and g are over the weights of all sparse layers, of the loss with its logits divided by ``temperature``.
        ``inputs`` is [batch, *shape] and ``targets`` int64 [batch]. Buffers stay as they are.
        """
        weights, buffers = self._state(member)
        sparse = [weights[name] for name in self.sparse_names]
        self._network.train()
        logits = self._logits(weights, {name: buffer.clone() for name, buffer in buffers.items()}, inputs) / temperature
        loss = classification_loss(logits[None], targets[None], self._label_smoothing).sum()
        gradients = torch.autograd.grad(loss, sparse, create_graph=True)
        # H·g is half the gradient of g·g
        products = torch.autograd.grad(torch.stack([(g * g).sum() for g in gradients]).sum() / 2, sparse)
        return dict(zip(self.sparse_names, products, strict=True))


@torch.no_grad()
def copy_tensors(source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> None:
    """Copy tensors by name; raises ``ValueError`` where names or shapes differ."""
    if {name: each.shape for name, each in source.items()} != {name: each.shape for name, each in target.items()}:
        raise ValueError("the tensors have other names or shapes")
    for name, tensor in target.items():
        tensor.copy_(source[name])


def classification_loss(logits: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Mean loss per member, [members]: cross-entropy, or its binary form where there is one logit.

    ``logits`` is [members, batch, classes or 1] and ``targets`` int64 [members, batch]; ``label_smoothing`` is the
    share of each target that is spread evenly over all classes (Szegedy et al., 2016).
    """
    if logits.shape[-1] == 1:
        wanted = targets.to(logits) * (1 - label_smoothing) + label_smoothing / 2
        return F.binary_cross_entropy_with_logits(logits.squeeze(-1), wanted, reduction="none").mean(1)
    each = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none", label_smoothing=label_smoothing)
    return each.view(targets.shape).mean(1)


def predictions(logits: Tensor) -> Tensor:
    """The predicted class, int64 [members, batch]."""
    return (logits.squeeze(-1) > 0).long() if logits.shape[-1] == 1 else logits.argmax(-1)


def make_optimizer(fleet: Fleet, training: Training) -> torch.optim.SGD:
    """SGD over the stacked weights, which is SGD for each member alone."""

    def fuses(weight: Tensor) -> bool:
        return fleet.device.type != "cpu" or weight[0].numel() % CPU_VECTOR == 0

    return torch.optim.SGD(
        [
            {"params": [weight for weight in fleet.weights.values() if fuses(weight)], "fused": True},
            {"params": [weight for weight in fleet.weights.values() if not fuses(weight)], "foreach": True},
        ],
        lr=training.learning_rate,
        momentum=training.momentum,
        nesterov=training.nesterov,
        weight_decay=training.weight_decay,
    )
