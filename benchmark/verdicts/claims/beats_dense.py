"""The claim ``beats-dense``."""

from benchmark.verdicts.claims.api import Judgement, above_zero, claim
from benchmark.verdicts.claims.cases import above_on_average, advantages
from benchmark.verdicts.samples import Samples
from benchmark.verdicts.statistics.ordered import nth_largest


@claim("beats-dense", "Under specific conditions dynamic sparse training outperforms the dense model", where="abstract")
def beats_dense(samples: Samples, tolerance: float) -> Judgement | None:
    """In at least one case a studied criterion is above the dense network.

    A case is a criterion with a growth at a density. The effect is the largest advantage of all cases, whose interval
    is wider because the largest was looked for. The claim is supported if it is shown to be above zero, contradicted if
    below, and negligible if it is shown to be within the tolerance of zero.
    """
    found = advantages(samples, "dense", same_density=False)
    if not found:
        return None
    effect = nth_largest(list(found.values()), 1)
    above = above_on_average(found.values())
    best = max(found, key=lambda cell: found[cell].value)
    return Judgement(
        above_zero(effect, tolerance),
        effect,
        f"{above} of {len(found)} cases are above dense on average; first is {best} with {effect.value:+.2f} points",
    )
