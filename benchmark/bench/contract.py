"""The contract: how long the check takes that every criterion passes before it is benchmarked."""

from functools import partial
from pathlib import Path

import torch

from benchmark.bench.comparison import Comparisons, Skipped, compare, side_by_side, stopwatch
from benchmark.gate import QUICK_EXAMPLES
from criteria.contract import ContractError, check_criterion
from criteria.plugins import names

ROUNDS = 1
"""A check is seconds long and tries hundreds of cases, the same ones for every criterion."""
REFERENCE = "magnitude"


def comparisons(_device: torch.device, _data_dir: Path | None) -> Comparisons:
    """Every installed criterion against magnitude, on cases that are drawn from one seed."""
    cpu = torch.device("cpu")
    reference = stopwatch(partial(check_criterion, REFERENCE, QUICK_EXAMPLES, seed=0), cpu)
    reference()  # the first check also imports and warms up
    for name in names():
        if name != REFERENCE:
            check = stopwatch(partial(check_criterion, name, QUICK_EXAMPLES, seed=0), cpu)
            try:
                yield compare("contract", name, REFERENCE, side_by_side({name: check, REFERENCE: reference}, ROUNDS))
            except ContractError as broken:
                yield Skipped("contract", str(broken).split("\n")[0])
