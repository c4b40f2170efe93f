"""The section on the machines that trained the runs, and the time that they took."""

from collections import Counter
from dataclasses import dataclass
from statistics import fmean

from benchmark.experiments.results import Results
from benchmark.report.findings import Findings
from benchmark.report.section import Section, setting_text
from benchmark.system.duration import duration


@dataclass(frozen=True)
class Cost:
    """The time that the runs took, a fleet's time divided among its members."""

    total: str
    each: str
    first: str
    last: str


def _values(findings: Findings) -> dict[str, object]:
    results = findings.study.results
    return {
        "environments": Counter(setting_text(result.environment) for _, result in results),
        "cost": _cost(results),
    }


def _cost(results: Results) -> Cost:
    seconds = [result.time.fleet_seconds / result.time.fleet_size for _, result in results]
    finished = sorted(result.time.finished for _, result in results)
    return Cost(duration(sum(seconds)), duration(fmean(seconds)), finished[0], finished[-1])


SECTION = Section("environment", "Environment and cost", _values)
