"""``dst-bench unpack``: results from an archive into a results folder, where runs go on from them."""

import argparse
import os

from benchmark.commands.arguments import add_results, path_of
from benchmark.system.quantity import quantity

SUMMARY = "put the results of such a file into a results folder"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, and the folder."""
    parser.add_argument(
        "archive", metavar="ARCHIVE", help="a file of `dst-bench pack`, or an experiment: that of its expected values"
    )
    add_results(parser)


def main(args: argparse.Namespace) -> int:
    """Store the results that are not there yet; what is there stays as it is."""
    from benchmark.experiments.archive import read_archive
    from benchmark.running.workers import alone
    from benchmark.verdicts.expected import stored_archive

    is_file = args.archive.endswith(".xz") or os.sep in args.archive or path_of(args.archive).is_file()
    archive = read_archive(path_of(args.archive) if is_file else stored_archive(args.archive))
    added, place = archive.unpack(args.results, alone)
    print(f"{place.path}: {quantity(added, 'result')} added, {len(archive.results) - added} were there")
    return 0
