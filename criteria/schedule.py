"""What changes over the optimizer steps of a training: the prune fraction ζ, and the density where it is asked to."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from criteria.errors import InputError


@dataclass(frozen=True)
class PruneFraction:
    """The prune fraction ζ over the optimizer steps of a training (the paper's: cosine from 0.5 to 0.005)."""

    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    start: float = 0.5
    end: float = 0.005

    def at(self, step: int, total_steps: float) -> float:
        """Return ζ at ``step`` of ``total_steps``; ``constant`` stays at ``start``."""
        done = step / total_steps
        match self.schedule:
            case "cosine":
                return self.end + (self.start - self.end) * (1 + math.cos(math.pi * done)) / 2
            case "linear":
                return self.start + (self.end - self.start) * done
            case "constant":
                return self.start


class DensitySchedule:
    """The density of a network over the optimizer steps of a training that ends at the density of its cell.

    A subclass gives :meth:`density`. Parameters are the fields of a dataclass, as those of a criterion.
    """

    replaces: ClassVar[bool] = True
    """Whether every topology update also prunes and grows the prune fraction; else weights only go, or only come."""

    def density(self, final: float, done: float) -> float:
        """The density, above 0 and at most 1, once a share ``done`` (0 … 1) of the optimizer steps is done.

        Without change it is ``final``, the density of the cell, which it has to be when all is done.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define density()")

    @staticmethod
    def require_shares(initial: float, begin: float, end: float) -> None:
        """Raises :class:`InputError` where these are no initial density and no two times of a training, in order."""
        if not 0 < initial <= 1:
            raise InputError(f"initial must be above 0 and at most 1, not {initial}")
        if not 0 <= begin < end <= 1:
            raise InputError(
                f"begin and end must be shares of the training, 0 ≤ begin < end ≤ 1, not {begin} and {end}"
            )


def cubic(initial: float, final: float, passed: float) -> float:
    """From ``initial`` to ``final`` density while ``passed`` goes from 0 to 1: d_f + (d_i − d_f)(1 − passed)³.

    Fast at first and ever more slowly (Zhu & Gupta, 2018, arXiv 1710.01878, equation 1, written for sparsity 1 − d).
    """
    left = 1 - min(max(passed, 0.0), 1.0)
    return final + (initial - final) * left**3
