"""The section that says what was done: the method, the settings, the best and the worst, and what the names mean."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from benchmark.data import source_of
from benchmark.experiments.cells import Cell
from benchmark.experiments.experiment import Experiment
from benchmark.report.findings import Findings
from benchmark.report.references import baselines_at, number_word, reference_words
from benchmark.report.section import Section
from benchmark.report.settings import setup_settings
from benchmark.report.tables import METRICS, RULES, resurrections
from benchmark.verdicts.samples import Samples
from benchmark.verdicts.study import Study
from criteria.plugins import summaries

GROWTH_MAY = {
    "forbid": "cannot bring back",
    "allow": "may bring back, values and all,",
    "restart": "may bring back, from zero,",
}
"""What growth may do with the weights that the same update has pruned, by the setting ``resurrection``."""


@dataclass(frozen=True)
class LowestDensity:
    """The best and the worst mean at the lowest density of one growth that has results, beside the baselines."""

    growth: str
    density: float
    best: tuple[str, float]
    worst: tuple[str, float]
    """Each with its name, or with the names of all that share this mean."""
    references: dict[str, float]


def _values(findings: Findings) -> dict[str, object]:
    study = findings.study
    experiment = study.experiment
    references = reference_words(map(str, experiment.baselines))
    return {
        "references": references,
        "number": number_word(len(references)),
        "settings": setup_settings(experiment),
        "metric": METRICS[experiment.metric],
        "rules": {RULES[each]: GROWTH_MAY[each] for each in resurrections(experiment)},
        "tested": _tested(study),
        "seeds": sorted({run.seed for run, _ in study.results}),
        "lowest": _lowest_densities(study.cells, study.samples),
        "glossary": _glossary(experiment),
    }


def _tested(study: Study) -> str | None:
    """How sure an accuracy can be on so many test examples, in words; None where the data set does not say how many."""
    setups = [setup for _, setup in study.experiment.setups]
    examples = source_of(setups[0].data).look.tested
    if examples is None or not study.samples:
        return None
    right = fmean(value for values in study.samples.values() for value in values.values()) / 100
    error = 100 * math.sqrt(right * (1 - right) / examples)
    return (
        f"{examples:,} examples, so an accuracy of {100 * right:.0f}% has a sampling error of {error:.1f} points; all "
        "rules and seeds share these examples, so differences between them are surer than that"
    )


def _lowest_densities(cells: Sequence[Cell], samples: Samples) -> list[LowestDensity]:
    means = {cell: fmean(samples[cell].values()) for cell in cells if samples.get(cell)}
    found = []
    for growth in dict.fromkeys(cell.growth for cell in means if cell.growth is not None):
        density = min(cell.density for cell in means if cell.growth == growth)
        here = {cell: mean for cell, mean in means.items() if cell.growth == growth and cell.density == density}
        if len(here) < 2:
            continue
        references = {_name(cell): means[cell] for cell in baselines_at(cells, density) if cell in means}
        found.append(LowestDensity(growth, density, _at(max, here), _at(min, here), references))
    return found


def _at(extreme: Callable[[Iterable[float]], float], means: Mapping[Cell, float]) -> tuple[str, float]:
    mean = extreme(means.values())
    return " and ".join(_name(cell) for cell, each in means.items() if each == mean), mean


def _name(cell: Cell) -> str:
    """A criterion or baseline, with the further settings that it has."""
    further = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in cell.extra)
    return f"{cell.criterion} ({further})" if further else cell.criterion


def _glossary(experiment: Experiment) -> dict[str, tuple[str, dict[str, str]]]:
    """What the experiment's criteria, growths and baselines are for, and a line about each plugin among them."""
    used = {
        "Criterion": ("criterion", "scores the active weights; the lowest scores are pruned", experiment.axes.criteria),
        "Growth": ("growth", "chooses as many of the candidates, weights that are not active", experiment.axes.growths),
        "Reference": ("baseline", "a network whose topology never changes", experiment.baselines),
    }
    return {
        title: (about, {spec.name: summaries(kind)[spec.name] for spec in specs})
        for title, (kind, about, specs) in used.items()
        if specs
    }


SECTION = Section("what", "What was done", _values)
