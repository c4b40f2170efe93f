"""The sections of reports, one module each, in the order of the page."""

from benchmark.report.section import Section
from benchmark.report.sections import (
    check,
    claims,
    contrasts,
    environment,
    figures,
    lead,
    leaderboard,
    measurements,
    overlap,
    provenance,
    results,
    standing,
    tuning,
    verdict,
    what,
)

SECTIONS: tuple[Section, ...] = (
    verdict.SECTION,
    lead.SECTION,
    results.SECTION,
    leaderboard.SECTION,
    standing.SECTION,
    tuning.SECTION,
    figures.SECTION,
    contrasts.SECTION,
    overlap.SECTION,
    claims.SECTION,
    check.SECTION,
    what.SECTION,
    measurements.SECTION,
    environment.SECTION,
    provenance.SECTION,
)
"""A new section is a module with its template, and a line here. Those without a title are the first screen."""
