"""How the runs of an experiment are trained. Nothing of it changes a result, apart from the engine."""

from dataclasses import dataclass
from pathlib import Path

CHECKPOINT_SECONDS = 60.0
"""Between two checkpoints of a fleet, unless the user asks for another time."""
AUTO = "auto"
"""The engine that each run is best trained by here."""


@dataclass(frozen=True)
class Options:
    """What a user can choose about a training. Nothing here imports torch."""

    device: str = "auto"
    """One of `benchmark.system.device.DEVICES`."""
    data_dir: Path | None = None
    """Folder of data sets; None looks in the usual places."""
    engine: str = AUTO
    """A registered engine's name."""
    most: int | None = None
    """Networks that train together at most; None where only memory limits them."""
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    wait: bool = True
    """Whether to wait for runs that others train, and to take them over where these die."""
    fresh: bool = False
    """Whether results and checkpoints from before do not count."""
    adopting: bool = True
    """Whether results of older code count where some of them, trained again for a while, are the same. What a change of
    the code does late in a training is not seen then."""
    contract_skipped: bool = False
    """Whether criteria are trained without being asked whether they keep the contract."""
    processes: int | None = None
    """Processes that train beside each other on this machine; None for as many as pay."""
