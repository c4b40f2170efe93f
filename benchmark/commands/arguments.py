"""Arguments that several commands share, and the typed values that are made of them."""

import argparse
import math
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.running.options import AUTO, CHECKPOINT_SECONDS, Options
from benchmark.system.device import DEVICES
from benchmark.system.results_root import HERE, VARIABLE, results_root
from benchmark.verdicts.limits import MARGIN

if TYPE_CHECKING:
    from benchmark.experiments.experiment import Experiment
    from benchmark.experiments.part import Part
    from benchmark.experiments.results import ResultsFolder
    from benchmark.verdicts.study import HasResults, Study
    from benchmark.verdicts.values import Values

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}
"""Seconds."""
_LONGEST = 365 * 86400


def add_experiment(parser: argparse.ArgumentParser) -> None:
    """``EXPERIMENT``, the part of it that is asked for, and where its results are."""
    parser.add_argument("experiment", metavar="EXPERIMENT", help="its name, or the path of a YAML file")
    add_part(parser)


def add_part(parser: argparse.ArgumentParser) -> None:
    """The part of an experiment that is asked for, and where its results are."""
    group = parser.add_argument_group("which runs (all of the experiment, unless you choose)")
    group.add_argument("--criteria", metavar="LIST", help="criteria and baselines, as in 'magnitude,mest(lambda_=0.1)'")
    group.add_argument("--add", metavar="LIST", help="plugins beside all that is there, such as your own")
    group.add_argument("--growth", metavar="LIST", help="growth criteria, as in random,gradient")
    group.add_argument("--density", metavar="LIST", help="densities, as in 0.05,0.1")
    group.add_argument("--seeds", metavar="LIST", help="seeds, as in 1-5 or 1,2,7")
    group.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting, as in training.epochs=2"
    )
    add_results(group)


def add_results(parser: "argparse.ArgumentParser | argparse._ArgumentGroup") -> None:
    """The folder of results."""
    parser.add_argument(
        "--results",
        type=folder,
        default=str(results_root()),  # a text, which argparse gives to ``folder`` where it is asked for
        metavar="DIR",
        help=f"results folder (default: {VARIABLE}, else ./{HERE} if it holds results, else a folder of the user)",
    )


def tell_results(results: "ResultsFolder", *, aside: bool = False) -> None:
    """Say where results were read; ``aside`` on stderr, because stdout is for a program."""
    sys.stdout.flush()  # what cannot be written there is said alone
    print(results.where, file=sys.stderr if aside else sys.stdout)


def add_training(parser: argparse.ArgumentParser) -> None:
    """How missing runs are trained."""
    add_device(parser)
    add_data_dir(parser)
    parser.add_argument(
        "--engine",
        type=_engine,
        default=AUTO,
        metavar="NAME",
        help="what computes the trainings: dense, sparse, or auto for each run's own",
    )
    parser.add_argument("--fleet", type=_positive(int), metavar="N", help="train at most N networks together")
    parser.add_argument(
        "--processes",
        type=_positive(int),
        metavar="N",
        help="processes that share the work here (default: one for each core of a CPU where that pays, at most 8)",
    )
    parser.add_argument(
        "--checkpoint",
        type=_positive(float),
        default=CHECKPOINT_SECONDS,
        metavar="SECONDS",
        help="between two checkpoints of a fleet",
    )
    parser.add_argument("--fresh", action="store_true", help="train again what has a result already")
    parser.add_argument("--no-contract", action="store_true", help="train criteria that break the contract, marked so")


