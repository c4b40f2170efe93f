"""GraNet: gradual pruning in which every update also replaces weights, so that what was pruned can come back."""

from dataclasses import dataclass

from criteria.schedule import DensitySchedule, cubic


@dataclass(frozen=True)
class GraNet(DensitySchedule):
    """GMP's way down, and at each update a share of weights is pruned and grown besides (Liu et al., 2021).

    ``initial`` is 0.5, the sparse start of arXiv 2106.10404; 1 is its dense one. With magnitude and gradient growth,
    ``resurrection: allow`` and ``grown_momentum: reset`` these are the released code's rules, but that it prunes all
    layers together and replaces weights within each; here the scope of the topology holds for both.
    """

    initial: float = 0.5
    begin: float = 0.0
    end: float = 0.75

    def __post_init__(self) -> None:
        self.require_shares(self.initial, self.begin, self.end)

    def density(self, final: float, done: float) -> float:
        return cubic(max(self.initial, final), final, (done - self.begin) / (self.end - self.begin))
