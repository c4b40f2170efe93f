"""``dst-bench rank``: where each criterion stands, from stored results or the expected values."""

import argparse
import shlex
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmark.commands.arguments import (
    add_expected_folder,
    add_json,
    add_margin,
    add_part,
    part_of,
    path_of,
    results_of,
    study_of,
    tell_doubts,
    values_of,
)
from benchmark.commands.table import print_table
from benchmark.system.quantity import quantity
from benchmark.system.results_root import results_root
from criteria.errors import InputError

if TYPE_CHECKING:
    from benchmark.experiments.cells import Cell
    from benchmark.experiments.experiment import Experiment
    from benchmark.experiments.part import Part
    from benchmark.verdicts.standing import Standing, StandingRow
    from benchmark.verdicts.study import Study

SUMMARY = "say where each criterion stands, and how sure that is"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which experiments, and what the criteria are compared with."""
    parser.add_argument("experiments", nargs="+", metavar="EXPERIMENT", help="names, or paths of YAML files")
    add_part(parser)
    parser.add_argument("--reference", default="magnitude", metavar="NAME", help="what the others are compared with")
    add_margin(parser, "differences that count as equivalent")
    add_expected_folder(parser)
    parser.add_argument(
        "--leaderboard",
        type=path_of,
        metavar="FILE",
        help="write every method of each experiment, with its costs, into a Markdown file, and a figure beside it",
    )
    add_json(parser)


def main(args: argparse.Namespace) -> int:
    """Print the standing: of one experiment by setting, of several over all of them."""
    from benchmark.verdicts.json_output import document, plain
    from benchmark.verdicts.standing import standing, standing_over

    experiments = part_of(args).select_all(args.experiments)
    if args.leaderboard is not None:
        return _write_leaderboards(args, experiments)
    studies = [_study(asked, experiment, args) for asked, experiment in experiments]
    named = {study.experiment.name: study for study in studies}
    if len(named) == 1:
        ((name, study),) = named.items()
        source = _source(study, args)
        found = standing(
            study.known,
            reference=args.reference,
            margin=args.margin,
            noted=study.noted,
            experiment=name,
            chance=study.chance,
        )
    else:
        source = "; ".join(f"{name}: {_source(study, args)}" for name, study in named.items())
        found = standing_over(
            {name: study.known for name, study in named.items()},
            reference=args.reference,
            margin=args.margin,
            noted={name: study.noted for name, study in named.items()},
        )
    if args.json:
        print(document({"source": source, **plain(found)}))
    else:
        _print(found, source)
        for line in _left_out(found, args):
            print(line)
    return 0


def _write_leaderboards(args: argparse.Namespace, experiments: "Iterable[tuple[str, Experiment]]") -> int:
    """Put each experiment's leaderboard into its place in the file; from results, and stored ones of other runs."""
    from benchmark.report.leaderboard_file import write_leaderboard

    if args.json:
        raise InputError("--leaderboard writes a file and prints no JSON; leave --json out")
    if args.leaderboard.suffix != ".md":
        raise InputError(f"--leaderboard {args.leaderboard}: it writes Markdown; name a file that ends in .md")
    for name, experiment in experiments:
        tell_doubts(values_of(args, experiment, name))
        study, source = _with_stored(study_of(args, experiment), args, name)
        _refuse_lacking(args, study, study.by_cell, name)
        for written in write_leaderboard(args.leaderboard, study):
            print(f"wrote {written} ({source})")
    return 0


def _with_stored(study: "Study", args: argparse.Namespace, named: str) -> tuple["Study", str]:
    """A study with the stored results of runs that it lacks, and where all are from, in words.

    Raises :class:`InputError` where there are neither.
    """
    from benchmark.experiments.archive import read_archive
    from benchmark.verdicts.expected import stored_archive
    from benchmark.verdicts.study import filled

    where = results_of(args, study.experiment).where
    try:
        path = stored_archive(study.experiment.name, args.expected, named)
    except InputError as error:
        if study.results:
            return study, where
        raise InputError(f"{study.experiment.name}: there are no {where} and no stored ones; run it first") from error
    both = filled(study, study_of(args, study.experiment, place=read_archive(path)).results)
    sources = [where] if study.results else []
    if added := len(both.results) - len(study.results):
        sources.append(f"stored results of {quantity(added, 'run')} in {path}")
    return both, "; ".join(sources)


def _study(name: str, experiment: "Experiment", args: argparse.Namespace) -> "Study":
    """An experiment with what is known of it; raises :class:`InputError` where nothing is."""
    values = values_of(args, experiment, name)
    tell_doubts(values)
    study = study_of(args, experiment, values)
    place = results_of(args, experiment).path
    if not study.known:
        raise InputError(
            f"{experiment.name}: there are no results in {place} and no expected values of what is asked for; "
            "run it first"
        )
    _refuse_lacking(args, study, study.known, name)
    return study


