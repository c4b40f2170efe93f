"""SET as its released code prunes: the same fraction of the positive and of the negative weights."""

from dataclasses import dataclass

from criteria.pruning.set import SET


@dataclass
class SETEachSign(SET):
    """The same fraction of the positive weights, smallest first, and of the negative ones, closest to zero first.

    So does the code of the SET group (Mocanu et al., 2018; ``weights_evolution_II`` in Truly-Sparse-Training), where
    ``set`` takes as many of either sign. Active weights that are exactly zero go first; numbers are rounded so that
    their sum is exact, which that code leaves to ties.
    """

    def positive_share(self, n: int, positive: int, negative: int) -> int:
        there = positive + negative
        return round(n * positive / there) if there else 0
