"""The section of results: the accuracy of every cell."""

from collections.abc import Iterable

from benchmark.report.findings import Findings
from benchmark.report.section import File, Section, Table
from benchmark.report.tables import METRICS, footnotes, results_csv, results_rows, results_table, rule_of


def _values(findings: Findings) -> dict[str, object]:
    study = findings.study
    metric = METRICS[study.experiment.metric]
    reading = (
        f"{metric.capitalize()} in percent, mean ± standard deviation over seeds. Rule: {rule_of(study.experiment)}."
    )
    return {"table": Table(*results_rows(study), reading), "footnotes": footnotes(study)}


def _files(findings: Findings) -> Iterable[File]:
    yield "results.txt", results_table(findings.study)
    yield "results.md", results_table(findings.study, "github")
    yield "results.csv", results_csv(findings.study)


SECTION = Section("results", "Results", _values, files=_files)
