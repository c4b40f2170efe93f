"""The answers, from test accuracies: means and their differences, variances and what each draw has of them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from tabulate import tabulate

from examples.spread.starts import DRAWS, RULES, Start, Task

LEVEL = 0.95
AUTHORS = {"static": (84.5, 80.6, 83.7, 84.4, 83.4), "magnitude": (84.1, 84.1, 84.5, 84.8, 83.9)}
"""Test accuracies of five trainings with the authors' released code, by its coin flips."""
NAMES = {"mask": "initial mask", "weights": "initial weights", "batches": "order of batches", "growth": "random growth"}
Array = NDArray[np.float64]


def tables(results: Mapping[Task, float], seeds: int, pairs: int) -> str:
    """All tables, as Markdown; every result that they need must be there."""

    def values(rule: str, draw: str, changed: str | None = None, count: int = seeds) -> Array:
        starts = [Start.of(seed) for seed in range(1, count + 1)]
        return np.array([results[Task(rule, draw, start.anew(changed) if changed else start)] for start in starts])

    return "\n\n".join((_masks(values), _parts(values, pairs), _pairing(values)))


def _masks(values: Callable[..., Array]) -> str:
    rows = []
    for rule in RULES:
        exact, flipped, authors = values(rule, "exact"), values(rule, "coin flips"), np.array(AUTHORS[rule])
        difference = stats.ttest_rel(flipped, exact)
        rows.append(
            (
                rule,
                *(_mean(each) for each in (exact, flipped, authors)),
                _interval(difference),
                *(_interval(stats.ttest_ind(authors, each, equal_var=False)) for each in (exact, flipped)),
            )
        )
    headers = ("", "exact counts", "coin flips", "authors' code", "coin flips − exact", "authors − exact")
    return tabulate(rows, (*headers, "authors − coin flips"), tablefmt="github")


def _parts(values: Callable[..., Array], pairs: int) -> str:
    rows = []
    for rule in RULES:
        everything = values(rule, "exact")
        degrees = len(everything) - 1
        rows.append((rule, "everything", *_deviation(everything.var(ddof=1), degrees), ""))
        for draw in DRAWS[rule]:
            changes = values(rule, "exact", draw, pairs) - everything[:pairs]
            variance = float((changes**2).mean()) / 2
            share = f"{variance / everything.var(ddof=1):.0%}"
            rows.append((rule, NAMES[draw], *_deviation(variance, pairs), share))
    return tabulate(rows, ("", "drawn anew", "standard deviation", "95% interval", "share"), tablefmt="github")


def _pairing(values: Callable[..., Array]) -> str:
    static, moved = values("static", "exact"), values("magnitude", "exact")
    paired, alone = (moved - static).var(ddof=1), moved.var(ddof=1) + static.var(ddof=1)
    found = stats.pearsonr(moved, static)
    low, high = found.confidence_interval(LEVEL)
    return (
        f"Magnitude − static: {_interval(stats.ttest_rel(moved, static))} points, paired by seed. Over seeds the two "
        f"correlate by {found.statistic:.2f} ({low:.2f} to {high:.2f}); their difference has a standard deviation of "
        f"{paired**0.5:.2f} where both have the same seed, and {alone**0.5:.2f} where they have not."
    )


def _mean(values: Array) -> str:
    half = stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    return f"{values.mean():.2f} ± {half:.2f} (n = {len(values)})"


def _interval(test: Any) -> str:
    """The difference of a t test in the middle of its interval."""
    low, high = test.confidence_interval(LEVEL)
    return f"{(low + high) / 2:+.2f} ± {(high - low) / 2:.2f}"


def _deviation(variance: float, degrees: int) -> tuple[str, str]:
    """The standard deviation and its interval, for values that are normally distributed."""
    low, high = (degrees * variance / stats.chi2.ppf((1 + sign * LEVEL) / 2, degrees) for sign in (1, -1))
    return f"{variance**0.5:.2f}", f"{low**0.5:.2f} to {high**0.5:.2f}"
