"""The claim ``beats-static``."""

import math

from benchmark.verdicts.claims.api import Judgement, above_zero, claim
from benchmark.verdicts.claims.cases import above_on_average, advantages
from benchmark.verdicts.samples import Samples
from benchmark.verdicts.statistics.ordered import Negative, at_least, nth_largest

ALMOST_EVERY = 0.9
"""Fraction of cases that is almost every case."""


@claim("beats-static", "In almost every case the criteria surpass the static initialisation", where="Figure 1, caption")
def beats_static(samples: Samples, tolerance: float) -> Judgement | None:
    """In at least nine cases of ten a studied criterion is above the static network of the same density.

    A case is a criterion with a growth at a density, a point of the paper's figure. The effect is the advantage that
    nine cases of ten have, so one case of ten may be as bad as it likes. The claim is supported if it is shown to be
    above zero, contradicted if below, and negligible if it is shown to be within the tolerance of zero.
    """
    found = advantages(samples, "static", same_density=True)
    if not found:
        return None
    needed = math.ceil(ALMOST_EVERY * len(found))
    cases = list(found.values())
    effect = nth_largest(cases, needed)
    above = above_on_average(found.values())
    worst = min(found, key=lambda cell: found[cell].value)
    return Judgement(
        above_zero(effect, tolerance),
        effect,
        f"{above} of {len(found)} cases are above static on average; shown are at least {at_least(cases)} above and at "
        f"least {at_least([Negative(case) for case in cases])} below; {needed} differ from static by "
        f"{effect.value:+.2f} points or more; last is {worst} with {found[worst].value:+.2f}",
    )
