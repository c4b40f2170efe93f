"""Which weights are in a training: none is in two that undo each other, or replaced by another one meanwhile."""

import gc
from collections.abc import Sequence
from weakref import WeakKeyDictionary

import torch
from torch import nn

from criteria.errors import InputError
from criteria.training.weight import SparseWeight

_HELD: WeakKeyDictionary[torch.optim.Optimizer, set[int]] = WeakKeyDictionary()
"""The identities of the parameters that the trainings of an optimizer hold."""


def require_free(optimizer: torch.optim.Optimizer, weights: Sequence[SparseWeight], *, drawn: bool) -> None:
    """Raises :class:`InputError` where a training holds one of these weights: two would undo each other's masks.

    A training by another optimizer may have given masks, those of the first one, but none that are ``drawn`` anew.
    """
    if _HELD.get(optimizer, set()) & _identities(weights):
        raise InputError("these weights are in a sparse training already; finalize() that one first")
    if drawn and _held_by_any(weights):
        gc.collect()  # hooks and their optimizer hold each other, so one that nobody has any more may still be there
        if _held_by_any(weights):
            raise InputError(
                "these weights are in a sparse training by another optimizer, and new masks would cut down what that "
                "one trained; finalize() it first, or give masks=, those of that one"
            )


def _held_by_any(weights: Sequence[SparseWeight]) -> bool:
    return any(held & _identities(weights) for held in list(_HELD.values()))


def hold(optimizer: torch.optim.Optimizer, weights: Sequence[SparseWeight]) -> None:
    """Hold weights, until :func:`let_go`."""
    _HELD[optimizer] = _HELD.get(optimizer, set()) | _identities(weights)


def let_go(optimizer: torch.optim.Optimizer, weights: Sequence[SparseWeight]) -> None:
    """Hold these weights no longer."""
    _HELD[optimizer] -= _identities(weights)


def require_same_parameters(model: nn.Module, weights: Sequence[SparseWeight]) -> None:
    """Raises :class:`InputError` where the model has other parameters now: the optimizer would train nothing."""
    present = dict(model.named_parameters(remove_duplicate=False))
    for weight in weights:
        if present.get(weight.name) is not weight.parameter:
            raise InputError(f"weight {weight.name} was replaced by another parameter; attach to the model anew")


def _identities(weights: Sequence[SparseWeight]) -> set[int]:
    return {id(weight.parameter) for weight in weights}
