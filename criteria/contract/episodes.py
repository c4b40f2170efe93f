"""What happens to a training, as data: an :class:`Episode` can be written out as code, and run again."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Start:
    """Where a training starts."""

    seed: int
    layers: tuple[tuple[tuple[int, ...], int], ...]
    """Shape and number of active weights of each layer."""
    weights: Literal["normal", "equal", "zero"] = "normal"
    step: int = 0
    """How many optimizer steps were done before."""


@dataclass(frozen=True)
class Train:
    """Optimizer steps, each on a random gradient of this scale."""

    gradient_scale: float = 1.0
    steps: int = 1


@dataclass(frozen=True)
class Update:
    """One topology update of every layer."""

    prune_fraction: float


@dataclass(frozen=True)
class Save:
    """Write a checkpoint."""


@dataclass(frozen=True)
class Load:
    """Throw the training away, load the last checkpoint or start anew, and do again what was done since."""


Step = Train | Update | Save | Load


@dataclass
class Episode:
    """A training, from its start to its last step."""

    start: Start
    steps: list[Step] = field(default_factory=list)


ENDING: tuple[Step, ...] = (Load(), Save(), Train(), Update(0.5), Load(), Save(), Train(), Update(0.5), Load())
"""However a training went, it is resumed in the end: from where it was saved, from where it came to, and from just
after an update, when other weights are active than were observed last."""
