"""A static mask by GraSP: the weights whose removal at the start would weaken the gradient flow."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from baselines.api import Baseline

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass
class StaticGraSP(Baseline):
    """The initial weights of largest θ·(Hg) on some examples, never updated (Wang et al., 2020, arXiv 2002.07376).

    H and g are of the loss with its logits divided by ``temperature``.
    """

    temperature: float = 200.0
    examples: int = 100

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise ValueError(f"temperature must be above 0, not {self.temperature}")

    def scores(
        self, network: "nn.Module", names: Sequence[str], inputs: "Tensor", loss: "Callable[[Tensor], Tensor]"
    ) -> "Mapping[str, Tensor]":
        import torch

        weights = [network.get_parameter(name) for name in names]
        gradients = torch.autograd.grad(loss(network(inputs) / self.temperature), weights, create_graph=True)
        # H·g is half the gradient of g·g
        flow = torch.stack([(g * g).sum() for g in gradients]).sum() / 2
        products = torch.autograd.grad(flow, weights)
        return {name: (w * product).detach() for name, w, product in zip(names, weights, products, strict=True)}
