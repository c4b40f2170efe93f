"""The claim ``balanced-is-better``."""

from dataclasses import replace

from benchmark.verdicts.claims import Interval, Judgement, Samples, above_zero, claim
from benchmark.verdicts.samples import grain
from benchmark.verdicts.statistics.paired import paired_over

LEVEL = 0.025
"""Of each side: the interval is one of 95%."""


@claim("balanced-is-better", "Growing where units have few weights is better than growing anywhere", where="examples")
def balanced_is_better(samples: Samples, tolerance: float) -> Judgement | None:
    """The accuracy of balanced growth, averaged over criteria and densities, is above that of random growth.

    The effect is the mean difference, paired over seeds. The claim is supported if it is shown to be above zero.
    """
    balanced = [cell for cell in samples if cell.growth == "balanced"]
    pairs = [
        (samples[cell], samples[other]) for cell in balanced if (other := replace(cell, growth="random")) in samples
    ]
    found = paired_over(pairs, grain(samples))
    if found is None:
        return None
    effect = Interval(found.value, found.lower(LEVEL), found.upper(LEVEL))
    sentence = f"The mean difference is {found.value:+.2f} points, over criteria and densities ({len(pairs)} in all)"
    return Judgement(above_zero(effect, tolerance), effect, sentence)
