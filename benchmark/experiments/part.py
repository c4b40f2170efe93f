"""Which part of an experiment a command is about, from the options that all commands share."""

import argparse
import re
from collections.abc import Callable
from typing import Any

from benchmark.experiments.experiment import Experiment, load_experiment
from benchmark.experiments.runs import cells
from benchmark.verdicts.expected import Expected
from criteria.errors import InputError
from criteria.plugins import names, parse, resolve


def selected_experiment(name: str, args: argparse.Namespace) -> Experiment:
    """The experiment with the axes and settings asked for; raises :class:`InputError` for what it cannot be."""
    axes: dict[str, Any] = {}
    baselines = None
    if args.criteria is not None:
        specs = _split(args.criteria, "--criteria")
        known = names("baseline")
        baselines = [spec for spec in specs if parse(spec).name in known]
        axes["criteria"] = [str(resolve(spec, "criterion")) for spec in specs if spec not in baselines]
    if args.growth is not None:
        axes["growths"] = [str(resolve(spec, "growth")) for spec in _split(args.growth, "--growth")]
    if args.density is not None:
        axes["densities"] = [_density(text) for text in _split(args.density, "--density")]
    if args.seeds is not None:
        axes["seeds"] = [seed for text in _split(args.seeds, "--seeds") for seed in _seeds(text)]
    return load_experiment(name, args.set, axes, baselines)


def narrowed(expected: Expected, experiment: Experiment, args: argparse.Namespace) -> Expected:
    """The expected values of the cells that were asked for; all of them where nothing was narrowed down.

    Stored verdicts on claims are of the whole experiment, and say nothing of a part or a variation of it.

    Without options a cell that is stored but no longer in the experiment stays, and shows as missing.
    """
    if args.criteria is None and args.growth is None and args.density is None and not args.set:
        return expected
    wanted = set(cells(experiment))
    kept = tuple(stored for stored in expected.cells if stored.cell in wanted)
    return expected.model_copy(update={"cells": kept, "claims": {}})


def _split(text: str, option: str) -> list[str]:
    """Split at commas outside parentheses."""
    parts = [part.strip() for part in re.split(r",(?![^(]*\))", text)]
    if not all(parts):
        raise InputError(f"{option} {text!r}: expected names or numbers separated by single commas")
    return parts


def _density(text: str) -> float:
    density: float = _number(text, float, "--density", "a number, such as 0.05")
    if not 0 < density <= 1:
        raise InputError(f"--density {text}: a density is the fraction of weights kept, above 0 and at most 1")
    return density


def _seeds(text: str) -> list[int]:
    first, dash, last = text.partition("-")
    wanted = "a seed or a range, such as 3 or 1-5"
    low = _number(first, int, "--seeds", wanted)
    high = _number(last, int, "--seeds", wanted) if dash else low
    if not low <= high <= low + 10_000:
        raise InputError(f"--seeds {text}: expected {wanted}")
    return list(range(low, high + 1))


def _number(text: str, kind: Callable[[str], Any], option: str, wanted: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise InputError(f"{option} {text!r}: expected {wanted}") from None
