"""What a plugin author implements: :class:`Criterion` (which weights to prune) and :class:`Growth` (which to grow)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from criteria.selection import lowest


def _default_generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@dataclass(frozen=True)
class Layer:
    """One sparse layer of one network at one optimizer step, as criteria and growths see it.

    Everything here is read-only: the topology update, not the criterion, changes the layer.
    """

    name: str
    weight: Tensor
    """[*shape], exactly 0 where ``mask`` is False."""
    grad: Tensor | None
    """[*shape], the dense gradient ∂L/∂weight of the current batch, or None where it was not asked for."""
    mask: Tensor
    """bool [*shape], True where the weight is active."""
    step: int = 0
    """Optimizer step of this update, counted from 1."""
    generator: torch.Generator = field(default_factory=_default_generator)
    """The only allowed source of randomness."""
    momentum: Tensor | None = None
    """[*shape], the optimizer's momentum buffer, or None where there is none yet."""
    hessian_gradient: Callable[[float], Tensor] | None = None
    """Given a temperature, the Hessian-gradient product H·g of the current batch, [*shape], or None where it was not
    asked for. H and g are over the weights of all sparse layers, of the loss with its logits divided by the
    temperature."""
    input_norm: Tensor | None = None
    """[*shape], the Euclidean norm over the current batch (of a convolution, over all places too) of the input that
    each weight multiplies, at least 0; None where it was not asked for. It is equal for all weights of one input unit:
    of a column of a linear layer, and of a kernel of a convolution, whose outputs may be in groups with inputs of their
    own."""

    def uniform(self) -> Tensor:
        """Independent uniform draws from [0, 1) for every position, float32 [*shape].

        The draws follow the generator's device, so that a layer gets the same ones on every device.
        """
        draws = torch.rand(
            self.weight.shape, generator=self.generator, device=self.generator.device, dtype=torch.float32
        )
        return draws.to(self.weight.device)


def gradient(layer: Layer) -> Tensor:
    """The layer's gradient, [*shape]; raises ``ValueError`` where the layer has none."""
    if layer.grad is None:
        raise ValueError(f"layer {layer.name} has no gradient; set requires_grad = True on the class that reads it")
    return layer.grad


def input_norm(layer: Layer) -> Tensor:
    """The norms of the layer's inputs, [*shape]; raises ``ValueError`` where the layer has none."""
    if layer.input_norm is None:
        raise ValueError(
            f"layer {layer.name} has no norms of its inputs; "
            "set requires_input_norms = True on the class that reads them"
        )
    return layer.input_norm


class Criterion:
    """Decides which active weights of a layer are pruned.

    A subclass gives :meth:`score`; one that is not "prune the lowest scores" gives :meth:`select` instead.
    Parameters are the fields of a dataclass: ``mest(lambda_=0.1)`` sets the field ``lambda_``.
    """

    requires_grad: ClassVar[bool] = False
    """Whether scores read ``layer.grad``."""
    updates_before_step: ClassVar[bool | None] = None
    """Whether the topology update comes before the optimizer step, on the fresh gradient, or after it.

    None leaves it to the paper's protocol: before, where scores read the gradient, and else after.
    """
    requires_hessian_gradient: ClassVar[bool] = False
    """Whether scores call ``layer.hessian_gradient``, which costs more than a training step."""
    requires_input_norms: ClassVar[bool] = False
    """Whether scores read ``layer.input_norm``, which costs a forward pass at every update."""
    known_answers: ClassVar[Sequence[Mapping[str, Any]]] = ()
    """Answers that are known from a paper or from other code, which the contract compares; see
    :mod:`criteria.contract.known`."""

    @property
    def updates_before_optimizer(self) -> bool:
        """Whether the topology update comes before the optimizer step of its own training step."""
        return self.requires_grad if self.updates_before_step is None else self.updates_before_step

    @property
    def observes(self) -> bool:
        """Whether the criterion follows the training, so that :meth:`observe` has to be called."""
        return type(self).observe is not Criterion.observe

    def score(self, layer: Layer) -> Tensor:
        """Importance of each weight, [*shape]; higher means keep. Only active positions are read."""
        raise NotImplementedError(f"{type(self).__name__} defines neither score() nor select()")

    def select(self, layer: Layer, n: int) -> Tensor:
        """The ``n`` weights to prune, bool [*shape], all of them active.

        The default prunes the ``n`` lowest scores and lets ``layer.generator`` decide between equal ones.
        """
        return lowest(self.score(layer), layer.mask, n, layer.generator)

    def observe(self, layer: Layer) -> None:
        """Called once in every optimizer step, for criteria that follow the training. Overriding it is optional."""

    def state_dict(self) -> dict[str, Any]:
        """What :meth:`observe` has gathered, as tensors and plain values; empty for a stateless criterion."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what :meth:`state_dict` gave."""


class Growth:
    """Decides which inactive positions of a layer become active."""

    requires_grad: ClassVar[bool] = False
    """Whether scores read ``layer.grad``."""
    requires_momentum: ClassVar[bool] = False
    """Whether scores read ``layer.momentum``, for which the gradients of inactive weights are needed at every step."""
    requires_input_norms: ClassVar[bool] = False
    """As that of a :class:`Criterion`."""
    known_answers: ClassVar[Sequence[Mapping[str, Any]]] = ()
    """As those of a :class:`Criterion`."""

    def score(self, layer: Layer) -> Tensor:
        """How much each position deserves to grow, [*shape]; higher grows first. Only candidates are read."""
        raise NotImplementedError(f"{type(self).__name__} defines neither score() nor select()")

    def select(self, layer: Layer, n: int, candidates: Tensor) -> Tensor:
        """The ``n`` positions to grow, bool [*shape], all of them among ``candidates`` (bool [*shape])."""
        return lowest(-self.score(layer), candidates, n, layer.generator)

    def state_dict(self) -> dict[str, Any]:
        """What earlier topology updates left behind, as tensors and plain values; empty for a stateless growth."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what :meth:`state_dict` gave."""
