"""The optimizer's own hooks: what happens before and after each of its steps, also where a scaler skips one."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from criteria.errors import InputError

Hook = Callable[[], None]


class StepHooks:
    """Calls ``before`` and ``after`` around every step of ``optimizer`` that it takes, until it is removed.

    ``before`` comes when the gradients are there: with a closure, once the closure has run. A step that is skipped
    because ``torch.amp.GradScaler`` found an infinity counts as none: a fused optimizer is called even then.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, before: Hook, after: Hook) -> None:
        self._optimizer, self._before, self._after = optimizer, before, after
        self._begun = False
        self._handles = [
            optimizer.register_step_pre_hook(self._pre),
            optimizer.register_step_post_hook(self._post),
        ]

    @property
    def gradient_scale(self) -> Tensor | None:
        """What the gradients are still multiplied by: a fused optimizer divides by it itself."""
        scale: Tensor | None = getattr(self._optimizer, "grad_scale", None)
        return scale

    def remove(self) -> None:
        """Leave the optimizer as it was."""
        for handle in self._handles:
            handle.remove()

    def _pre(self, _optimizer: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self._begun = False
        closure = kwargs.get("closure", args[1] if len(args) > 1 else None)
        if closure is None:
            self._begin()
            return None
        if "closure" in kwargs:
            return args, {**kwargs, "closure": self._then_begin(closure)}
        return (args[0], self._then_begin(closure), *args[2:]), kwargs

    def _post(self, _optimizer: object, _args: tuple[Any, ...], _kwargs: dict[str, Any]) -> None:
        if self._begun:
            self._begun = False
            self._after()

    def _then_begin(self, closure: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> Any:
            loss = closure()
            if not self._begun:
                self._begin()
            return loss

        return run

    def _begin(self) -> None:
        found = getattr(self._optimizer, "found_inf", None)
        if found is None or not bool(found):
            self._begun = True
            self._before()


def inner_optimizer(optimizer: Any) -> torch.optim.Optimizer:
    """The optimizer that takes the steps, without the wrappers of other libraries around it.

    Raises :class:`InputError` for what is none, and for L-BFGS, which keeps no state of a weight's shape.
    """
    seen = set()
    while isinstance(inner := getattr(optimizer, "optimizer", None), torch.optim.Optimizer) and id(inner) not in seen:
        seen.add(id(inner))
        optimizer = inner
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise InputError(f"{type(optimizer).__name__} is not an optimizer of torch, whose hooks are needed")
    if isinstance(optimizer, torch.optim.LBFGS):
        raise InputError("L-BFGS takes many gradients in one step and has no state by weight; use another optimizer")
    return optimizer


def inner_model(model: torch.nn.Module) -> torch.nn.Module:
    """The model itself, without what ``torch.compile``, data parallelism and Lightning's Fabric put around it.

    So names stay the same. Raises :class:`InputError` for what is no model.
    """
    if not isinstance(model, torch.nn.Module):
        raise InputError(f"{type(model).__name__} is not a module of torch; give the model that is trained")
    while True:
        inner = getattr(model, "_orig_mod", getattr(model, "_forward_module", None))
        parallel = (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)
        if inner is None and isinstance(model, parallel):
            inner = model.module
        if not isinstance(inner, torch.nn.Module):
            return model
        model = inner


def parameters_of_copy(model: torch.nn.Module, names: Iterable[str]) -> dict[str, torch.nn.Parameter]:
    """The parameters of a copy of a model, by the names that they have in the model.

    Averages of weights have the copy in them, as ``module``, which may be the name of a part of the model, too.
    """
    found = dict(inner_model(model).named_parameters())
    if found.keys().isdisjoint(names):
        found = dict(inner_model(getattr(model, "module", model)).named_parameters())
    return found
