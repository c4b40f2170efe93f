"""``dst-bench rank``: where each criterion stands, from stored results or the expected values."""

import argparse
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.commands.arguments import add_json, folder
from benchmark.commands.table import print_table
from criteria.errors import InputError

if TYPE_CHECKING:
    from benchmark.experiments.cells import Cell
    from benchmark.verdicts.samples import Samples
    from benchmark.verdicts.standing import Row, Standing

SUMMARY = "say where each criterion stands, and how sure that is"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which experiments, and what the criteria are compared with."""
    parser.add_argument("experiments", nargs="+", metavar="EXPERIMENT", help="names, or paths of YAML files")
    parser.add_argument("--reference", default="magnitude", metavar="NAME", help="what the others are compared with")
    parser.add_argument(
        "--margin", type=float, default=0.3, metavar="POINTS", help="differences that count as equivalent"
    )
    parser.add_argument("--results", type=folder, default=Path("results"), metavar="DIR", help="results folder")
    parser.add_argument("--expected", type=folder, metavar="DIR", help="folder of expected values")
    add_json(parser)


def main(args: argparse.Namespace) -> int:
    """Print the standing: of one experiment by setting, of several over all of them."""
    from benchmark.verdicts.standing import standing, standing_over

    if args.margin <= 0:
        raise InputError(f"--margin {args.margin:g}: the margin must be above 0 points")
    known = {name: _samples(name, args) for name in args.experiments}
    if len(known) == 1:
        ((name, (samples, diverged, source)),) = known.items()
        found = standing(samples, reference=args.reference, margin=args.margin, diverged=diverged, experiment=name)
    else:
        source = "; ".join(f"{name}: {each[2]}" for name, each in known.items())
        found = standing_over(
            {name: each[0] for name, each in known.items()}, reference=args.reference, margin=args.margin
        )
    if args.json:
        print(json.dumps({"source": source, **asdict(found)}, indent=2, allow_nan=False))
    else:
        _print(found, source)
    return 0


def _samples(name: str, args: argparse.Namespace) -> "tuple[Samples, list[tuple[Cell, int]], str]":
    """What is known of an experiment: its results, and expected values for cells without any; and where it is from."""
    from benchmark.experiments.part import Part
    from benchmark.experiments.results import ResultsFolder
    from benchmark.verdicts.expected import MEASURED, expected_file, read_expected
    from benchmark.verdicts.study import load_study

    experiment = Part().select(name)
    results = ResultsFolder(args.results, experiment.name)
    study = load_study(experiment, results)
    samples = {cell: dict(values) for cell, values in study.samples.items() if values}
    try:
        stored = read_expected(expected_file(experiment.name, args.expected))
    except InputError:
        if not samples:
            raise InputError(
                f"{experiment.name}: there are no results in {results.path} and no expected values; run it first"
            ) from None
        return samples, list(study.diverged), f"results in {results.path}"
    added = {
        each.cell: dict(each.estimates[MEASURED].values)
        for each in stored.cells
        if each.cell not in samples and MEASURED in each.estimates and each.estimates[MEASURED].values
    }
    if not samples:
        return added, [], "expected values"
    source = f"results in {results.path}" + (f", expected values for {len(added)} other cells" if added else "")
    return {**samples, **added}, list(study.diverged), source


HEADERS = ("criterion", "mean", "difference", "95% interval", "improves", "equal", "rank", "best", "seeds", "remarks")


def _print(found: "Standing", source: str) -> None:
    kind = "experiments" if len(found.experiments) > 1 else "seeds"
    print(
        f"{' and '.join(found.experiments)} ({source})\n"
        f"difference to {found.reference} in points, paired; improves and best: probabilities; equal: within "
        f"{found.margin:g} points;\nrank: of the mean, with its 95% interval; "
        f"seeds: {kind} with which the interval would probably decide\n"
    )
    settings: dict[str, list[Row]] = {}
    for row in found.rows:
        density = "all densities" if row.density is None else f"density {row.density:g}"
        growth = "both growths" if row.growth is None else f"{row.growth} growth"
        extra = "".join(f", {name}={value}" for name, value in row.extra)
        settings.setdefault(f"{growth}, {density}{extra} ({row.n} {kind})", []).append(row)
    for title, rows in settings.items():
        print_table(([*_cells(row)] for row in rows), HEADERS, right=range(1, 9), title=title)
        print()


def _cells(row: "Row") -> Iterable[str]:
    yield row.criterion
    yield f"{row.mean:.2f}"
    yield "" if row.difference is None else f"{row.difference:+.2f}"
    yield "" if row.low is None or row.high is None else f"{row.low:+.2f} to {row.high:+.2f}"
    yield _share(row.p_improves)
    yield _share(row.p_equivalent)
    yield f"{row.rank:g}" + ("" if row.rank_low is None else f" ({row.rank_low}-{row.rank_high})")
    yield _share(row.p_best)
    yield "" if row.seeds_needed is None else str(row.seeds_needed)
    yield "; ".join(row.flags)


def _share(p: float | None) -> str:
    if p is None:
        return ""
    return ">.99" if p > 0.99 else "<.01" if p < 0.01 else f"{p:.2f}".removeprefix("0")
