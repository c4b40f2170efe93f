"""The claim ``beats-dense``."""

from benchmark.verdicts.claims.cases import advantages
from benchmark.verdicts.claims.outcome import ClaimOutcome, above_zero
from benchmark.verdicts.samples import Samples
from benchmark.verdicts.statistics.ordered import nth_largest


def beats_dense(samples: Samples, tolerance: float) -> ClaimOutcome | None:
    """In at least one case a studied criterion is above the dense network.

    A case is a criterion with a growth at a density. The effect is the largest advantage of all cases, whose interval
    pays for having looked for it: supported where it is shown to be above zero, not supported where it is not, but
    every case is shown to be ahead by less than the tolerance, if at all.
    """
    found = advantages(samples, "dense", same_density=False)
    if not found:
        return None
    effect = nth_largest(list(found.values()), 1)
    above = sum(advantage.value > 0 for advantage in found.values())
    best = max(found, key=lambda cell: found[cell].value)
    return ClaimOutcome(
        id="beats-dense",
        claim="Under specific conditions dynamic sparse training outperforms the dense model",
        where="abstract",
        verdict=above_zero(effect, tolerance),
        effect=effect,
        finding=f"{above} of {len(found)} cases are above dense on average; first is {best} with "
        f"{effect.value:+.2f} points",
    )
