"""Starting: how soon ``--help`` and quick commands are there, and what our import costs beyond torch's."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import torch

from benchmark.timing.comparison import Comparisons, compare, side_by_side, stopwatch

ROUNDS = 3
COMMANDS = {
    "dst-bench --help": ("-m", "benchmark", "--help"),
    "dst-bench list criteria": ("-m", "benchmark", "list", "criteria"),
    "python -c pass": ("-c", "pass"),
    "import criteria": ("-c", "import criteria"),
    "import torch": ("-c", "import torch"),
}


def comparisons(_device: torch.device, _data_dir: Path | None) -> Comparisons:
    """Fresh processes, from their start to their end."""
    cpu = torch.device("cpu")
    seconds = side_by_side({name: stopwatch(partial(_run, *COMMANDS[name]), cpu) for name in COMMANDS}, ROUNDS)
    yield compare("startup", "dst-bench --help", "python -c pass", seconds)
    yield compare("startup", "dst-bench list criteria", "import torch", seconds)
    yield compare("startup", "import criteria", "import torch", seconds)


def _run(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
