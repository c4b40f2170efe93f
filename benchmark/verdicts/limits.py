"""Limits that several verdicts share. Commands have them as defaults, so nothing is imported here."""

MARGIN = 0.3
"""Points within which two criteria count as equivalent, where nobody says otherwise."""
CHANCE = 10.0
"""Accuracy in percent of a constant answer among ten classes, where nobody says another."""
MOST_SEEDS = 1_000
"""Seeds beyond which nobody would go."""
