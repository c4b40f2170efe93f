"""A schedule of density."""

from dataclasses import dataclass

from criteria import DensitySchedule


@dataclass(frozen=True)
class InEqualSteps(DensitySchedule):
    """From ``initial`` density to the final one in equal steps until a share ``end`` of the training is done."""

    initial: float = 1.0
    end: float = 0.5

    def __post_init__(self) -> None:
        self.require_shares(self.initial, 0.0, self.end)

    def density(self, final: float, done: float) -> float:
        left = max(0.0, 1 - done / self.end)
        return final + (max(self.initial, final) - final) * left
