"""The claim ``magnitude-first``."""

import numpy as np

from benchmark.verdicts.claims.api import Judgement, above_zero, claim
from benchmark.verdicts.claims.cases import Contenders, common_seeds, listed, low_and_high, settings
from benchmark.verdicts.samples import Samples, grain
from benchmark.verdicts.statistics.ordered import Least, nth_largest
from benchmark.verdicts.statistics.paired import paired
from benchmark.verdicts.statistics.ranks import ranks

FIRST = "magnitude"


@claim("magnitude-first", "At low density the best is predominantly magnitude-based pruning", where="abstract")
def magnitude_first(samples: Samples, tolerance: float) -> Judgement | None:
    """In more than half of the settings at the lowest third of the densities, magnitude is the best studied criterion.

    Being best is being ahead of every other one, so a setting counts by magnitude's lead over the strongest of the
    others, whichever that truly is. The effect is the lead that more than half of the settings have. The claim is
    supported if the effect is shown to be above zero. Otherwise it is not supported if the effect is shown to be below
    the tolerance. Sharing the first place is not being first.
    """
    present = {setting: each for setting, each in settings(samples).items() if FIRST in each}
    densities = {setting.density for setting in present}
    if len(densities) < 2:
        return None
    low, _ = low_and_high(list(densities))
    fields = [each for setting, each in present.items() if setting.density in low]
    step = grain(samples)
    leads = [lead for each in fields if (lead := _lead(each, step)) is not None]
    if not leads:
        return None
    most = len(leads) // 2 + 1
    effect = nth_largest(leads, most)
    best = sum(lead.value > 0 for lead in leads)
    return Judgement(
        above_zero(effect, tolerance),
        effect,
        f"Best on average in {best} of {len(leads)} settings at {listed(low)}; its lead over "
        f"the strongest other is {effect.value:+.2f} points or more in {most} of them; {_ranking(fields)}",
    )


def _lead(contenders: Contenders, step: float) -> Least | None:
    """How far magnitude is ahead of the strongest of the others; None if they have no seed in common."""
    leads = [paired(contenders[FIRST], values, step) for name, values in contenders.items() if name != FIRST]
    known = [lead for lead in leads if lead is not None]
    return Least(known) if len(known) == len(leads) else None


def _ranking(fields: list[Contenders]) -> str:
    """Average ranks of the criteria that are in all settings, over settings and the seeds they all have."""
    names = sorted(set.intersection(*(set(each) for each in fields)))
    blocks = [
        [each[name][seed] for name in names]
        for each in fields
        for seed in common_seeds([{name: each[name] for name in names}])
    ]
    average = ranks(np.array(blocks)).mean(axis=0).tolist()
    best_first = sorted(zip(average, names, strict=True))
    return f"average ranks: {', '.join(f'{name} {value:.2f}' for value, name in best_first)}"
