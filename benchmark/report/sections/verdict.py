"""The first screen: what was asked, what came out in a sentence each, and why it can be believed."""

from collections import Counter
from dataclasses import replace

from benchmark.report.figures.words import seeds_of
from benchmark.report.findings import Findings
from benchmark.report.section import Section
from benchmark.report.sections.check import rows_by_source, verdict_counts
from benchmark.system.quantity import quantity
from benchmark.verdicts.compared import DEPTHS
from benchmark.verdicts.expected import MEASURED
from benchmark.verdicts.newcomers import of_criteria, sentences
from benchmark.verdicts.stored_study import contradicted
from benchmark.verdicts.study import Study
from benchmark.verdicts.value_source import KINDS
from benchmark.verdicts.verdict import MEANINGS

MOST = 4
"""Sentences about one's own criteria on the first screen."""


def asked(study: Study) -> str:
    """The question of an experiment in one sentence."""
    axes = study.experiment.axes
    criteria, growths = [str(each) for each in axes.criteria], [str(each) for each in axes.growths]
    densities = [f"{density:g}" for density in sorted(axes.densities)]
    who = f"Which of {len(criteria)} pruning criteria is best" if len(criteria) > 1 else _alone(criteria, study)
    few = len(densities) < 5
    where = f"at density {_listed(densities)}" if few else f"at densities {densities[0]} to {densities[-1]}"
    model = study.experiment.model.get("name", "network")
    return f"{who} {where}, with {_listed(growths)} growth, in {model} on {study.experiment.data}?"


def versions(study: Study) -> list[str]:
    """What computed the results, the most frequent first."""
    found = Counter(
        f"dst-bench {result.environment['dst-bench']}, torch {result.environment['torch']}, "
        f"{result.environment['device']}, {run.setup.engine} engine"
        + (f", data {run.setup.data} ({digest})" if (digest := result.environment.get("data")) else "")
        for run, result in study.results
    )
    return [f"{quantity(count, 'run')}: {told}" for told, count in found.most_common()]


def _alone(criteria: list[str], study: Study) -> str:
    if not criteria:
        return "How good are the baselines"
    others = ", compared with stored values of the others," if study.newcomers else ""
    return f"How good is {criteria[0]}{others}"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _own(findings: Findings) -> list[str]:
    """Where one's own criteria stand: over all densities where there are several, else in each setting."""
    found = findings.standing
    mine = of_criteria(found, findings.study.newcomers) if found else None
    if mine is None:
        return []
    rows = tuple(row for row in mine.rows if row.density is None) or mine.rows
    return list(sentences(replace(mine, rows=rows)))[:MOST]


def _values(findings: Findings) -> dict[str, object]:
    study = findings.study
    by_source = rows_by_source(findings.check) if findings.check else {}
    return {
        "asked": asked(study),
        "own": _own(findings),
        "nothing_stored": bool(study.newcomers) and set(study.newcomers) >= {cell.criterion for cell in study.by_cell},
        "counts": {source: verdict_counts(rows) for source, rows in by_source.items()},
        "kinds": KINDS,
        "depths": DEPTHS,
        "meanings": MEANINGS,
        "versions": versions(study),
        "seeds": seeds_of(study.samples) + (" in each cell" if study.uneven else ""),
        "diverged": len(study.diverged),
        "source": study.expected.sources.get(MEASURED) if study.is_stored and study.expected else None,
        "contradicted": contradicted(study) if study.is_stored else [],
        "missing": [cell for cell in study.cells if cell not in study.samples],
    }


SECTION = Section("verdict", None, _values)
