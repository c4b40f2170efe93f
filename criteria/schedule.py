"""What changes over the optimizer steps of a training: the prune fraction ζ."""

import math
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
