"""``dst-bench reproduce``: run, check and report experiments, one after another."""

import argparse
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
from benchmark.commands.ci_output import add_ci, tell_ci
from benchmark.commands.report import asked_of

if TYPE_CHECKING:
    from benchmark.verdicts.study import Study
    from benchmark.verdicts.verdict import CheckOutcome

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
    experiments = [part_of(args).select(name) for name in args.experiments]
    from benchmark.running.missing import train_missing
    from benchmark.verdicts.study import Study
    from benchmark.verdicts.verdict import CheckOutcome

    status, checks = 0, list[CheckOutcome]()
    for name, experiment in zip(args.experiments, experiments, strict=True):
        results = train_missing(experiment, results_of(args, experiment), options_of(args))
        values = values_of(args, experiment)
        changed, doubts = tuple(args.set), values.doubts
        study = Study(experiment, results, values.expected, values.stored, changed=changed, doubts=doubts)
        status = max(status, _conclude(study, name, args, checks))
    return status


def _conclude(study: "Study", asked: str, args: argparse.Namespace, checks: "list[CheckOutcome]") -> int:
    """Print what came out, write the report, and return the exit status of the check, which is added to ``checks``.

    ``asked`` is the experiment as the arguments have it.
    """
    from benchmark.report.findings import Findings
    from benchmark.report.tables import results_table
    from benchmark.report.writing import write_report
    from benchmark.verdicts.claims import render_claims
    from benchmark.verdicts.rendering import render

    name, findings = study.experiment.name, Findings(study, asked=asked_of(args, asked))
    print(results_table(study))
    if findings.check is None:
        print(render_claims(findings.claims))
        print(f"no expected values of {name} are stored, so nothing was checked\n")
    else:
        checks.append(findings.check)
        print(render(findings.check))
    tell_ci(args, checks)
    print(f"wrote {write_report(args.out / name, findings)}")
    return int(args.strict) if findings.check is None else findings.check.exit_status(strict=args.strict)
