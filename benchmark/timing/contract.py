"""The contract: how long the check takes that every criterion passes before it is benchmarked."""

from functools import partial
from pathlib import Path

import torch

from benchmark.running.gate import QUICK_EXAMPLES
from benchmark.timing.comparison import Comparisons, Skipped, compare, side_by_side, stopwatch
from criteria.contract import ContractError, check_criterion
from criteria.plugins import usable

ROUNDS = 1
"""A check takes seconds and tries hundreds of cases."""
REFERENCE = "magnitude"


def comparisons(_device: torch.device, _data_dir: Path | None) -> Comparisons:
    """Every installed criterion against magnitude, on cases that are drawn from one seed."""
    seconds: dict[str, list[float]] = {}
    for name in usable():
        check = partial(check_criterion, name, QUICK_EXAMPLES, seed=0)
        try:
            seconds |= side_by_side({name: stopwatch(check, torch.device("cpu"))}, ROUNDS)
        except ContractError as broken:
            yield Skipped(f"contract of {name}", str(broken).split("\n")[0])
    for name in seconds:
        if REFERENCE in seconds and name != REFERENCE:
            yield compare("contract", name, REFERENCE, seconds)