def add_dry_run(parser: argparse.ArgumentParser) -> None:
    """Asking what there is to train."""
    parser.add_argument(
        "--dry-run", action="store_true", help="say how many runs and about how long, and train nothing"
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """The device that trains."""
    parser.add_argument("--device", choices=DEVICES, default="auto", help="auto takes CUDA where there is a GPU")


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """The folder of data sets."""
    parser.add_argument(
        "--data-dir", type=folder, metavar="DIR", help="data folder (default: DST_BENCH_DATA or a cache folder)"
    )


def add_margin(parser: argparse.ArgumentParser, words: str) -> None:
    """How far apart two criteria may be and count as equal; ``words`` say what that means to the command."""
    parser.add_argument("--margin", type=_margin, default=MARGIN, metavar="POINTS", help=words)


def add_expected(parser: argparse.ArgumentParser) -> None:
    """The folder of expected values, and how strict the check is."""
    add_expected_folder(parser)
    parser.add_argument(
        "--strict",
        action="store_true",
        help="missing runs, inconclusive cells, changed claims, and having nothing to compare with give status 1",
    )


def add_expected_folder(parser: argparse.ArgumentParser) -> None:
    """The folder of expected values."""
    parser.add_argument(
        "--expected",
        type=_existing,
        metavar="DIR",
        help="folder of expected values (default: expected_results here, beside the YAML file, or of the release)",
    )


def add_out(parser: argparse.ArgumentParser) -> None:
    """The folder of reports."""
    parser.add_argument("--out", type=folder, default=Path("report"), metavar="DIR", help="folder for reports")


def add_json(parser: argparse.ArgumentParser) -> None:
    """JSON instead of text."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def part_of(args: argparse.Namespace) -> "Part":
    """The part of an experiment that the arguments ask for."""
    from benchmark.experiments.part import Part

    return Part(args.criteria, args.add, args.growth, args.density, args.seeds, tuple(args.set))


def experiment_of(args: argparse.Namespace) -> "Experiment":
    """The experiment that the arguments ask for, with the part and the settings that they ask for."""
    return part_of(args).select(args.experiment)


def results_of(args: argparse.Namespace, experiment: "Experiment") -> "ResultsFolder":
    """Where the results of an experiment are."""
    from benchmark.experiments.results import ResultsFolder

    return ResultsFolder(args.results, experiment.name)


def options_of(args: argparse.Namespace) -> Options:
    """How missing runs are trained."""
    return Options(
        device=args.device,
        data_dir=args.data_dir,
        engine=args.engine,
        most=args.fleet,
        processes=args.processes,
        checkpoint_seconds=args.checkpoint,
        wait=not getattr(args, "no_wait", False),
        fresh=args.fresh,
        contract_skipped=args.no_contract,
    )


def values_of(args: argparse.Namespace, experiment: "Experiment", named: str) -> "Values":
    """The expected values that the arguments ask for of an experiment, ``named`` as there; none if none are stored."""
    from benchmark.verdicts.expected import expected_file
    from benchmark.verdicts.values import Values
    from criteria.errors import InputError

    try:
        expected_file(experiment.name, args.expected, named)
    except InputError as error:
        return Values(lacking=str(error))
    return required_values(args, experiment, named)


def required_values(args: argparse.Namespace, experiment: "Experiment", named: str) -> "Values":
    """The same; raises :class:`InputError` where none are stored."""
    from benchmark.verdicts.expected import expected_file
    from benchmark.verdicts.values import read_values

    return read_values(expected_file(experiment.name, args.expected, named), experiment, part_of(args))


def tell_doubts(values: "Values") -> None:
    """Say on stderr what speaks against expected values, where nothing that is printed says it."""
    for line in values.doubts:
        warn(line)


def warn(line: str) -> None:
    """Say on stderr what a user should know before trusting what comes out."""
    from criteria.errors import printable

    print(f"warning: {printable(line)}", file=sys.stderr)


def study_of(
    args: argparse.Namespace,
    experiment: "Experiment",
    values: "Values | None" = None,
    place: "HasResults | None" = None,
) -> "Study":
    """The stored results of an experiment, with expected ``values``; from the results folder, or another ``place``."""
    from benchmark.verdicts.study import load_study
    from benchmark.verdicts.values import Values

    found = values or Values()
    place = place or results_of(args, experiment)
    return load_study(experiment, place, found.expected, stored=found.stored, changed=args.set, doubts=found.doubts)


def folder(text: str) -> Path:
    """A folder, which need not be there yet, as a user writes it."""
    if not text.strip():  # pathlib takes an empty text, such as a shell's variable that is not set, for this folder
        raise argparse.ArgumentTypeError(f"expected a folder, found {text!r}; write . for the one that you are in")
    path = path_of(text)
    if os.path.exists(path) and not os.path.isdir(path):  # which say no where one may not even ask
        raise argparse.ArgumentTypeError(f"{path}: expected a folder, found a file")
    return path


def _existing(text: str) -> Path:
    path = folder(text)
    if not os.path.isdir(path):
        raise argparse.ArgumentTypeError(f"{path}: there is no such folder")
    return path


def path_of(text: str) -> Path:
    """A path as a user writes it: ``~`` is the user's own, also in ``--results=~/x``, which a shell leaves alone."""
    from benchmark.system.user import expanded
    from criteria.errors import InputError

    try:
        return expanded(text)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _engine(text: str) -> str:
    """The name of an engine. Engines are imported to know their names, so not for the one that is there always."""
    if text in (AUTO, "dense"):
        return text
    from benchmark.training.engines import engine_named
    from criteria.errors import InputError

    try:
        return engine_named(text).name
    except InputError as error:
        raise argparse.ArgumentTypeError(f"{error}, or auto") from None


def duration_of(text: str) -> float:
    """Seconds of a time as a user writes it: ``90s``, ``10m`` or ``2h``, or a number alone, which is of seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip())
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not 0 < seconds <= _LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is no time of at most a year; write it as 90s, 10m or 2h")
    return seconds


def _margin(text: str) -> float:
    try:
        return _positive(float)(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{text}: the margin must be above 0 points, and a finite number") from None


def _positive(kind: type[int] | type[float]) -> Callable[[str], float]:
    """A finite number above 0, or a whole one."""

    def number(text: str) -> float:
        with suppress(ValueError):
            if 0 < (value := kind(text)) < math.inf:
                return value
        wanted = "a whole number" if kind is int else "a finite number"
        raise argparse.ArgumentTypeError(f"expected {wanted} above 0, found {text or 'nothing'}")

    return number
