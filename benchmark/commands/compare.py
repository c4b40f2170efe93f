"""``dst-bench compare``: a race between plugins, which trains seeds where they decide."""

import argparse

from benchmark.commands.arguments import add_json, add_margin, add_results, add_training, duration_of, options_of

SUMMARY = "race a criterion against others, and train seeds only where they decide"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Who races, where, and for how long."""
    parser.add_argument("mine", metavar="MINE", help="the criterion that is asked about")
    parser.add_argument("others", nargs="+", metavar="OTHER", help="what it is compared with, such as magnitude")
    parser.add_argument("--on", default="smoke", metavar="EXPERIMENT", help="its name, or the path of a YAML file")
    parser.add_argument("--growth", metavar="LIST", help="growth criteria, as in random,gradient")
    parser.add_argument("--density", metavar="LIST", help="densities, as in 0.05,0.1")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting")
    add_margin(parser, "differences that do not matter")
    parser.add_argument(
        "--budget", type=duration_of, default="10m", metavar="TIME", help="of training, as in 90s, 10m, 2h"
    )
    parser.add_argument("--most-seeds", type=int, default=40, metavar="N", help="seeds that a setting gets at most")
    add_results(parser)
    add_training(parser)
    add_json(parser)


def main(args: argparse.Namespace) -> int:
    """Race, and say of every setting what came out."""
    from benchmark.experiments.part import Part
    from benchmark.experiments.results import ResultsFolder
    from benchmark.running.racing import Lane, Race, race
    from benchmark.verdicts.json_output import document, plain
    from benchmark.verdicts.race import Decision, sentence

    part = Part(growth=args.growth, density=args.density, settings=tuple(args.set))
    asked = Race(
        args.on, args.mine, tuple(args.others), part, args.margin, budget=args.budget, most_seeds=args.most_seeds
    )
    root = ResultsFolder(args.results, part.select(args.on).name)

    def told(lane: Lane, decision: Decision) -> str:
        return sentence(asked.mine, lane.other, f" {lane.setting.words}", decision, asked.margin)

    def tell(lane: Lane, decision: Decision) -> None:
        if not args.json:
            print(f"{told(lane, decision)}.", flush=True)

    found = race(asked, root, options_of(args), tell)
    if args.json:
        lanes = [{"other": lane.other, **plain(lane.setting), **plain(each)} for lane, each in found.items()]
        print(document({"mine": asked.mine, "margin": asked.margin, "comparisons": lanes}))
    else:
        for lane, decision in found.items():
            if decision.outcome == "undecided":
                print(f"{told(lane, decision)}.")
    return 0
