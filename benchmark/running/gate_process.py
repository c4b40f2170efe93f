"""The other end of `benchmark.running.gate`: a process that checks plugins and remembers those that pass."""

import os
from collections.abc import Sequence
from contextlib import suppress

from benchmark.running.gate import check_once
from criteria.plugins import Spec


def main(asked: Sequence[tuple[str, Spec]]) -> int:
    """Check ``asked``, one after another; what fails is left to the process that started this one."""
    os.dup2(2, 1)  # nobody reads what plugins print
    for kind, spec in asked:
        with suppress(Exception):  # plugins may fail in any way
            check_once(spec, kind)
    return 0
