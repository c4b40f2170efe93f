"""The section of claims: each with its verdict, its effect and what was found."""

from benchmark.report.section import Section
from benchmark.verdicts.claims import render_claims

SECTION = Section(
    "claims",
    "The paper's claims",
    wants=lambda findings: bool(findings.claims),
    files=lambda findings: [("claims.txt", render_claims(findings.claims) + "\n")],
)
