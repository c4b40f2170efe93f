"""The section at the top of the page: whether the results are what they should be, and the claims in one line each."""

from benchmark.report.findings import Findings
from benchmark.report.section import Section
from benchmark.report.sections.check import KINDS, rows_by_source, verdict_counts


def _values(findings: Findings) -> dict[str, object]:
    study = findings.study
    by_source = rows_by_source(findings.check) if findings.check else {}
    return {
        "counts": {source: verdict_counts(rows) for source, rows in by_source.items()},
        "kinds": KINDS,
        "diverged": len(study.diverged),
        "missing": [cell for cell in study.cells if cell not in study.samples],
    }


SECTION = Section("verdict", None, _values)
