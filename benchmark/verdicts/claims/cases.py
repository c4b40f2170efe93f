"""The results that the claims of the paper compare."""

import math
from collections.abc import Iterable, Sequence

from benchmark.experiments.cells import Cell
from benchmark.verdicts.contenders import Contenders, Setting, settings
from benchmark.verdicts.samples import Samples, over_baseline
from benchmark.verdicts.statistics.paired import Estimated, Mean

STUDIED = ("magnitude", "set", "mest", "snip", "reciprocal_sensitivity")
"""The criteria that the paper's claims are about, each as the paper uses it."""
FEWEST = 3
"""Studied criteria that a setting must have for a claim that compares them with each other."""


def studied_settings(samples: Samples) -> dict[Setting, Contenders]:
    """The settings in which enough of the studied criteria have run to be compared with each other."""
    found = settings({cell: samples[cell] for cell in studied(samples)})
    return {setting: contenders for setting, contenders in found.items() if len(contenders) >= FEWEST}


def studied(samples: Samples) -> list[Cell]:
    """The cells of the studied criteria that have run."""
    return sorted(cell for cell, values in samples.items() if cell.criterion in STUDIED and values)


def densities_of(present: Iterable[Setting]) -> list[float]:
    """The densities of settings, the lowest first."""
    return sorted({setting.density for setting in present if setting.density is not None})


def low_and_high(densities: Sequence[float]) -> tuple[list[float], list[float]]:
    """The lowest and the highest third of an experiment's densities, at least one each; they need two."""
    ordered = sorted(set(densities))
    third = math.ceil(len(ordered) / 3)
    return ordered[:third], ordered[-third:]


def advantages(samples: Samples, baseline: str, *, same_density: bool) -> dict[Cell, Mean]:
    """How far each cell of a studied criterion is above a baseline, of its own density or of any, paired over seeds."""
    return over_baseline(studied(samples), samples, baseline, same_density=same_density)


def above_on_average(differences: Iterable[Estimated]) -> int:
    """How many differences are above zero; those of equal means are not, though sums may differ in the last bit."""
    return sum(round(difference.value, 9) > 0 for difference in differences)


def listed(densities: Sequence[float]) -> str:
    """Densities in a sentence."""
    return f"densit{'y' if len(densities) == 1 else 'ies'} {', '.join(f'{density:g}' for density in densities)}"
