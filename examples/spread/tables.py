"""The answers, from test accuracies: means and their differences, variances and what each draw has of them."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from tabulate import tabulate

from examples.spread.starts import DRAWS, RULES, Start, Task

LEVEL = 0.95
LEAST = 2
"""Trainings that a row needs."""
AUTHORS = {"static": (84.5, 80.6, 83.7, 84.4, 83.4), "magnitude": (84.1, 84.1, 84.5, 84.8, 83.9)}
"""Test accuracies of five trainings with the authors' released code, by its coin flips."""
NAMES = {"mask": "initial mask", "weights": "initial weights", "batches": "order of batches", "growth": "random growth"}
Array = NDArray[np.float64]
BySeed = Mapping[int, float]


def tables(results: Mapping[Task, float]) -> str:
    """All tables, as Markdown, of what has been trained so far."""
    return "\n\n".join(part for part in (_masks(results), _parts(results), _pairing(results)) if part)


def _masks(results: Mapping[Task, float]) -> str:
    rows = []
    for rule in RULES:
        exact, flipped = _by_seed(results, rule, "exact"), _by_seed(results, rule, "coin flips")
        if len(exact.keys() & flipped.keys()) < LEAST:
            continue
        authors, known = np.array(AUTHORS[rule]), [np.array([*each.values()]) for each in (exact, flipped)]
        rows.append(
            (
                rule,
                *(_mean(each) for each in (*known, authors)),
                _interval(stats.ttest_rel(*_together(flipped, exact))),
                *(_interval(stats.ttest_ind(authors, each, equal_var=False)) for each in known),
            )
        )
    headers = ("", "exact counts", "coin flips", "authors' code", "coin flips − exact", "authors − exact")
    return tabulate(rows, (*headers, "authors − coin flips"), tablefmt="github") if rows else ""


def _parts(results: Mapping[Task, float]) -> str:
    rows = [row for rule in RULES for row in _parts_of(results, rule)]
    headers = ("", "drawn anew", "standard deviation", "95% interval", "share", "trainings or pairs")
    return tabulate(rows, headers, tablefmt="github") if rows else ""


def _parts_of(results: Mapping[Task, float], rule: str) -> Iterator[tuple[Any, ...]]:
    everything = _by_seed(results, rule, "exact")
    if len(everything) < LEAST:
        return
    whole = float(np.var([*everything.values()], ddof=1))
    yield rule, "everything", *_deviation(whole, len(everything) - 1), "", len(everything)
    for draw in DRAWS[rule]:
        one, other = _together(_by_seed(results, rule, "exact", draw), everything)
        if one.size >= LEAST:  # half the mean square of what changes (Jansen, 1999)
            variance = float(((one - other) ** 2).mean()) / 2
            yield rule, NAMES[draw], *_deviation(variance, one.size), f"{variance / whole:.0%}", one.size


def _pairing(results: Mapping[Task, float]) -> str:
    moved, static = _together(*(_by_seed(results, rule, "exact") for rule in ("magnitude", "static")))
    if moved.size < 4:  # no interval of a correlation is known of fewer
        return ""
    paired, alone = (moved - static).var(ddof=1), moved.var(ddof=1) + static.var(ddof=1)
    found = stats.pearsonr(moved, static)
    low, high = found.confidence_interval(LEVEL)
    return (
        f"Magnitude − static: {_interval(stats.ttest_rel(moved, static))} points, paired by seed. Over {moved.size} "
        f"seeds the two correlate by {found.statistic:.2f} ({low:.2f} to {high:.2f}); their difference has a standard "
        f"deviation of {paired**0.5:.2f} where both have the same seed, and {alone**0.5:.2f} where they have not."
    )


def _by_seed(results: Mapping[Task, float], rule: str, draw: str, anew: str | None = None) -> dict[int, float]:
    """Accuracies by the seed of all draws, or of all but the one that is made anew."""
    starts = {seed: Start.of(seed) for seed in sorted({task.start.mask for task in results})}
    tasks = {seed: Task(rule, draw, start.anew(anew) if anew else start) for seed, start in starts.items()}
    return {seed: results[task] for seed, task in tasks.items() if task in results}


def _together(first: BySeed, second: BySeed) -> tuple[Array, Array]:
    """Both at the seeds that both have."""
    seeds = sorted(first.keys() & second.keys())
    return np.array([first[seed] for seed in seeds]), np.array([second[seed] for seed in seeds])


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
