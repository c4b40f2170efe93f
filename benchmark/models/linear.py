"""The Linear layer of our models: torch's, computed in the order that suits a fleet."""

import torch
from torch import Tensor, nn


class Linear(nn.Linear):
    """``x Wᵀ + b`` as ``(W xᵀ)ᵀ + b``, so that the gradient of W comes out in W's own memory order.

    Batched over the members of a fleet, torch's own order gives a transposed gradient, which the optimizer would
    have to copy at every step.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        product = torch.matmul(self.weight, input.mT).mT
        return product if self.bias is None else product + self.bias
