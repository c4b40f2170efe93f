"""Topology updates of the weights of someone's model, and what happened in them."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from criteria.api import Criterion, Growth, Layer
from criteria.errors import InputError, PluginError, is_out_of_memory, one_line
from criteria.randomness import stream
from criteria.rules import Rules
from criteria.training.numeric import is_number
from criteria.training.weight import SparseWeight

Loss = Callable[[float], Tensor]
"""Given a temperature, the loss of the current batch with its logits divided by that: a scalar with a graph."""


class Schedule(Protocol):
    """The prune fraction over the optimizer steps of a training."""

    def at(self, step: int, total_steps: int) -> float:
        """Return ζ, from 0 to 1, at ``step`` of ``total_steps``."""


@dataclass(frozen=True)
class Recipe:
    """How the topology of a training changes."""

    criterion: Criterion
    growth: Growth
    rules: Rules
    prune_fraction: Schedule
    update_period: int | None
    """Optimizer steps between topology updates; None: the masks stay as they are."""
    total_steps: int | None
    """Optimizer steps after which the topology rests; None: it never does."""

    @property
    def plugins(self) -> str:
        """What chooses the weights, in words."""
        return f"criterion {named(self.criterion)} with growth {named(self.growth)}"

    def due(self, step: int) -> bool:
        """Whether the topology is updated at ``step``, counted from 1."""
        if self.update_period is None or (self.total_steps is not None and step > self.total_steps):
            return False
        return step % self.update_period == 0

    def reads_gradients(self, step: int) -> bool:
        """Whether the criterion or the growth reads gradients at ``step``."""
        due = self.due(step)
        return (due and self.growth.requires_grad) or (
            (due or self.criterion.observes) and self.criterion.requires_grad
        )

    @property
    def reads_momentum(self) -> bool:
        """Whether the growth will read the optimizer's momentum."""
        return self.update_period is not None and self.growth.requires_momentum

    def fraction(self, step: int) -> float:
        """The prune fraction at ``step``; raises :class:`InputError` where the schedule gives another number."""
        given = self.prune_fraction.at(step, self.total_steps or step)
        if not is_number(given) or not 0 <= given <= 1:
            raise InputError(f"the schedule gives the prune fraction {given!r} at step {step}; it must be from 0 to 1")
        return float(given)


@dataclass(frozen=True)
class Update:
    """One topology update of a training."""

    step: int
    """Optimizer step, from 1."""
    prune_fraction: float
    replaced: dict[str, int] = field(default_factory=dict)
    """How many weights were pruned, by weight; what is frozen or had no gradient is left out."""
    skipped: str = ""
    """Why nothing was updated, where nothing was."""

    def as_plain(self) -> dict[str, Any]:
        """The record as plain data, for a checkpoint."""
        return dict(vars(self))

    @classmethod
    def of_plain(cls, record: Mapping[str, Any]) -> "Update":
        """A record that :meth:`as_plain` gave; raises :class:`InputError` for anything else."""
        try:
            return cls(**record)
        except TypeError as error:
            raise InputError(f"the history of a saved state has a record that is none: {one_line(error)}") from error


def layers(
    weights: Sequence[SparseWeight],
    optimizer: torch.optim.Optimizer,
    step: int,
    seed: int,
    gradients: Mapping[str, Tensor | None],
    products: Callable[[float], Mapping[str, Tensor]] | None = None,
) -> list[Layer]:
    """The weights as criteria see them, with ``gradients`` by name; the other tensors are views of the model's."""
    return [
        Layer(
            name=weight.name,
            weight=weight.parameter.detach(),
            grad=gradients[weight.name],
            mask=weight.mask,
            step=step,
            generator=stream(seed, "topology", step, weight.name),
            momentum=weight.momentum(optimizer),
            hessian_gradient=None if products is None else _of_layer(products, weight.name),
        )
        for weight in weights
    ]


def hessian_gradients(model: nn.Module, weights: Sequence[SparseWeight], loss: Loss) -> Callable[[float], Any]:
    """Given a temperature, the products H·g by weight; each is computed when it is asked for first.

    H and g are over the sparse weights. The forward pass of ``loss`` leaves no trace: buffers and random states are
    put back.
    """

    @torch.enable_grad()
    def products(temperature: float) -> dict[str, Tensor]:
        parameters = [weight.parameter for weight in weights]
        buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
        cuda = {parameter.device.index for parameter in parameters if parameter.device.type == "cuda"}
        with torch.random.fork_rng(devices=sorted(cuda)):
            gradients = torch.autograd.grad(loss(temperature), parameters, create_graph=True)
        # H·g is half the gradient of g·g
        found = torch.autograd.grad(torch.stack([(g * g).sum() for g in gradients]).sum() / 2, parameters)
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
        return {weight.name: product for weight, product in zip(weights, found, strict=True)}

    return cache(products)


def is_finite(shown: Sequence[Layer]) -> bool:
    """Whether all weights and gradients are finite numbers."""
    tensors = [tensor for layer in shown for tensor in (layer.weight, layer.grad) if tensor is not None]
    return bool(torch.stack([tensor.isfinite().all() for tensor in tensors]).all())


@contextmanager
def plugin_errors(what: str, step: int) -> Iterator[None]:
    """Whatever a plugin raises inside comes out as a :class:`PluginError` that says ``what`` failed and when.

    What says itself what is wrong, an interruption, and running out of memory come out as they are.
    """
    try:
        yield
    except (InputError, KeyboardInterrupt):
        raise
    except BaseException as error:  # a plugin may fail in any way, and may try to end the program
        if is_out_of_memory(error):
            raise
        # contextlib takes a RuntimeError raised from a StopIteration for Python's own, and raises the StopIteration
        cause = None if isinstance(error, StopIteration) else error
        raise PluginError(
            f"{what} failed at step {step}: {one_line(error)}; `dst-bench contract` finds out why"
        ) from cause


def named(plugin: object) -> str:
    """A plugin as it writes itself, or by its class where it cannot, or would give its address.

    Addresses of what it holds, such as a function, are left out: they are others in the next process.
    """
    if type(plugin).__repr__ is object.__repr__:
        return type(plugin).__name__
    try:
        return re.sub(" at 0x[0-9a-fA-F]+", "", repr(plugin))
    except Exception:  # its own code
        return type(plugin).__name__


def unscaled(gradient: Tensor | None, scale: Tensor | None) -> Tensor | None:
    """A dense gradient without the factor that a scaler multiplied the loss by, where that is still in it.

    Embeddings may have sparse ones, in which what is not written is zero.
    """
    if gradient is not None and gradient.layout != torch.strided:
        gradient = gradient.to_dense()
    return gradient if gradient is None or scale is None else gradient / scale.to(gradient.device)


def _of_layer(products: Callable[[float], Mapping[str, Tensor]], name: str) -> Callable[[float], Tensor]:
    return lambda temperature: products(temperature)[name]
