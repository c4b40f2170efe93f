"""An outcome: what one training came to, as plain data. Nothing here imports torch."""

from collections.abc import Set
from dataclasses import dataclass, field

ALL_LAYERS = "all layers"
MOST_FLOPS = 2**63
"""Of a training: more than all computers have done in all trainings."""


@dataclass(frozen=True)
class Flops:
    """Floating-point operations of one run; a multiplication and an addition are two.

    Counted are the products of the sparse layers (every Linear and Conv), not biases, activations, normalisation or
    pooling, nor finding what to prune and grow. A training step costs a forward and a backward pass over the active
    weights, 3·f_S (Evci et al., 2020, appendix). Where growth reads the gradient, the gradients of inactive weights are
    added at updates, and at every step where it reads the momentum: 2·f_S + f_D. What a criterion reads of active
    weights is there anyway; a Hessian-gradient product counts as nine dense forward passes, norms of
    inputs as one over the active weights. Evaluations are left out, and so is the momentum that an engine gathers at
    inactive weights: what is counted is what the method needs.
    """

    inference: int
    """For one example, with the network at the end of the training."""
    inference_dense: int
    """The same without sparsity, f_D."""
    training: int
    """Of the whole training."""
    training_dense: int
    """Of the same training of a dense network, 3·f_D for each example."""


@dataclass
class Overlap:
    """What the sets have in common that criteria would prune at one topology update, for one prune fraction.

    Each would prune ceil(fraction · active weights) of every layer, also where growth could not make up for it.
    """

    step: int
    fraction: float
    pruned: dict[str, int] = field(default_factory=dict)
    """Weights that each criterion would prune, by layer."""
    shared: dict[str, list[int]] = field(default_factory=dict)
    """By layer, how many of them two criteria share: for each pair, in the order of ``itertools.combinations``."""

    def jaccard(self, pair: int, layer: str = ALL_LAYERS) -> float:
        """The Jaccard index of a pair, by its place, in one layer or in all of them together."""
        layers = list(self.pruned) if layer == ALL_LAYERS else [layer]
        return jaccard(sum(self.shared[name][pair] for name in layers), sum(self.pruned[name] for name in layers))


def jaccard(shared: int, size: int) -> float:
    """|A ∩ B| / |A ∪ B| of two sets of ``size`` with ``shared`` members in common; 1 where both are empty."""
    return shared / (2 * size - shared) if size else 1.0


@dataclass
class Measured:
    """What was measured of one training beside its accuracy."""

    weights: dict[str, int]
    """Number of weights of each sparse layer."""
    ever_active: dict[str, float]
    """Fraction of each layer's weights that have been active at some time (Liu et al., 2021)."""
    density_by_epoch: dict[str, list[float]]
    """Density of each layer at the start and after each epoch; layers in which it never changed are left out."""
    flops: Flops
    overlaps: list[Overlap] = field(default_factory=list)
    """What criteria would have pruned, where the experiment compares them."""
    ablated: dict[str, int] = field(default_factory=dict)
    """Output units of each layer that have lost all of their weights to the others, where the topology has an ablation
    of units; layers without one are left out."""

    @property
    def ever_active_of_all(self) -> float:
        """Fraction of all sparse layers' weights that have been active at some time."""
        return sum(self.ever_active[name] * n for name, n in self.weights.items()) / sum(self.weights.values())


@dataclass
class Outcome:
    """What one training reached; accuracies are in percent."""

    test_accuracy_best: float = 0.0
    """Test accuracy of the checkpoint with the best validation accuracy (the first of equals).

    Where the density changes, only those of the density of the end count.
    """
    test_accuracy_last: float = 0.0
    best_epoch: int = 0
    """Epoch of that checkpoint, from 1."""
    validation_accuracy: list[float] = field(default_factory=list)
    """After each epoch."""
    density: dict[str, float] = field(default_factory=dict)
    """Fraction of active weights of each sparse layer at the end."""
    diverged: bool = False
    """Whether the loss, a weight or a gradient stopped being a finite number; its topology rests from then on."""
    measured: Measured | None = None
    """What was measured beside accuracy; None before the end."""
    digests: dict[str, str] = field(default_factory=dict)
    """A hash of all weights and masks after a few early optimizer steps, by the number of the step."""

    @property
    def best_validation_accuracy(self) -> float:
        """Of that checkpoint; 0 before the first."""
        return self.validation_accuracy[self.best_epoch - 1] if self.best_epoch else 0.0

    @property
    def active_by_epoch(self) -> list[float]:
        """Active weights of all sparse layers at the start and after each epoch; empty where no layer's changed."""
        if self.measured is None:
            return []
        histories, sizes = self.measured.density_by_epoch, self.measured.weights
        still = sum(self.density[name] * size for name, size in sizes.items() if name not in histories)
        epochs = zip(*([density * sizes[name] for density in each] for name, each in histories.items()), strict=True)
        return [still + sum(each) for each in epochs]


def impossible(measured: Measured, layers: Set[str]) -> str | None:
    """What no training of a network with these sparse ``layers`` measures, in words; None where all can be."""
    if not layers or measured.weights.keys() != layers or measured.ever_active.keys() != layers:
        return "weights and ever_active must be of the layers that density is of, which are one at least"
    if min(measured.weights.values()) < 1:
        return "every layer has weights"
    fractions = [*measured.ever_active.values(), *(each for row in measured.density_by_epoch.values() for each in row)]
    if not all(0 <= fraction <= 1 for fraction in fractions):
        return "a fraction of weights must be between 0 and 1"
    if not measured.density_by_epoch.keys() | measured.ablated.keys() <= layers:
        return "density_by_epoch and ablated must be of the layers that density is of"
    counts, dense = vars(measured.flops), (measured.flops.inference_dense, measured.flops.training_dense)
    if not all(0 <= count < MOST_FLOPS for count in counts.values()) or min(dense) < 1:
        return "FLOPs must be such as a training takes"
    problems = map(_impossible_overlap, measured.overlaps)
    return next((problem for problem in problems if problem is not None), None)


def _impossible_overlap(overlap: Overlap) -> str | None:
    if overlap.pruned.keys() != overlap.shared.keys() or len({len(each) for each in overlap.shared.values()}) > 1:
        return "overlaps must be of the same layers and pairs"
    if not all(0 <= n <= overlap.pruned[layer] for layer, each in overlap.shared.items() for n in each):
        return "two criteria share at most what each would prune"
    return None
