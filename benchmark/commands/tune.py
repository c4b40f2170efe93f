"""``dst-bench tune``: a criterion whose parameters are chosen on validation data, and what the search costs."""

import argparse
from typing import TYPE_CHECKING

from benchmark.commands.arguments import (
    add_dry_run,
    add_expected_folder,
    add_json,
    add_results,
    add_training,
    experiment_of,
    options_of,
    results_of,
    study_of,
    tell_doubts,
    values_of,
)
from benchmark.commands.table import print_table

if TYPE_CHECKING:
    from benchmark.verdicts.standing import Standing
    from benchmark.verdicts.tuning import Choice

SUMMARY = "choose a criterion's parameters on validation data, count the cost, and say where it stands then"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is chosen, where, and how it is trained."""
    parser.add_argument("method", metavar="METHOD", help="with values, as in 'mest(lambda_=tune(0.1,1,10))'")
    parser.add_argument("--on", dest="experiment", default="smoke", metavar="EXPERIMENT", help="its name or file")
    parser.add_argument("--growth", metavar="LIST", help="growth criteria, as in random,gradient")
    parser.add_argument("--density", metavar="LIST", help="densities, as in 0.05,0.1")
    parser.add_argument("--seeds", metavar="LIST", help="seeds, as in 1-5 or 1,2,7")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting")
    parser.add_argument("--reference", default="magnitude", metavar="NAME", help="what it is compared with")
    add_expected_folder(parser)
    add_results(parser)
    add_training(parser)
    add_dry_run(parser)
    add_json(parser)


def main(args: argparse.Namespace) -> int:
    """Train all candidates, choose by validation accuracy, and print the choice, its cost and its standing.

    It stands among results that are there of other criteria, and stored values of those that have none.
    With ``--dry-run`` it says how many trainings that is.
    """
    from benchmark.experiments.search import Search, require_held_out
    from benchmark.running.missing import dry_run, train_missing
    from benchmark.verdicts.json_output import document
    from benchmark.verdicts.study import joined
    from benchmark.verdicts.tuning import standing_of_search, tuned
    from criteria.errors import InputError
    from criteria.plugins import unknown

    search = Search.parse(args.method)
    asked = argparse.Namespace(**vars(args), criteria=",".join(map(str, search.candidates)), add=None)
    experiment = experiment_of(asked)
    require_held_out(experiment.data)
    values = values_of(asked, experiment, args.experiment)
    tell_doubts(values)
    every = argparse.Namespace(**{**vars(asked), "criteria": None})
    others = study_of(every, experiment_of(every), values)
    criteria = {cell.criterion for cell in others.known if cell.growth}
    if criteria and args.reference not in {*criteria, *map(str, search.candidates)}:
        raise unknown("reference", args.reference, criteria)
    if args.dry_run and args.json:
        raise InputError("--dry-run says in words what there is to train; leave --json out")
    if args.dry_run:
        print(dry_run(experiment, results_of(args, experiment), options_of(args)))
        return 0
    results = train_missing(experiment, results_of(args, experiment), options_of(args))
    choices = tuned(search, results, experiment.metric)
    own = standing_of_search(search, choices, joined(others, results), args.reference)
    if args.json:
        print(document({"method": search.name, "choices": choices, "standing": own}))
    else:
        _print(choices, own, args.reference)
    return 0


def _print(choices: "list[Choice]", own: "Standing | None", reference: str) -> None:
    from benchmark.verdicts.newcomers import sentences
    from benchmark.verdicts.tuning import HEADERS, choice_row, cost_words

    title = "chosen by mean validation accuracy, in percent"
    print_table(list(map(choice_row, choices)), HEADERS, right=range(3, 7), title=title)
    print(f"\n{cost_words(choices)}")
    nothing = (
        f"It is compared with nothing: neither results nor expected values are there of {reference} with these "
        "settings and seeds."
    )
    for line in sentences(own) if own else (nothing,):
        print(line)
