"""The other end of `benchmark.running.gate`: a process that checks plugins and remembers those that pass."""

import os
import pickle
import sys
from contextlib import suppress

from benchmark.running.gate import check_once


def main() -> int:
    """Check what standard input names, one after another; what fails is left to the process that started this one."""
    os.dup2(2, 1)  # nobody reads what plugins print
    for kind, spec in pickle.load(sys.stdin.buffer):
        with suppress(Exception):  # plugins may fail in any way
            check_once(spec, kind)
    return 0
