"""How sure the change of each cell is, also where some seeds collapse."""

from dataclasses import replace

import numpy as np

from benchmark.verdicts.statistics.arrays import Array, Mask
from benchmark.verdicts.statistics.changes import Changes, Judged, judged, normal_deviate
from benchmark.verdicts.statistics.unstable import permutation_p, sign_flip_p, unstable


def judge_cells(
    changes: Changes, first: Array, second: Array, chance: float, *, paired: bool
) -> tuple[Judged, Mask, Changes]:
    """How sure the change of each cell is, which cells are unstable, and what is left to judge cells together by.

    ``first`` and ``second`` are the seeds' values [..., cells, seeds] of both sides. Where a cell is unstable, its
    p-value is that of a permutation or of sign flips.
    """
    each, shaky = judged(changes), unstable(first, second, chance)
    p = each.p.copy()
    for at in map(tuple, np.argwhere(shaky)):
        one, other = (side[at][np.isfinite(side[at])] for side in (first, second))
        p[at] = sign_flip_p(other - one) if paired else permutation_p(one, other)
    each = replace(each, p=p, z=normal_deviate(p, each.difference))
    # A collapse says nothing of the noise of the other seeds, so it does not count where cells are judged together.
    return each, shaky, replace(changes, residuals=np.where(shaky[..., None], 0.0, changes.residuals))
