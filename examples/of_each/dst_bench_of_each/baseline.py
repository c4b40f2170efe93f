"""A baseline that chooses its mask."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from baselines import Baseline

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass
class StaticSaliency(Baseline):
    """A static mask of the weights of largest |g| on some training examples before training."""

    examples: int = 50

    def scores(
        self, network: "nn.Module", names: Sequence[str], inputs: "Tensor", loss: "Callable[[Tensor], Tensor]"
    ) -> "Mapping[str, Tensor]":
        import torch  # commands that list baselines need none

        gradients = torch.autograd.grad(loss(network(inputs)), [network.get_parameter(name) for name in names])
        return {name: gradient.abs() for name, gradient in zip(names, gradients, strict=True)}
