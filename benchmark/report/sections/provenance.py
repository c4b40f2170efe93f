"""The section on where the expected values come from, and how to make the page again."""

from dataclasses import dataclass

from benchmark.report.findings import Findings
from benchmark.report.section import Section
from benchmark.verdicts.claims.cases import STUDIED
from benchmark.verdicts.study import Study
from benchmark.verdicts.value_source import KINDS

OF_THE_PAPER = (*STUDIED, "sensitivity", "random")
"""The criteria of the paper's figures."""


@dataclass(frozen=True)
class Rebuilt:
    """What of the paper an experiment rebuilds."""

    part: str
    """Its figure or table."""
    otherwise: str
    """What is not as in the paper, such as ``on another network``; empty where nothing is."""


def rebuilt(study: Study) -> Rebuilt | None:
    """What of the paper a study rebuilds; None for an experiment, criteria or settings that are not the paper's."""
    experiment = study.experiment
    names = {each.name for each in experiment.axes.criteria}
    if experiment.figure is None or study.changed or not names <= {*OF_THE_PAPER}:
        return None
    part, _, otherwise = experiment.figure.partition(", ")
    return Rebuilt(part, otherwise)


def _values(findings: Findings) -> dict[str, object]:
    expected = findings.study.expected
    sources = expected.sources.values() if expected is not None else ()
    return {
        "kinds": KINDS,
        "published": any(source.kind == "published" for source in sources),
        "rebuilt": rebuilt(findings.study),
    }


SECTION = Section("provenance", "Provenance", _values)
