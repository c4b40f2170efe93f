"""The results that the claims of the paper compare."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from benchmark.experiments.cells import Cell, Value
from benchmark.verdicts.samples import Samples, over_baseline
from benchmark.verdicts.statistics.paired import Estimated, Mean

STUDIED = ("magnitude", "set", "mest", "snip", "reciprocal_sensitivity")
"""The criteria that the paper's claims are about, each as the paper uses it."""
FEWEST = 3
"""Studied criteria that a setting must have for a claim that compares them with each other."""


@dataclass(frozen=True)
class Setting:
    """The growth, density and further settings that criteria share when they are compared with each other."""

    growth: str
    density: float
    extra: tuple[tuple[str, Value], ...]


Contenders: TypeAlias = Mapping[str, Mapping[int, float]]
"""Criterion → seed → percent."""


def settings(samples: Samples) -> dict[Setting, Contenders]:
    """The settings in which enough of the studied criteria have run to be compared with each other."""
    found: dict[Setting, dict[str, Mapping[int, float]]] = {}
    for cell in studied(samples):
        if cell.growth is not None:
            setting = Setting(cell.growth, cell.density, cell.extra)
            found.setdefault(setting, {})[cell.criterion] = samples[cell]
    return {setting: contenders for setting, contenders in found.items() if len(contenders) >= FEWEST}


def studied(samples: Samples) -> list[Cell]:
    """The cells of the studied criteria that have run."""
    return sorted(cell for cell, values in samples.items() if cell.criterion in STUDIED and values)


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


def common_seeds(contenders: Sequence[Contenders]) -> list[int]:
    """The seeds that all criteria have run with in all of several settings."""
    return sorted(set.intersection(*(set(values) for each in contenders for values in each.values())))


def listed(densities: Sequence[float]) -> str:
    """Densities in a sentence."""
    return f"densit{'y' if len(densities) == 1 else 'ies'} {', '.join(f'{density:g}' for density in densities)}"
