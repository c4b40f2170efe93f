"""Adam's bias correction for weights that grew while the training was under way."""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from criteria.errors import InputError
from criteria.rules import Rules, require_choice

BiasCorrection = Literal["shared", "own"]
"""Whether a grown weight shares the correction of its tensor, or has that of its own age."""


def own_ages(how: BiasCorrection, optimizer: torch.optim.Optimizer, rules: Rules) -> "OwnBiasCorrection | None":
    """What corrects grown weights by their own ages, where that is asked for; moments then have to start at zero."""
    require_choice("bias_correction", how, BiasCorrection)
    if how == "shared":
        return None
    if rules.grown_momentum != "reset":
        raise InputError("bias_correction='own' needs moments that start at zero: rules=Rules(grown_momentum='reset')")
    return OwnBiasCorrection(optimizer)


class OwnBiasCorrection:
    """Gives each grown weight the bias correction of the steps since it grew.

    Adam divides its moments by 1 − β^t, where t counts the steps of the whole tensor. A weight that grew with zero
    moments late in the training gets none of that: its first step is (1 − β₁)/√(1 − β₂) times as large as Adam's first
    step would be, 3.2 times with the usual β. SMET (Xiao et al., arXiv 2606.00888) counts t from the growth of each
    weight. Here the same is done after the step of torch's own optimizer: the weight moves by the difference.

    Raises :class:`InputError` for optimizers other than Adam and AdamW, and for AMSGrad.
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        if not isinstance(optimizer, torch.optim.Adam):  # AdamW is one too
            raise InputError(f"bias_correction='own' is Adam's and AdamW's; {type(optimizer).__name__} has none")
        if any(group["amsgrad"] for group in optimizer.param_groups):
            raise InputError("bias_correction='own' does not know AMSGrad; turn amsgrad off, or share the correction")
        self._optimizer = optimizer
        self._born: dict[str, Tensor] = {}
        """By weight: the optimizer's step at which each position grew, int32 [*shape]; 0 for the first ones."""
        self._young: dict[str, tuple[Tensor, ...]] = {}
        """By weight: indices of the active positions that grew."""

    def updated(self, name: str, weight: nn.Parameter, mask: Tensor, grown: Tensor) -> None:
        """Take note of a topology update; both tensors are bool [*shape]."""
        step = self._optimizer.state[weight].get("step")
        if step is None:  # before the first optimizer step all weights are of one age
            return
        born = self._born.get(name)
        born = torch.zeros_like(mask, dtype=torch.int32) if born is None else born.to(mask.device)
        self._born[name] = torch.where(grown, torch.as_tensor(step).to(born.device, torch.int32), born * mask)
        self._young.pop(name, None)

    @torch.no_grad()
    def correct(self, weights: Mapping[str, nn.Parameter]) -> None:
        """Move the grown weights to where their own bias correction would have moved them in the last step."""
        for group in self._optimizer.param_groups:
            members = {id(parameter) for parameter in group["params"]}
            for name, weight in weights.items():
                if name in self._born and id(weight) in members and weight.grad is not None:
                    self._correct(name, weight, group)

    def state_dict(self) -> dict[str, Tensor]:
        """When each position grew."""
        return dict(self._born)

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take back what :meth:`state_dict` gave."""
        self._born, self._young = {name: born.clone() for name, born in state.items()}, {}

    def _correct(self, name: str, weight: nn.Parameter, group: Mapping[str, Any]) -> None:
        state = self._optimizer.state[weight]
        born = self._born[name] = self._born[name].to(weight.device)
        if name not in self._young:
            self._young[name] = born.nonzero(as_tuple=True)
        where = tuple(index.to(weight.device) for index in self._young[name])
        first, second = state["exp_avg"][where], state["exp_avg_sq"][where]
        together = torch.as_tensor(state["step"]).to(weight.device, torch.float64)

        def step(age: Tensor) -> Tensor:
            beta1, beta2 = group["betas"]
            root = second.double().sqrt() / (1 - beta2**age).sqrt()
            moved: Tensor = first.double() / (1 - beta1**age) / (root + group["eps"])
            return moved

        change = group["lr"] * (step(together) - step(together - born[where]))
        weight[where] += change.to(weight.dtype)  # with maximize Adam's moments are those of the negative gradient
