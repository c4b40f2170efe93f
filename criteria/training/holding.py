"""Which weights are in a training: none is in two of one optimizer, or replaced by another one meanwhile."""

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import torch
from torch import nn

from criteria.errors import InputError
from criteria.training.weight import SparseWeight

_HELD: WeakKeyDictionary[torch.optim.Optimizer, set[int]] = WeakKeyDictionary()
"""The identities of the parameters that the trainings of an optimizer hold."""


def require_free(optimizer: torch.optim.Optimizer, weights: Sequence[SparseWeight]) -> None:
    """Raises :class:`InputError` where a training holds one of these weights: two would undo each other's masks."""
    if _HELD.get(optimizer, set()) & _identities(weights):
        raise InputError("these weights are in a sparse training already; finalize() that one first")


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
