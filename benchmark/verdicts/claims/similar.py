"""The claim ``similar``."""

import itertools

from benchmark.verdicts.claims.cases import settings
from benchmark.verdicts.claims.outcome import ClaimOutcome, ClaimVerdict
from benchmark.verdicts.samples import Samples, grain
from benchmark.verdicts.statistics.equivalence import Absolute
from benchmark.verdicts.statistics.ordered import nth_largest
from benchmark.verdicts.statistics.paired import paired


def similar(samples: Samples, tolerance: float) -> ClaimOutcome | None:
    """Two of the studied criteria in one setting differ by less than the tolerance more often than not.

    The tolerance is the difference that counts as the same result. The effect is the difference that more than half of
    the pairs (of criteria, in every setting) stay within: supported where it is shown to be smaller than the tolerance,
    not supported where it is shown to be larger. One odd criterion of five leaves six pairs of ten, two leave three.
    """
    step = grain(samples)
    differences = [
        Absolute(difference)
        for contenders in settings(samples).values()
        for first, second in itertools.combinations(contenders.values(), 2)
        if (difference := paired(first, second, step)) is not None
    ]
    if not differences:
        return None
    most = len(differences) // 2 + 1
    effect = nth_largest(differences, len(differences) - most + 1)
    verdict: ClaimVerdict = "undecided"
    if effect.high < tolerance:
        verdict = "supported"
    elif effect.low > tolerance:
        verdict = "not supported"
    return ClaimOutcome(
        id="similar",
        claim="Most of the studied criteria give similar results",
        where="abstract",
        verdict=verdict,
        effect=effect,
        finding=f"{most} of {len(differences)} pairs of criteria differ by at most {effect.value:.2f} points; "
        f"up to {tolerance:g} count as similar",
    )