def _refuse_lacking(args: argparse.Namespace, study: "Study", found: Iterable["Cell"], named: str) -> None:
    """Raise :class:`InputError` where criteria or baselines are asked for by name that are in none of these cells."""
    experiment, known = study.experiment, {cell.criterion for cell in found}
    asked = () if args.criteria is None and args.add is None else (*experiment.axes.criteria, *experiment.baselines)
    if lacking := [criterion for criterion in map(str, asked) if criterion not in known]:
        part = replace(part_of(args), criteria=",".join(lacking), add=None)
        if (growths := experiment.axes.growths) != part.select(named).axes.growths:  # some were added
            part = replace(part, growth=",".join(map(str, growths)))
        raise InputError(
            f"{experiment.name}: there are no results in {results_of(args, experiment).path} of {', '.join(lacking)} "
            f"with its present code; `{_run(args, named, part)}` trains what is missing"
        )


def _run(args: argparse.Namespace, named: str, part: "Part") -> str:
    """The command that trains a part of an experiment into the folder of these results, as a shell reads it."""
    elsewhere = [] if args.results == results_root() else ["--results", str(args.results)]
    return shlex.join(["dst-bench", "run", named, *part.options, *elsewhere])


def _source(study: "Study", args: argparse.Namespace) -> str:
    """Where the numbers are from, in words."""
    added = sum(map(len, study.known.values())) - sum(map(len, study.samples.values()))
    if not study.results:
        return "expected values"
    where = results_of(args, study.experiment).where
    return where + (f", expected values of {added} other runs" if added else "")


HEADERS = ("criterion", "mean", "difference", "95% interval", "improves", "equal", "rank", "best", "seeds", "remarks")


def _print(found: "Standing", source: str) -> None:
    kind = "experiment" if len(found.experiments) > 1 else "seed"
    if kind == "seed":
        interval = "is of this setting, but for the spread, of which the other\nsettings tell too"
        drawn = "settings together, so that a lead that one setting has by luck counts for less"
    else:
        interval = "speaks of experiments like these, of which each counts once,\nhowever many runs it has"
        drawn = "criteria of a table together, so that a lead that one has by luck counts for less"
    print(
        f"{' and '.join(found.experiments)} ({source})\n"
        f"difference to {found.reference} in points, paired;\n"
        f"its 95% interval {interval};\n"
        f"improves, equal (within {quantity(found.margin, 'point')}) and best: probabilities, drawn from all\n"
        f"{drawn};\n"
        "rank: of the mean, with its 95% interval;\n"
        f"seeds: {kind}s with which the interval would probably decide\n"
    )
    settings: dict[str, list[StandingRow]] = {}
    for row in found.rows:
        settings.setdefault(f"{row.setting.words} ({quantity(row.n, kind)})", []).append(row)
    for title, rows in settings.items():
        print_table(([*_cells(row)] for row in rows), HEADERS, right=range(1, 9), title=title[0].upper() + title[1:])
        print()


def _left_out(found: "Standing", args: argparse.Namespace) -> Iterable[str]:
    """What is not ranked, why, and what to do: a line for each growth with which nothing could be compared.

    Over several experiments it is one line, of the criteria that one of these lacks.
    """
    densities: dict[tuple[str | None, str, str, str], list[str]] = {}
    for each in found.unranked:
        further = "".join(f", {name}={value}" for name, value in each.extra)
        place = (each.growth, further, " and ".join(each.criteria), each.reason)
        densities.setdefault(place, []).append(f"{each.density:g}")
    for (growth, further, criteria, reason), at in densities.items():
        part = replace(part_of(args), criteria=None, add=None, growth=growth)
        command = _run(args, args.experiments[0], part)
        yield (
            f"not ranked: {criteria} with growth {growth} at density {', '.join(at)}{further}, since {reason};\n"
            f"`{command}` trains all criteria with it, and --leaderboard FILE ranks every\n"
            "method, a criterion with its growth, among all others"
        )
    if found.left_out:
        yield f"not ranked: {', '.join(found.left_out)}, since not every experiment has them in all of its settings"


def _cells(row: "StandingRow") -> Iterable[str]:
    from benchmark.verdicts.newcomers import probability_words

    yield row.criterion
    yield f"{row.mean:.2f}"
    yield "" if row.difference is None else f"{row.difference:+.2f}"
    yield "" if row.low is None or row.high is None else f"{row.low:+.2f} to {row.high:+.2f}"
    yield probability_words(row.p_improves)
    yield probability_words(row.p_equivalent)
    yield f"{row.rank:g}" + ("" if row.rank_low is None else f" ({row.rank_low}-{row.rank_high})")
    yield probability_words(row.p_best)
    yield "" if row.seeds_needed is None else str(row.seeds_needed)
    yield "; ".join(row.flags)
