"""The sections of reports, one module each, in the order of the page."""

from benchmark.report.section import Section
from benchmark.report.sections import (
    check,
    claims,
    contrasts,
    environment,
    figures,
    measurements,
    overlap,
    provenance,
    results,
    verdict,
    what,
)

SECTIONS: tuple[Section, ...] = (
    verdict.SECTION,
    what.SECTION,
    figures.SECTION,
    contrasts.SECTION,
    results.SECTION,
    overlap.SECTION,
    measurements.SECTION,
    check.SECTION,
    claims.SECTION,
    provenance.SECTION,
    environment.SECTION,
)
"""A new section is a module with its template, and a line here."""
