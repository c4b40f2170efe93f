"""Constant: as many weights are active at the start as at the end, which is sparse training as the paper has it."""

from dataclasses import dataclass

from criteria.schedule import DensitySchedule


@dataclass(frozen=True)
class Constant(DensitySchedule):
    """The density never changes (Mocanu et al., 2018; Evci et al., 2020)."""

    def density(self, final: float, done: float) -> float:  # noqa: ARG002
        return final
