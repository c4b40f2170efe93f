"""``dst-bench reproduce``: run, check and report experiments, one after another."""

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmark.commands.arguments import (
    add_expected,
    add_out,
    add_part,
    add_training,
    options_of,
    part_of,
    results_of,
    values_of,
)
from benchmark.commands.ci_output import add_ci, tell_ci, telling_ci
from benchmark.commands.report import asked_of

if TYPE_CHECKING:
    from benchmark.commands.ci_output import Told
    from benchmark.verdicts.study import Study

SUMMARY = "run, check and report experiments, contract first"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which experiments, how their runs are trained, and what comes of them."""
    parser.add_argument("experiments", nargs="+", metavar="EXPERIMENT", help="their names, or paths of YAML files")
    add_part(parser)
    add_training(parser)
    add_expected(parser)
    add_out(parser)
    add_ci(parser)


def main(args: argparse.Namespace) -> int:
    """Do it all; status 1 where a result of any experiment deviates, or nothing could be checked and that is strict.

    Each stored result is read once.
    """
    with telling_ci(args) as told:
        return _reproduce(args, told)


def _reproduce(args: argparse.Namespace, told: "list[Told]") -> int:
    experiments = part_of(args).select_all(args.experiments)
    from benchmark.running.missing import train_missing
    from benchmark.system.files import require_room
    from benchmark.verdicts.study import Study

    for _, experiment in experiments:  # what cannot be written is said now, and not when hours have been trained
        require_room(args.out / experiment.name)
    status = 0
    for name, experiment in experiments:
        # what a change of the code does late in a training is what this command is to find
        options = replace(options_of(args), adopting=False)
        results = train_missing(experiment, results_of(args, experiment), options)
        values = values_of(args, experiment, name)
        changed, doubts = tuple(args.set), values.doubts
        study = Study(experiment, results, values.expected, values.stored, changed=changed, doubts=doubts)
        status = max(status, _conclude(study, name, args, told, values.lacking))
    return status


def _conclude(study: "Study", asked: str, args: argparse.Namespace, told: "list[Told]", lacking: str) -> int:
    """Print what came out, write the report, and return the exit status of the check, which is added to what is told.

    ``asked`` is the experiment as the arguments have it; ``lacking`` says why there is nothing to compare with, if so.
    """
    from benchmark.report.findings import Findings
    from benchmark.report.tables import results_table
    from benchmark.report.writing import write_report
    from benchmark.verdicts.ci_notes import unchecked
    from benchmark.verdicts.claims import render_claims
    from benchmark.verdicts.rendering import render

    name, findings = study.experiment.name, Findings(study, asked=asked_of(args, asked))
    print(results_table(study))
    if findings.check is None:
        note = unchecked(name, lacking)
        told.append(note)
        print(f"{render_claims(findings.claims)}\n{note.text}\n")
    else:
        told.append(findings.check)
        print(render(findings.check))
    tell_ci(args, told)
    print(f"wrote {write_report(args.out / name, findings)}")
    return int(args.strict) if findings.check is None else findings.check.exit_status(strict=args.strict)
