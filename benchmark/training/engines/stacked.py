"""Networks of one model whose tensors are stacked, the members of a fleet first, and computed as one program."""

import copy
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from benchmark.training.engines.cpu_layout import channels_last, pool_before_relu
from benchmark.training.engines.execution import PLAIN, Execution, adapted
from benchmark.training.engines.input_norms import input_norms
from benchmark.training.engines.member_threads import MemberThreads
from benchmark.training.engines.replay import Replayed
from benchmark.training.loss import classification_loss

Gradients = dict[str, Tensor]
"""By the name of the weight, [members, *shape]."""


class StackedNetworks:
    """The weights and buffers of networks of one model, and their arithmetic; no operation mixes members."""

    def __init__(
        self,
        networks: Sequence[nn.Module],
        device: torch.device,
        label_smoothing: float,
        execution: Execution = PLAIN,
    ) -> None:
        self._label_smoothing = label_smoothing
        self._members = len(networks)
        weights, buffers = stack_module_state(list(networks))
        self.weights: dict[str, Tensor] = {k: v.detach().to(device).requires_grad_() for k, v in weights.items()}
        """[members, *shape], by name."""
        self.buffers: dict[str, Tensor] = {k: v.to(device) for k, v in buffers.items()}
        """[members, *shape], by name."""
        self._network = copy.deepcopy(networks[0]).to("meta")
        threaded = device.type == "cpu" and convolves(self._network) and execution == PLAIN
        if threaded:
            pool_before_relu(self._network)
        self._threads = MemberThreads(self._network) if threaded else None
        self._batched_network = adapted(self._network, execution)
        self._losses = self._losses_of_all
        if execution.compiled:
            self._losses = torch.compile(self._losses_of_all, dynamic=False)
        self._compute = Replayed(self._gradients_of_all) if execution.replayed else self._gradients_of_all

    def forward(self, inputs: Tensor, training: bool) -> Tensor:
        """Logits [members, batch, classes] for ``inputs`` [members, batch, *shape]."""
        self._train(training)
        if self._threads is not None:

            def compute(network: nn.Module, member: int) -> Tensor:
                return _logits(network, *self._member(member, channels_last), channels_last(inputs[member]))

            return torch.stack(self._threads.map(compute, len(inputs)))
        return self._batched(inputs)

    def gradients(self, inputs: Tensor, targets: Tensor) -> tuple[Gradients, Tensor]:
        """The dense gradient of each member's loss and the losses [members], on one batch each.

        ``inputs`` is [members, batch, *shape] and ``targets`` int64 [members, batch].
        """
        self._train(True)
        if self._threads is None:
            return self._compute(inputs, targets)
        found = {name: torch.empty_like(weight) for name, weight in self.weights.items()}

        def compute(network: nn.Module, member: int) -> Tensor:
            weights, buffers = self._member(member, channels_last)
            logits = _logits(network, weights, buffers, channels_last(inputs[member]))
            loss = classification_loss(logits[None], targets[member][None], self._label_smoothing).sum()
            for name, gradient in zip(weights, torch.autograd.grad(loss, list(weights.values())), strict=True):
                found[name][member] = gradient
            return loss.detach()

        return found, torch.stack(self._threads.map(compute, self._members))

    def _gradients_of_all(self, inputs: Tensor, targets: Tensor) -> tuple[Gradients, Tensor]:
        losses = self._losses(inputs, targets)
        gradients = torch.autograd.grad(losses.sum(), list(self.weights.values()))
        return dict(zip(self.weights, gradients, strict=True)), losses.detach()

    def _losses_of_all(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """The losses of one batch for each member as one batched program, [members]."""
        return classification_loss(self._batched(inputs), targets, self._label_smoothing)

    def _batched(self, inputs: Tensor) -> Tensor:
        forward = vmap(partial(_logits, self._batched_network), randomness="different")
        logits: Tensor = forward(self.weights, self.buffers, inputs)
        return logits

    @torch.enable_grad()
    def hessian_gradient(
        self, member: int, inputs: Tensor, targets: Tensor, temperature: float, layers: Sequence[str]
    ) -> Gradients:
        """The product H·g of some layers of one member, each [*shape], on one batch (GraSP; Wang et al., 2020).

        H and g are over the weights of all ``layers``, of the loss with its logits divided by ``temperature``.
        ``inputs`` is [batch, *shape] and ``targets`` int64 [batch]. Buffers stay as they are.
        """
        weights, buffers = self._member(member)
        sparse = [weights[name] for name in layers]
        self._train(True)
        cloned = {name: buffer.clone() for name, buffer in buffers.items()}
        logits = _logits(self._network, weights, cloned, inputs) / temperature
        loss = classification_loss(logits[None], targets[None], self._label_smoothing).sum()
        gradients = torch.autograd.grad(loss, sparse, create_graph=True)
        # H·g is half the gradient of g·g
        products = torch.autograd.grad(torch.stack([(g * g).sum() for g in gradients]).sum() / 2, sparse)
        return dict(zip(layers, products, strict=True))

    def input_norms(self, member: int, inputs: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """The norm of the input that each weight of some layers of one member multiplies, on ``inputs``, each [*shape].

        ``inputs`` is [batch, *shape]; see :mod:`benchmark.training.engines.input_norms`.
        """
        weights, buffers = self._member(member)
        return input_norms(self._network, weights, buffers, inputs, layers)

    def _train(self, training: bool) -> None:
        self._network.train(training)
        self._batched_network.train(training)

    def _member(
        self, member: int, laid_out: Callable[[Tensor], Tensor] = lambda tensor: tensor
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The weights of one member, ready for gradients of their own, and its buffers, which a network may change."""
        weights = {name: laid_out(weight[member].detach()).requires_grad_() for name, weight in self.weights.items()}
        return weights, {name: buffer[member] for name, buffer in self.buffers.items()}


def convolves(network: nn.Module) -> bool:
    """Whether a network has convolutions."""
    return any(isinstance(module, nn.modules.conv._ConvNd) for module in network.modules())


def _logits(network: nn.Module, weights: dict[str, Tensor], buffers: dict[str, Tensor], inputs: Tensor) -> Tensor:
    """Logits [batch, classes] of one network for ``inputs`` [batch, *shape]."""
    logits: Tensor = functional_call(network, (weights, buffers), (inputs,))
    return logits
