"""The claim ``similar``."""

import itertools

from benchmark.verdicts.claims.api import ClaimVerdict, Judgement, claim
from benchmark.verdicts.claims.cases import studied_settings
from benchmark.verdicts.samples import Samples, grain
from benchmark.verdicts.statistics.equivalence import Absolute
from benchmark.verdicts.statistics.ordered import nth_largest
from benchmark.verdicts.statistics.paired import paired


@claim("similar", "Most of the studied criteria give similar results", where="abstract")
def similar(samples: Samples, tolerance: float) -> Judgement | None:
    """Two of the studied criteria in one setting differ by less than the tolerance more often than not.

    The tolerance is the difference that counts as the same result. The effect is the difference that more than half of
    the pairs (of criteria, in every setting) stay within. The claim is supported if the effect is shown to be smaller
    than the tolerance, and contradicted if it is shown to be larger. If one criterion of five is different from the
    others, six pairs of ten are similar; if two are, only three pairs are.
    """
    step = grain(samples)
    differences = [
        Absolute(difference)
        for contenders in studied_settings(samples).values()
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
        verdict = "contradicted"
    return Judgement(
        verdict,
        effect,
        f"{most} of {len(differences)} pairs of criteria differ by at most {effect.value:.2f} points; "
        f"up to {tolerance:g} count as similar",
    )
