"""Floating-point operations (FLOPs) that sparse training needs if zeros cost nothing (Evci et al., 2020, appendix)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from benchmark.experiments.cost import BACKWARD
from benchmark.experiments.outcome import Flops

HESSIAN_GRADIENT = 9
"""Forward passes that a Hessian-gradient product costs: forward and backward, differentiated once more."""


@dataclass(frozen=True)
class LayerWork:
    """What one sparse layer of one network did in its training."""

    flops_per_weight: int
    """For one example."""
    weights: int
    active: int
    """Active weights at the end."""
    active_examples: int
    """Sum of the active weights over the examples that were trained on."""
    inactive_gradients: int
    """Gradients of inactive weights that growth read, summed over the examples of their batches."""
    more_forward: int = 0
    """Sum of the active weights over the examples of forward passes beside the training's, for norms of inputs."""


def count_flops(layers: Iterable[LayerWork], examples: int, hessian_examples: int) -> Flops:
    """FLOPs of a training on ``examples``; on ``hessian_examples`` of them Hessian-gradient products were made."""
    total = Flops(0, 0, 0, 0)
    for layer in layers:
        sparse = (1 + BACKWARD) * layer.active_examples + layer.inactive_gradients + layer.more_forward
        extra = HESSIAN_GRADIENT * layer.weights * hessian_examples
        total = Flops(
            total.inference + layer.flops_per_weight * layer.active,
            total.inference_dense + layer.flops_per_weight * layer.weights,
            total.training + layer.flops_per_weight * (sparse + extra),
            total.training_dense + layer.flops_per_weight * (1 + BACKWARD) * layer.weights * examples,
        )
    return total


def beside(flops: Flops, dense: int, examples: int) -> Flops:
    """The FLOPs of a training beside those of another network, dense, which takes ``dense`` for one example."""
    return replace(flops, inference_dense=dense, training_dense=(1 + BACKWARD) * dense * examples)
