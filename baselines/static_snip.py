"""A static mask by SNIP: the weights whose removal at the start would change the loss most."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from baselines.api import Baseline

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass
class StaticSNIP(Baseline):
    """The initial weights of largest |θ·g| on some examples, never updated (Lee et al., 2019, arXiv 1810.02340)."""

    examples: int = 100

    def scores(
        self, network: "nn.Module", names: Sequence[str], inputs: "Tensor", loss: "Callable[[Tensor], Tensor]"
    ) -> "Mapping[str, Tensor]":
        import torch

        weights = [network.get_parameter(name) for name in names]
        gradients = torch.autograd.grad(loss(network(inputs)), weights)
        return {name: (w * g).detach().abs() for name, w, g in zip(names, weights, gradients, strict=True)}
