"""A sparse weight: the parameter of someone's model, and the mask that belongs to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from criteria.api import Growth
from criteria.errors import InputError

MOMENTA = ("momentum_buffer", "exp_avg")
"""What torch's optimizers call the average of past gradients."""


@dataclass
class SparseWeight:
    """One sparse weight; its mask follows it to another device or dtype."""

    name: str
    parameter: nn.Parameter
    mask: Tensor
    """bool [*shape]"""
    multiplier: Tensor = field(init=False)
    """The mask in the weight's dtype: multiplying by a bool tensor converts it first, which takes longer."""

    def __post_init__(self) -> None:
        self.multiplier = self.mask.to(self.parameter.dtype)

    @property
    def has_gradient(self) -> bool:
        """Whether the last backward pass gave a gradient; a frozen weight may hold an older one, or zeros."""
        return self.parameter.requires_grad and self.parameter.grad is not None

    def follow(self) -> None:
        """Bring the mask to where the weight is now."""
        weight = self.parameter
        if self.mask.device != weight.device:
            self.mask = self.mask.to(weight.device)
        if self.multiplier.device != weight.device or self.multiplier.dtype != weight.dtype:
            self.multiplier = self.mask.to(weight.dtype)

    def mask_changed(self) -> None:
        """Take note that the mask was changed in place."""
        self.multiplier.copy_(self.mask)

    def state(self, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
        """The tensors of the weight's shape that the optimizer keeps for it, by the optimizer's names."""
        kept = _keeper(optimizer).state.get(self.parameter, {})
        shape = self.parameter.shape
        return {key: value for key, value in kept.items() if isinstance(value, Tensor) and value.shape == shape}

    def momentum(self, optimizer: torch.optim.Optimizer) -> Tensor | None:
        """The average of past gradients, [*shape], for optimizers that keep one."""
        state = self.state(optimizer)
        return next((state[key] for key in MOMENTA if key in state), None)


def _keeper(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """The optimizer that keeps the state: in torch's ZeroRedundancyOptimizer one for the weights of this process."""
    inner = getattr(optimizer, "optim", None)
    return inner if isinstance(inner, torch.optim.Optimizer) else optimizer


def require_not_cut_down(
    weights: Sequence[SparseWeight], before: Sequence[Tensor], masks: Mapping[str, Tensor]
) -> None:
    """Raises :class:`InputError` where attaching cut down the weights that saved ``masks`` belong to.

    ``before``, bool [*shape] each, is where each weight was not zero before it was attached. That is inside the saved
    masks if the saved weights were loaded by then; those outside the masks that the training began with are zero now.
    """
    saved = [masks[weight.name].to(weight.mask.device) for weight in weights]
    if any(bool((was & ~mask).any()) for was, mask in zip(before, saved, strict=True)):
        return
    for weight, was in zip(weights, before, strict=True):
        if bool((was & ~weight.mask & (weight.parameter == 0)).any()):
            raise InputError(
                f"weights of {weight.name} that this state keeps were set to zero when the training was attached; load "
                "the model after attaching, or attach with state= to a model that is loaded"
            )


def require_momentum(weights: Sequence[SparseWeight], optimizer: torch.optim.Optimizer, growth: Growth) -> None:
    """Raises :class:`InputError` where the optimizer has taken a step and keeps no momentum: growth would be random."""
    for weight in weights:
        if weight.has_gradient and weight.momentum(optimizer) is None:
            raise InputError(
                f"growth {growth!r} reads the optimizer's momentum, and this {type(optimizer).__name__} keeps none for "
                f"{weight.name} in this process; give it momentum, or take another growth"
            )


@torch.no_grad()
def mask_weights(weights: list[SparseWeight]) -> None:
    """Set every inactive weight to zero."""
    for weight in weights:
        weight.follow()
    if weights:
        torch._foreach_mul_([w.parameter for w in weights], [w.multiplier for w in weights])
