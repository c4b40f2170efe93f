"""``dst-bench reproduce``: run, check and report experiments, one after another."""

import argparse

from benchmark.commands.check import compare
from benchmark.commands.report import has_expected, write_report
from benchmark.commands.run import train
from benchmark.experiments.part import selected_experiment
from benchmark.experiments.results import samples, stored_results
from benchmark.experiments.runs import expand
from benchmark.report.tables import results_table
from benchmark.verdicts.check import render
from benchmark.verdicts.claims import claims, render_claims


def main(args: argparse.Namespace) -> int:
    """Do it all; status 1 where a result of any experiment deviates."""
    experiments = [selected_experiment(name, args) for name in args.experiments]
    status = 0
    for experiment in experiments:
        train(experiment, args)
        results = stored_results(expand(experiment), args.results)
        print(results_table(experiment, results))
        if has_expected(experiment, args):
            outcome = compare(experiment, args)
            print(render(outcome))
            status = max(status, outcome.exit_status(strict=args.strict))
        else:
            print(render_claims(claims(samples(results), experiment.tolerance)))
            print(f"no expected values of {experiment.name} are stored, so nothing was checked\n")
        print(f"wrote {write_report(experiment, args)}")
    return status
