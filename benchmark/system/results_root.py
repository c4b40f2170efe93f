"""The folder that results are kept in where nobody names one: the same wherever a command is started."""

import os
from collections.abc import Mapping
from pathlib import Path

from benchmark.system.user import kept_folder

VARIABLE = "DST_BENCH_RESULTS"
HERE = Path("results")


def results_root(environment: Mapping[str, str] = os.environ) -> Path:
    """``DST_BENCH_RESULTS``, as it is written; else ``results`` here, if it holds results; else a folder of the user.

    Results that somebody has made in the current folder are used where they are, because they took time.
    """
    if named := environment.get(VARIABLE):
        return Path(named)
    if next(HERE.glob("*/runs/*.json"), None) is not None:
        return HERE
    return kept_folder() / "results"
