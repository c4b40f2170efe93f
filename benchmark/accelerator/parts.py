"""The parts of the work on an accelerator, in the order of their worth, and what each of them is made of."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from benchmark.accelerator.notes import Notes

Findings = dict[str, Any]
"""Plain data by name. ``deviates`` says whether what was found is not what it should be."""


class SkipItem(Exception):  # noqa: N818  (it is no error)
    """An item that cannot be found out here, with the reason."""


@dataclass(frozen=True)
class Asked:
    """What a part is asked to do."""

    folder: Path
    """Where its file is, and everything else that it leaves."""
    device: "torch.device"
    data_dir: Path | None
    until: float
    """When the part has to end, in seconds since the epoch."""
    notes: "Notes"

    def require_cuda(self, why: str) -> None:
        """Raises :class:`SkipItem`, which says ``why``, where the device is no GPU."""
        if self.device.type != "cuda":
            raise SkipItem(f"it needs a GPU, and the device is {self.device}: {why}")


@dataclass(frozen=True)
class Item:
    """One thing to find out."""

    key: str
    find: Callable[[Asked], Findings]
    limit: float = 60.0
    """Seconds after which it is given up; on a GPU most items take a few."""


@dataclass(frozen=True)
class Part:
    """A part of the work; the module of its name in this package has its ``items()``."""

    name: str
    what: str
    share: float
    """Of the budget; what earlier parts leave over goes to the later ones."""
    without_gpu: str | None = None
    """What does the same on a CPU, where the part is not for one."""


PARTS = (
    Part("health", "device, versions, arithmetic, and the tests that need a GPU", 0.25),
    Part("truth", "the same masks as on a CPU, verdicts of smoke, resume after a kill, fleets against alone", 0.3),
    Part("speed", "model-steps per second by network, fleet and execution; memory; where the time goes", 0.3),
    Part(
        "panel",
        "fmnist-cnn, in pieces that go on where they were",
        0.15,
        "`dst-bench run fmnist-cnn` trains it on a CPU",
    ),
)


def items_of(part: str) -> Iterable[Item]:
    """The items of a part, in the order of their worth; its module is imported for it."""
    found: Iterable[Item] = import_module(f"benchmark.accelerator.{part}").items()
    return found
