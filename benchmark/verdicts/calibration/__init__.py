"""Simulated worlds that show what the verdicts promise: worlds, and a table for each kind of verdict."""
