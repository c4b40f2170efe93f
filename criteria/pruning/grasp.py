"""GraSP: keep the weights whose removal would weaken the gradient flow."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from criteria.api import Criterion, Layer


@dataclass
class GraSP(Criterion):
    """Score θ·(Hg): the weights with the largest −θ·(Hg) go first (Wang et al., 2020).

    H and g are of the loss with its logits divided by ``temperature``, which makes the predictions nearly uniform.
    """

    temperature: float = 200.0
    requires_grad: ClassVar[bool] = True
    requires_hessian_gradient: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise ValueError(f"temperature must be above 0, not {self.temperature}")

    def score(self, layer: Layer) -> Tensor:
        if layer.hessian_gradient is None:
            raise ValueError(f"layer {layer.name} has no Hessian-gradient product")
        return layer.weight * layer.hessian_gradient(self.temperature)
