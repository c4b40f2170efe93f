"""What a step is asked for, and the active weights of a layer, as values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.training.engines.sparse.structure import Indices

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
    def settings(self) -> tuple[float, float, float, bool]:
        """What compiled code is given."""
        return float(self.learning_rate), float(self.momentum), float(self.weight_decay), bool(self.nesterov)


@dataclass(frozen=True)
class Active:
    """The active weights of one layer of one network; each array [active]."""

    positions: Indices
    """In the flattened weight, increasing."""
    values: Numbers
    momenta: Numbers
    gradients: Numbers


@dataclass(frozen=True)
class Extra:
    """What a step makes beside the gradients of active weights."""

    convolutions: Sequence[int] = ()
    """Networks of which the gradients of all weights of convolutions are made, in the order of the rows."""
    all_layers: Sequence[int] = ()
    """Those among them of which the gradients of all weights of linear layers are made too."""
    recorded: Sequence[int] = ()
    """Networks whose factors are kept."""
    slot: int = 0
    history: Numbers | None = None
    """[networks, slots, numbers]."""
