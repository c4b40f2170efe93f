"""The command line: what can be asked for, and how errors end. Heavy imports wait until a command runs."""

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from benchmark.timing import PARTS

DESCRIPTION = "Which weights should dynamic sparse training prune? Reproduce, compare, check, contribute."
EXIT_CODES = "exit status: 0 fine, 1 a result deviates, 2 bad input, 3 a contract is broken, 130 interrupted"
LISTABLE = ("criteria", "growth", "baselines", "experiments")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; bad input is one line on stderr and status 2."""
    parser = build_parser()
    args = parser.parse_args(arguments)
    if args.command is None:
        parser.print_help()
        return 0
    return run_command(args)


def run_command(args: argparse.Namespace) -> int:
    """Run the command of parsed arguments and return its exit status; whatever a user can mend is one line."""
    try:
        return _run_command(args)
    except KeyboardInterrupt:
        fresh = "without --fresh " if getattr(args, "fresh", False) else ""
        print(
            f"dst-bench: interrupted; {fresh}the same command goes on from the last result and checkpoint",
            file=sys.stderr,
        )
        return 130


def _run_command(args: argparse.Namespace) -> int:
    # Threads that spin while they wait slow a busy machine down eightfold. Read once, when torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from benchmark.system.communication import joined  # brings in torch
    from criteria.contract.results import ContractError
    from criteria.errors import InputError, PluginError

    try:
        with joined(args.command):
            status: int = import_module(f"benchmark.commands.{args.command}").main(args)
            sys.stdout.flush()
    except InputError as error:
        print(f"dst-bench: {error}", file=sys.stderr)
        return 2
    except ContractError as error:
        print(f"dst-bench: {error}\n--no-contract runs it all the same", file=sys.stderr)
        return 3
    except PluginError as error:
        print(f"dst-bench: {error}", file=sys.stderr)
        return 3
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; there is nobody left to tell
        return 0
    except OSError as error:  # a disk that is full, a folder that may not be entered
        print(f"dst-bench: {_refused(error)}", file=sys.stderr)
        return 2
    return status


def _refused(error: OSError) -> str:
    """What the system refused, in one line; output that could not be written is given up."""
    if error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    with suppress(OSError, ValueError):
        # What is left in the buffer would be an error once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return f"cannot read or write: {error.strerror or error}"


class _Parser(argparse.ArgumentParser):
    """argparse, but an error is one line, as everywhere else."""

    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = _Parser(prog="dst-bench", description=DESCRIPTION, epilog=EXIT_CODES)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    def command(name: str, summary: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=summary, description=summary, epilog=EXIT_CODES)

    listing = command("list", "what is installed")
    listing.add_argument("what", nargs="?", choices=LISTABLE, help="only these")

    info = command("info", "versions, device, and where data are looked for")
    _data_dir(info)
    _device(info)

    contract = command("contract", "check criteria against the contract")
    contract.add_argument("names", nargs="*", metavar="NAME", help="criteria, as in mest or 'mest(lambda_=0.1)'")
    contract.add_argument("--all", action="store_true", help="every installed criterion")
    contract.add_argument("--max-examples", type=int, metavar="N", help="cases that each property is tried on")
    contract.add_argument("--quick", action="store_true", help="a few small cases of each property, in seconds")
    contract.add_argument("--json", action="store_true", help="print JSON")

    bench = command("bench", "how fast training, updates, the contract and startup are, each beside a rival")
    bench.add_argument("parts", nargs="*", metavar="PART", help=f"only these of {', '.join(PARTS)}")
    _device(bench)
    _data_dir(bench)
    bench.add_argument("--json", action="store_true", help="print JSON")

    run = command("run", "train the runs of an experiment that have no result yet")
    run.add_argument("experiment", metavar="EXPERIMENT", help="its name, or the path of a YAML file")
    _selection(run)
    _training(run)
    run.add_argument("--no-wait", action="store_true", help="end when all that is missing is trained by others")
    run.add_argument("--dry-run", action="store_true", help="say how many runs and about how long, and train nothing")
    run.add_argument(
        "--synthetic", action="store_true", help="with --dry-run: train a few steps of everything, on synthetic data"
    )
    _executor(run)

    status = command("status", "what is done, running and waiting, and who trains where")
    status.add_argument("experiment", metavar="EXPERIMENT")
    _selection(status)
    status.add_argument("--json", action="store_true", help="print JSON")

    check = command("check", "compare results with the stored expected values")
    check.add_argument("experiment", metavar="EXPERIMENT")
    _selection(check)
    _expected(check)
    check.add_argument("--json", action="store_true", help="print JSON")

    report = command("report", "write tables, figures and one HTML page")
    report.add_argument("experiment", metavar="EXPERIMENT")
    report.add_argument(
        "--against",
        action="append",
        default=[],
        metavar="OTHER",
        help="an experiment to compare with, cell by cell and seed by seed, such as one that differs in one setting",
    )
    _selection(report)
    _expected(report)
    _out(report)

    accept = command("accept", "store the present results as measured expected values")
    accept.add_argument("experiment", metavar="EXPERIMENT")
    _selection(accept)
    accept.add_argument("--expected", type=Path, metavar="DIR", help="folder to write (default: expected_results)")

    reproduce = command("reproduce", "run, check and report experiments, contract first")
    reproduce.add_argument("experiments", nargs="+", metavar="EXPERIMENT")
    _selection(reproduce)
    _training(reproduce)
    reproduce.set_defaults(no_wait=False)  # what is checked has to be there
    _expected(reproduce)
    _out(reproduce)
    return parser


def _selection(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which runs (default: all of the experiment)")
    group.add_argument("--criteria", metavar="LIST", help="criteria and baselines, as in 'magnitude,mest(lambda_=0.1)'")
    group.add_argument("--growth", metavar="LIST", help="growth criteria, as in random,gradient")
    group.add_argument("--density", metavar="LIST", help="densities, as in 0.05,0.1")
    group.add_argument("--seeds", metavar="LIST", help="seeds, as in 1-5 or 1,2,7")
    group.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting, as in training.epochs=2"
    )
    group.add_argument("--results", type=Path, default=Path("results"), metavar="DIR", help="results folder")


def _training(parser: argparse.ArgumentParser) -> None:
    _device(parser)
    _data_dir(parser)
    parser.add_argument("--fleet", type=_positive(int), metavar="N", help="train at most N networks together")
    parser.add_argument(
        "--checkpoint",
        type=_positive(float),
        default=60.0,
        metavar="SECONDS",
        help="between two checkpoints of a fleet (default: 60)",
    )
    parser.add_argument("--fresh", action="store_true", help="train again what has a result already")
    parser.add_argument("--no-contract", action="store_true", help="train criteria that break the contract, marked so")


def _positive(kind: type[int] | type[float]) -> Callable[[str], float]:
    """A number above 0; argparse makes an error of one line from its ``ValueError``."""

    def number(text: str) -> float:
        value = kind(text)
        if not 0 < value < math.inf:
            raise ValueError
        return value

    number.__name__ = "number above 0"
    return number


def _executor(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("where it trains (default: here)")
    group.add_argument("--executor", choices=("local", "slurm"), default="local", help="slurm: as an array of tasks")
    group.add_argument("--tasks", type=int, default=1, metavar="N", help="tasks of the array, which share the work")
    group.add_argument(
        "--slurm", action="append", default=[], metavar="KEY=VALUE", help="an option of sbatch, as in partition=gpu"
    )
    group.add_argument("--detach", action="store_true", help="do not wait for the array")


def _device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto")


def _data_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="data folder (default: DST_BENCH_DATA or a cache)")


def _expected(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--expected", type=Path, metavar="DIR", help="folder of expected values")
    parser.add_argument(
        "--strict", action="store_true", help="missing or inconclusive cells and changed claims give status 1"
    )


def _out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=Path("report"), metavar="DIR", help="folder for reports")
