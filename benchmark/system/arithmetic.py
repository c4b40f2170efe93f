"""How the libraries compute: variables of the environment that they read once, before or at their first operation."""

import os
import platform
from pathlib import Path


def settle_arithmetic() -> None:
    """Choose what is quick on a busy machine and gives the same bits wherever a matrix lies in memory.

    What the user has set stays. Threads that spin while they wait slow a busy machine down eightfold. On processors
    that are not Intel's, MKL rounds products with a batch of up to seven by the address of the matrix, so a network
    would depend on its place in a fleet; its reproducible mode does not, for a few percent of time.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if "GenuineIntel" not in _processor():
        os.environ.setdefault("MKL_CBWR", "AUTO")


def _processor() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:  # there is none on other systems
        return platform.processor()
