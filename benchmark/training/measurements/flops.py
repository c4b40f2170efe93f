"""Floating-point operations (FLOPs) that sparse training needs if zeros cost nothing (Evci et al., 2020, appendix)."""

from collections.abc import Iterable
from dataclasses import dataclass

from benchmark.models.flops import flops_per_weight

__all__ = ["BACKWARD", "HESSIAN_GRADIENT", "Flops", "LayerWork", "count_flops", "flops_per_weight"]

BACKWARD = 2
"""Forward passes that a backward pass costs: the gradients of a layer's inputs and of its weights are one each."""
HESSIAN_GRADIENT = 9
"""Forward passes that a Hessian-gradient product costs: forward and backward, differentiated once more."""


@dataclass(frozen=True)
class Flops:
    """FLOPs of one run; a multiplication and an addition are two.

    Counted are the products of the sparse layers (every Linear and Conv), not biases, activations, normalisation or
    pooling, nor finding what to prune and grow. A training step costs a forward and a backward pass over the active
    weights, 3·f_S. Where growth reads the gradient, the gradients of inactive weights are added at updates, and at
    every step where it reads the momentum: 2·f_S + f_D. What a criterion reads of active weights is there anyway; a
    Hessian-gradient product counts as nine dense forward passes. Evaluations are left out, and so is the momentum
    that our engine gathers at inactive weights: what is counted is what the method needs.
    """

    inference: int
    """For one example, with the network at the end of the training."""
    inference_dense: int
    """The same without sparsity, f_D."""
    training: int
    """Of the whole training."""
    training_dense: int
    """Of the same training of a dense network, 3·f_D for each example."""


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


def count_flops(layers: Iterable[LayerWork], examples: int, hessian_examples: int) -> Flops:
    """FLOPs of a training on ``examples``; on ``hessian_examples`` of them Hessian-gradient products were made."""
    total = Flops(0, 0, 0, 0)
    for layer in layers:
        sparse = (1 + BACKWARD) * layer.active_examples + layer.inactive_gradients
        extra = HESSIAN_GRADIENT * layer.weights * hessian_examples
        total = Flops(
            total.inference + layer.flops_per_weight * layer.active,
            total.inference_dense + layer.flops_per_weight * layer.weights,
            total.training + layer.flops_per_weight * (sparse + extra),
            total.training_dense + layer.flops_per_weight * (1 + BACKWARD) * layer.weights * examples,
        )
    return total
