"""A static mask by magnitude: the largest initial weights."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from baselines.api import Baseline

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass
class StaticMagnitude(Baseline):
    """The initial weights of largest |θ| of all layers together, never updated (a baseline of Frankle et al., 2021)."""

    def scores(
        self,
        network: "nn.Module",
        names: Sequence[str],
        inputs: "Tensor",  # noqa: ARG002
        loss: "Callable[[Tensor], Tensor]",  # noqa: ARG002
    ) -> "Mapping[str, Tensor]":
        return {name: network.get_parameter(name).detach().abs() for name in names}
