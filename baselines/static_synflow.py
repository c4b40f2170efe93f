"""A static mask by SynFlow: the weights that carry the flow of a network without data, in many small rounds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from baselines.api import Baseline

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass
class StaticSynFlow(Baseline):
    """The weights of largest θ·∂R/∂θ, R the summed outputs of |θ| for an input of ones (Tanaka et al., 2020).

    arXiv 2006.05467: 100 rounds, in double precision, and no data is seen.
    """

    rounds: ClassVar[int] = 100
    batch_statistics: ClassVar[bool] = False

    def scores(
        self,
        network: "nn.Module",
        names: Sequence[str],
        inputs: "Tensor",
        loss: "Callable[[Tensor], Tensor]",  # noqa: ARG002
    ) -> "Mapping[str, Tensor]":
        import torch

        network = network.double()
        with torch.no_grad():
            for tensor in (*network.parameters(), *(b for b in network.buffers() if b.is_floating_point())):
                tensor.abs_()
        weights = [network.get_parameter(name) for name in names]
        flow = network(torch.ones_like(inputs[:1], dtype=torch.float64)).sum()
        gradients = torch.autograd.grad(flow, weights)
        return {name: (w * g).detach() for name, w, g in zip(names, weights, gradients, strict=True)}
