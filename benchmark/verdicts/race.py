"""Racing: two or more plugins compared seed by seed, until each comparison is decided or the budget is spent.

``decide`` says after every seed whether one is better, worse, equivalent within a margin, or not decided yet, and about
how many seeds that would take. It may be asked as often as one likes: its errors are those of the whole race
(:mod:`benchmark.verdicts.statistics.sequential`). ``next_seeds`` spends seeds only where something is undecided.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from benchmark.system.quantity import quantity
from benchmark.verdicts.limits import MARGIN, MOST_SEEDS
from benchmark.verdicts.statistics.sequential import critical_t, sequence

LEVEL = 0.05
"""How often a race may call any of several equal plugins better or worse."""
FIRST = 3
"""Seeds before the first look; two cannot decide anything."""
EXTRA: tuple[int, ...] = (*range(1, 21), *(int(20 * 1.15**power) for power in range(1, 29)))
"""How many more seeds are thought of, when a decision is foreseen; dense where it matters."""

Outcome: TypeAlias = Literal["better", "worse", "equivalent", "undecided"]
"""Of a difference: its interval is above zero, below zero or inside the margin, or none of these yet."""


@dataclass(frozen=True)
class Decision:
    """What is known of one difference, in percentage points; the interval holds at all looks together."""

    outcome: Outcome
    n: int
    difference: float
    low: float
    high: float
    more: int | None
    """Seeds that would probably decide it, if difference and spread are as measured; 0 where it is decided, None where
    :data:`MOST_SEEDS` in all would not."""
    diverged: tuple[int, int] = (0, 0)
    """Runs of either side that diverged; they count with the accuracy that they have."""


def decide(
    differences: Sequence[float],
    *,
    margin: float = MARGIN,
    level: float = LEVEL,
    comparisons: int = 1,
    grain: float = 0.0,
) -> Decision:
    """What paired differences (one for each seed, in the order of the race) decide.

    ``comparisons`` are all that the race makes, among which ``level`` is divided (Bonferroni: they are decided at
    different times, so no later correction may take a decision back). ``grain`` is the step of the metric.
    """
    found = sequence(np.asarray(differences, dtype=np.float64), level / comparisons, grain)
    if found.low > 0:
        outcome: Outcome = "better"
    elif found.high < 0:
        outcome = "worse"
    elif found.n >= FIRST and max(-found.low, found.high) < margin:
        outcome = "equivalent"
    else:
        outcome = "undecided"
    more = 0 if outcome != "undecided" else _more(found.n, found.mean, found.std, margin, level / comparisons)
    return Decision(outcome, found.n, found.mean, found.low, found.high, more)


def _more(n: int, mean: float, std: float, margin: float, level: float) -> int | None:
    """Seeds after which a difference like this one would be decided, at least one; None if that are too many."""
    if not math.isfinite(std):
        return max(FIRST - n, 1)
    for total in [min(n + extra, MOST_SEEDS) for extra in EXTRA if n < MOST_SEEDS]:
        width = critical_t(total, level) * std / math.sqrt(total)
        if width < abs(mean) or abs(mean) + width < margin:
            return total - n
    return None


def next_seeds(decisions: Mapping[str, Decision], first: int = FIRST) -> dict[str, int]:
    """How many more seeds each undecided comparison should get before the next look, by its name.

    At first enough to decide anything at all, then a third of what is there, since looks cost nothing but seeds train
    faster together; never more than would probably decide it. The closest to a decision come first.
    """
    waiting = {
        name: (each.n, MOST_SEEDS if each.more is None else each.more)
        for name, each in decisions.items()
        if each.outcome == "undecided"
    }
    order = sorted(waiting, key=lambda name: (waiting[name][1], name))
    return {
        name: first - n if n < first else min(more, max(2, n // 3)) for name in order for n, more in [waiting[name]]
    }


def sentence(mine: str, other: str, where: str, decision: Decision, margin: float) -> str:
    """A decision in words, without a full stop: ``mine is better than magnitude at 0.05 by 0.4 to 1.1 points …``."""
    seeds = f"after {quantity(decision.n, 'seed')}{_diverged(mine, other, decision.diverged)}"
    low, high = decision.low, decision.high
    match decision.outcome:
        case "better":
            return f"{mine} is better than {other}{where} by {low:.2g} to {high:.2g} points {seeds}"
        case "worse":
            return f"{mine} is worse than {other}{where} by {-high:.2g} to {-low:.2g} points {seeds}"
        case "equivalent":
            return f"{mine} and {other} are equivalent{where} within {quantity(margin, 'point')} {seeds}"
        case "undecided":
            mean = f"mean difference {decision.difference:+.2g} points, {low:+.2g} to {high:+.2g}"
            found = f" ({mean})" if math.isfinite(low) else ""
            more = f"more than {MOST_SEEDS:,} seeds" if decision.more is None else f"about {decision.more} more"
            return f"{mine} and {other} are undecided{where} {seeds}{found}; {more} would tell"


def _diverged(mine: str, other: str, runs: tuple[int, int]) -> str:
    found = [f"{quantity(n, 'run')} of {name}" for name, n in zip((mine, other), runs, strict=True) if n]
    return f", of which {' and '.join(found)} diverged" if found else ""
