"""What changes over a training: the prune fraction ζ and the learning rate."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class PruneFraction:
    """The prune fraction ζ over the optimizer steps of a training (the paper's: cosine from 0.5 to 0.005)."""

    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    start: float = 0.5
    end: float = 0.005

    def at(self, step: int, total_steps: int) -> float:
        """Return ζ at ``step`` of ``total_steps``; ``constant`` stays at ``start``."""
        done = step / total_steps
        match self.schedule:
            case "cosine":
                return self.end + (self.start - self.end) * (1 + math.cos(math.pi * done)) / 2
            case "linear":
                return self.start + (self.end - self.start) * done
            case "constant":
                return self.start


def learning_rate(
    base: float, epoch: int, epochs: int, milestones: Sequence[float], factor: float, warmup_epochs: int = 0
) -> float:
    """Learning rate of ``epoch`` (from 0): ``base`` times ``factor`` per milestone passed.

    A milestone below 1 is a share of ``epochs``, others are a number of epochs. Before that the rate rises by the same
    amount in each of ``warmup_epochs``, of which the last one has ``base``.
    """
    passed = sum(epoch >= (milestone * epochs if milestone < 1 else milestone) for milestone in milestones)
    warmth = min(1.0, (epoch + 1) / warmup_epochs) if warmup_epochs else 1.0
    return base * factor**passed * warmth
