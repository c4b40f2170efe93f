"""``dst-bench accept``: the only command that writes expected values."""

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchmark.commands.arguments import add_experiment, experiment_of, folder, part_of, results_of, study_of, warn

if TYPE_CHECKING:
    from benchmark.experiments.experiment import Experiment
    from benchmark.verdicts.study import Study

SUMMARY = "store the present results as measured expected values"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which results, and where to."""
    add_experiment(parser)
    parser.add_argument(
        "--expected", type=folder, metavar="DIR", help="folder to write into (default: expected_results here)"
    )
    parser.add_argument(
        "--uneven",
        action="store_true",
        help="store every cell with the seeds that it has, also where their number differs",
    )
    parser.add_argument("--diverged", action="store_true", help="store also what diverged, and say so in its note")


def main(args: argparse.Namespace) -> int:
    """Store the results of an experiment as its ``measured`` expected values."""
    experiment = experiment_of(args)
    _require_as_written(args, experiment)
    study = study_of(args, experiment)
    from benchmark.experiments.runs import expand
    from benchmark.system.quantity import quantity
    from benchmark.verdicts.accepting import accept_study, require_every_cell, require_every_seed
    from benchmark.verdicts.expected import HERE
    from criteria.errors import InputError

    total, path = len(expand(experiment)), (args.expected or HERE) / f"{experiment.name}.yaml"
    if args.uneven:
        require_every_cell(study)
    elif len(study.results) < total:
        lacking = f"{total - len(study.results)} of {quantity(total, 'run')}"
        raise InputError(
            f"{lacking} of {experiment.name} have no result in {args.results}; "
            "run the experiment first, select the part that is there, or say --uneven if cells may lack some seeds"
        )
    require_every_seed(study, path)
    asked = _arguments_of_run(args, study)
    accept_study(study, path, datetime.now(UTC).date(), asked, diverged=args.diverged, say=warn)
    where = results_of(args, experiment).where
    stored = f"stored {quantity(len(study.results), 'result')} of {quantity(len(study.samples), 'cell')} ({where})"
    seeds = f", {study.uneven}" if study.uneven else ""
    print(f"{path}: {stored}{seeds}; review the change and commit it")
    return 0


def _arguments_of_run(args: argparse.Namespace, study: "Study") -> list[str]:
    """What `dst-bench run` has to be given to make the results again: the experiment, its part, and how it trained."""
    from benchmark.running.computed_by import engine_to_ask_for

    engine = engine_to_ask_for(study.results)
    contract = ["--no-contract"] if study.unproven else []
    return [args.experiment, *part_of(args).options, *(["--engine", engine] if engine else []), *contract]


def _require_as_written(args: argparse.Namespace, experiment: "Experiment") -> None:
    """Raise :class:`InputError` for results that are not of the experiment whose expected values they would become."""
    from benchmark.experiments.experiment import experiment_files, load_experiment
    from benchmark.experiments.runs import cells
    from criteria.errors import InputError

    how = "write it into a YAML file of its own, with a name of its own, and accept that"
    if args.set:
        raise InputError(f"--set {args.set[0]}: a variation is not the experiment {experiment.name}; {how}")
    whole = load_experiment(args.experiment)
    if whole.name in experiment_files() and whole != load_experiment(whole.name):
        raise InputError(f"{args.experiment}: an installed experiment that differs has the name {whole.name}; {how}")
    known = set(cells(whole))
    if others := [cell for cell in cells(experiment) if cell not in known]:
        more = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
        raise InputError(f"{others[0]}{more} is no cell of {experiment.name}; {how}")
