"""The section on where the expected values come from, and how to make the page again."""

from benchmark.report.section import Section
from benchmark.verdicts.source import KINDS

SECTION = Section("provenance", "Provenance", values=lambda _: {"kinds": KINDS})
