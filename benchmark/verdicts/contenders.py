"""Criteria that are compared with each other: which share a setting, over which seeds, and as an array."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from benchmark.experiments.cells import Value
from benchmark.verdicts.samples import Samples, capped_grain
from benchmark.verdicts.statistics.arrays import Array

Extra: TypeAlias = tuple[tuple[str, Value], ...]
Contenders: TypeAlias = Mapping[str, Mapping[int, float]]
"""Criterion → seed → percent."""


@dataclass(frozen=True)
class Setting:
    """What criteria that are compared with each other share; None stands for the mean over all growths or densities."""

    growth: str | None
    density: float | None
    extra: Extra = ()

    @property
    def words(self) -> str:
        """The setting in a sentence, such as ``at density 0.05 with gradient growth, update_period=25``."""
        density = "over all densities" if self.density is None else f"at density {self.density:g}"
        growth = "all growths" if self.growth is None else f"{self.growth} growth"
        return f"{density} with {growth}{self.further_words}"

    @property
    def further_words(self) -> str:
        """The further axes as they follow other words, each after a comma: ``, update_period=25``."""
        return "".join(f", {name}={value}" for name, value in self.extra)


def settings(samples: Samples) -> dict[Setting, Contenders]:
    """The criteria of each setting that has results; baselines, which have no growth, are in none."""
    found: dict[Setting, dict[str, Mapping[int, float]]] = {}
    for cell in sorted(samples):
        if cell.growth is not None and samples[cell]:
            found.setdefault(Setting(cell.growth, cell.density, cell.extra), {})[cell.criterion] = samples[cell]
    return dict(found)


def over_densities(single: Mapping[Setting, Contenders]) -> dict[Setting, Contenders]:
    """For each growth and further axes with several densities: the criteria that all have, averaged for each seed."""
    groups: dict[tuple[str | None, Extra], list[Contenders]] = {}
    for setting, contenders in single.items():
        groups.setdefault((setting.growth, setting.extra), []).append(contenders)
    return {
        Setting(growth, None, extra): _averaged(group) for (growth, extra), group in groups.items() if len(group) > 1
    }


def _averaged(group: Sequence[Contenders]) -> Contenders:
    names = set.intersection(*(set(each) for each in group))
    return {
        name: {
            seed: math.fsum(each[name][seed] for each in group) / len(group)
            for seed in sorted(set.intersection(*(set(each[name]) for each in group)))
        }
        for name in sorted(names)
    }


@dataclass(frozen=True)
class Averages:
    """Mean of each criterion over all settings of an experiment that have a growth, or over all."""

    means: Mapping[str, float]
    """Criterion → percent."""
    step: float
    """Of the metric in points, so far as averaging leaves its rounding."""


def averages(samples: Samples) -> dict[Setting, Averages]:
    """The mean of each criterion over its seeds, averaged over all settings of each growth, and over all growths."""
    single, step = comparable(settings(samples)), capped_grain(samples)
    found: dict[Setting, Averages] = {}
    for growth in [*dict.fromkeys(setting.growth for setting in single), None] if single else []:
        group = [each for setting, each in single.items() if growth in (setting.growth, None)]
        names = set.intersection(*(set(each) for each in group))
        found[Setting(growth, None)] = Averages(
            {name: math.fsum(_mean(each, name) for each in group) / len(group) for name in sorted(names)},
            step * math.sqrt(sum(1 / len(common_seeds(each)) for each in group)) / len(group),
        )
    return found


def over_experiments(found: Sequence[Mapping[Setting, Averages]]) -> dict[Setting, Contenders]:
    """The criteria that all experiments have in a setting, each with its mean by the number of the experiment."""
    # In the order of the first one, since draws go by it: the same results have the same standing.
    return {
        setting: {
            name: {number: each[setting].means[name] for number, each in enumerate(found)}
            for name in first.means
            if all(name in each[setting].means for each in found)
        }
        for setting, first in found[0].items()
        if all(setting in each for each in found)
    }


def _mean(contenders: Contenders, name: str) -> float:
    seeds = common_seeds(contenders)
    return math.fsum(contenders[name][seed] for seed in seeds) / len(seeds)


def comparable(single: Mapping[Setting, Contenders]) -> dict[Setting, Contenders]:
    """The settings with two criteria or more, all of which have a seed in common."""
    return {setting: each for setting, each in single.items() if len(each) > 1 and common_seeds(each)}


@dataclass(frozen=True)
class Unranked:
    """Criteria with results in a setting where they have no seed in common, so that nothing can be said of them."""

    growth: str | None
    density: float | None
    extra: Extra
    criteria: tuple[str, ...]

    @property
    def reason(self) -> str:
        """Why they are not ranked."""
        return "no seed is common to all of them" if len(self.criteria) > 1 else "no other criterion has run with it"


def unranked(single: Mapping[Setting, Contenders]) -> tuple[Unranked, ...]:
    """The settings that are not comparable, each with the criteria that it has, in their order."""
    found = comparable(single)
    return tuple(
        Unranked(setting.growth, setting.density, setting.extra, tuple(each))
        for setting, each in single.items()
        if setting not in found
    )


def common_seeds(*groups: Contenders) -> list[int]:
    """The seeds that all criteria have in a setting, or in all of several."""
    return sorted(set.intersection(*(set(values) for each in groups for values in each.values())))


def densities(single: Iterable[Setting], over: Setting) -> int:
    """How many densities a setting over all densities averages."""
    return sum((setting.growth, setting.extra) == (over.growth, over.extra) for setting in single)


def panel(groups: Sequence[Mapping[Setting, Contenders]], criteria: Sequence[str]) -> Array:
    """[groups, settings, criteria, seeds], NaN where there is nothing."""
    most = max((len(common_seeds(each)) for group in groups for each in group.values()), default=1)
    array = np.full((len(groups), max(map(len, groups)), len(criteria), most), np.nan)
    for family, group in enumerate(groups):
        for index, contenders in enumerate(group.values()):
            seeds = common_seeds(contenders)
            for name, values in contenders.items():
                array[family, index, criteria.index(name), : len(seeds)] = [values[seed] for seed in seeds]
    return array
