"""What a step is asked for, and the active weights of a layer, as values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.training.engines.sparse.program.structure import Indices

Numbers = NDArray[np.floating]


@dataclass(frozen=True)
class Sgd:
    """One step's settings of SGD, as torch names them."""

    learning_rate: float
    momentum: float = 0.0
    weight_decay: float = 0.0
    nesterov: bool = False
    decay_of_weights: float = 0.0
    """Share of each weight that is taken from it first."""

    @property
    def settings(self) -> list[float]:
        """What compiled code is given."""
        kept = 1 - self.decay_of_weights
        return [self.learning_rate, self.momentum, self.weight_decay, float(self.nesterov), kept]


@dataclass(frozen=True)
class Active:
    """The active weights of one layer of one network; each array [active]."""

    positions: Indices
    """In the flattened weight, increasing."""
    values: Numbers
    momenta: Numbers
    gradients: Numbers


@dataclass(frozen=True)
class Trail:
    """Where the weights that networks do a step with are recorded: active ones, then dense parameters."""

    numbers: Numbers
    places: NDArray[np.int64]
    """[networks]: where in ``numbers`` those of each begin, or -1 where none are."""


@dataclass(frozen=True)
class Extra:
    """What a step makes beside the gradients of active weights."""

    convolutions: Sequence[int] = ()
    """Networks of which the gradients of all weights of convolutions are made, in the order of the rows; some have
    none, and are here for their linear layers."""
    all_layers: Sequence[int] = ()
    """Those among them of which the gradients of all weights of linear layers are made too."""
    recorded: Sequence[int] = ()
    """Networks whose factors are kept."""
    slot: int = 0
    history: Numbers | None = None
    """[networks, slots, numbers]."""
    trail: Trail | None = None


@dataclass(frozen=True)
class Examples:
    """The examples of some batches."""

    source: Numbers
    """[N, features]: they are among these."""
    rows: NDArray[np.int64]
    """[batches, examples]: where each is, or -1 behind the last one of a batch."""


@dataclass(frozen=True)
class Step:
    """A step whose gradients are asked for."""

    slot: int
    """Where its batches are laid out, or will be."""
    examples: Examples | None
    """None where its batches are laid out."""
    targets: NDArray[np.int64]
    """[batches, examples]."""
    extra: Extra
    before: Sgd | None
    """The optimizer step of the gradients before, which is to be done first."""
