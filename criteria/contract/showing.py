"""Showing layers to a plugin as a training does, which no plugin may notice.

In a training the weights of all networks of a fleet are one tensor, of which a layer is a view; they change in place
between steps; and the :class:`Layer` is a new object at every step, which may stand where an old one stood in memory.
"""

import copy
from collections.abc import Iterable
from dataclasses import fields, replace

import torch
from torch import Tensor

from criteria.api import Criterion, Layer
from criteria.contract.asking import P, call
from criteria.contract.case import Case, copied

OWN, MEMBERS = 1, 2
"""Which network of how many is shown."""


def beside_another(values: Tensor) -> Tensor:
    """The values in a view of a tensor that holds those of other networks beside them, [*shape]."""
    beside = _beside(values)
    return torch.stack([values if index == OWN else beside for index in range(MEMBERS)])[OWN]


class Stage:
    """Always the same tensors, each a view of one for several networks, changed in place from step to step.

    ``shown`` is the layer that was shown last.
    """

    def __init__(self) -> None:
        self._stacked: dict[str, Tensor] = {}
        self.shown: Layer

    def show(self, layer: Layer) -> Layer:
        """A layer with the values of ``layer``, in the tensors of this stage."""
        grad, momentum, norm = layer.grad, layer.momentum, layer.input_norm
        product = None if layer.hessian_gradient is None else self._placed("product", layer.hessian_gradient(1.0))
        self.shown = Layer(
            layer.name,
            self._placed("weight", layer.weight),
            None if grad is None else self._placed("grad", grad),
            self._placed("mask", layer.mask),
            layer.step,
            layer.generator.clone_state(),
            None if momentum is None else self._placed("momentum", momentum),
            None if product is None else lambda _: product,
            None if norm is None else self._placed("input_norm", norm),
        )
        return self.shown

    def neighbours_changed(self) -> list[str]:
        """Fields of which the data of another network were changed."""
        others = [index for index in range(MEMBERS) if index != OWN]
        return [
            f"layer.{name} of another network"
            for name, stacked in self._stacked.items()
            if any(not bool((stacked[index] == _BESIDE[stacked.dtype == torch.bool]).all()) for index in others)
        ]

    def _placed(self, name: str, values: Tensor) -> Tensor:
        if name not in self._stacked:
            beside = _beside(values)
            self._stacked[name] = torch.stack([values if index == OWN else beside for index in range(MEMBERS)])
        own = self._stacked[name][OWN]
        own.copy_(values)
        return own


def prepared_on_stage(plugin: P, case: Case, stage: Stage) -> tuple[P, Case]:
    """A copy of the plugin that has observed what came before the case, and the case, both shown on ``stage``."""
    asked = copy.deepcopy(plugin)
    if isinstance(asked, Criterion):
        for layer in case.past() if case.observed else ():
            call(asked.observe, stage.show(layer))
    return asked, replace(case, layer=stage.show(case.layer), recipe="")


def prepared_on_one_object(plugin: P, case: Case, last: Layer) -> tuple[P, Case]:
    """As :func:`prepared_on_stage` with the ``last`` layer to ask about, but every layer shown is the same object."""
    stage, asked = Stage(), copy.deepcopy(plugin)
    shown = stage.show(copied(case.layer))
    if isinstance(asked, Criterion):
        for layer in case.past() if case.observed else ():
            call(asked.observe, _overwritten(shown, stage.show(layer)))
    return asked, replace(case, layer=_overwritten(shown, stage.show(last)), recipe="")


def prepared_and_kept(plugin: P, case: Case) -> tuple[P, Case]:
    """As :func:`prepared_on_stage`, but every layer shown is at an address of its own."""
    asked = copy.deepcopy(plugin)
    kept: list[Layer] = []
    if isinstance(asked, Criterion):
        for layer in case.past() if case.observed else ():
            kept.append(layer)
            call(asked.observe, layer)
    shown = copied(case.layer)
    object.__setattr__(shown, "_kept", kept)  # the earlier ones live as long as the last one
    return asked, replace(case, layer=shown, recipe="")


def changed_fields(layer: Layer, before: Layer) -> list[str]:
    """Fields whose tensors, or other values, are no longer those of ``before``."""
    names = ("weight", "grad", "mask", "momentum", "input_norm")
    pairs: Iterable[tuple[str, Tensor | None, Tensor | None]] = [
        *((name, getattr(layer, name), getattr(before, name)) for name in names),
        ("hessian_gradient", _product(layer), _product(before)),
    ]
    touched = [
        f"layer.{name}"
        for name, now, then in pairs
        if (now is None) != (then is None) or (now is not None and not _equal(now, then))
    ]
    others = [name for name in ("name", "step") if getattr(layer, name) != getattr(before, name)]
    others += vars(layer).keys() - {field.name for field in fields(Layer)}
    return touched + [f"layer.{name}" for name in others]


def changes_of(layer: Layer) -> list[int]:
    """How often torch has changed each tensor of the layer in place, be it back to what it was."""
    tensors = (layer.weight, layer.grad, layer.mask, layer.momentum, layer.input_norm, _product(layer))
    return [tensor._version for tensor in tensors if tensor is not None and not tensor.is_inference()]


def _equal(now: Tensor, then: Tensor | None) -> bool:
    if then is None or now.shape != then.shape or now.dtype != then.dtype or now.requires_grad or vars(now):
        return False  # what a plugin differentiates is a tensor of its own
    return torch.equal(now, then)


def _product(layer: Layer) -> Tensor | None:
    return None if layer.hessian_gradient is None else layer.hessian_gradient(1.0)


def _overwritten(shown: Layer, layer: Layer) -> Layer:
    for field in fields(Layer):
        object.__setattr__(shown, field.name, getattr(layer, field.name))
    return shown


def _beside(values: Tensor) -> Tensor:
    return torch.full_like(values, _BESIDE[values.dtype == torch.bool])


_BESIDE = {False: -7.0, True: True}
"""The data of another network, numbers and masks: nothing like those of the one that is shown."""
