"""The section on where the expected values come from, and how to make the page again."""

from benchmark.report.findings import Findings
from benchmark.report.section import Section
from benchmark.verdicts.value_source import KINDS


def _values(findings: Findings) -> dict[str, object]:
    expected = findings.study.expected
    sources = expected.sources.values() if expected is not None else ()
    return {"kinds": KINDS, "published": any(source.kind == "published" for source in sources)}


SECTION = Section("provenance", "Provenance", _values)
