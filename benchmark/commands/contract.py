"""``dst-bench contract``: whether criteria keep what the contract promises."""

import argparse

from criteria.contract.command import main as contract


def main(args: argparse.Namespace) -> int:
    """Print a table of properties and results; status 3 where one is broken."""
    return contract(args.names, args.all, args.max_examples, args.json, args.quick)
