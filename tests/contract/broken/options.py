"""Options of the plugins beside it, which the environment may set."""

import os


def penalty() -> float:
    """λ, which no record of the experiment has."""
    return float(os.environ.get("PRUNING_PENALTY", "0.1"))
