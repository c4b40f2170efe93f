"""How the libraries compute: variables of the environment that they read once, before or at their first operation."""

import os
import platform

from benchmark.system.device import processor_says

TURNS_OF_A_SPIN = 100_000
"""How often a thread looks for work before it sleeps where it may spin: some tenths of a millisecond to two."""


def settle_arithmetic() -> None:
    """Choose what is quick on a busy machine and gives the same bits wherever a matrix lies in memory.

    What the user has set stays. Threads that spin while they wait slow a busy machine down eightfold. On processors
    that are not Intel's, MKL rounds products with a batch of up to seven by the address of the matrix, so a network
    would depend on its place in a fleet; its reproducible mode does not, for a few percent of time.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if "MKL_CBWR" not in os.environ and "GenuineIntel" not in (processor_says("vendor_id") or platform.processor()):
        os.environ["MKL_CBWR"] = "AUTO"


def spin_before_sleeping() -> None:
    """Let PyTorch's threads look for work for a moment before they sleep, for a machine that does nothing else.

    Short operations are then done without waking anybody: a dense step of LeNet-300-100 takes a quarter less. Where two
    such programs share the cores, it takes six times as long, so this is for the bench and not for training.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", str(TURNS_OF_A_SPIN))
