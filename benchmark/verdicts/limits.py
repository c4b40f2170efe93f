"""Limits that several verdicts share. Commands have them as defaults, so nothing is imported here."""

MARGIN = 0.3
"""Points within which two criteria count as equivalent, where nobody says otherwise."""
MOST_SEEDS = 1_000
"""Seeds beyond which nobody would go."""
