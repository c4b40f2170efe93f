"""One's own loop: what SparseTraining adds to a plain step of LeNet-5, outside topology updates and in one."""

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F

from benchmark.models import build_model
from benchmark.timing.comparison import Comparisons, compare, side_by_side, stopwatch
from criteria import SparseTraining

BATCH = 128
DENSITY = 0.1
STEPS = 10
"""Optimizer steps that are timed in each round."""
ROUNDS = 7
UPDATES = (("magnitude", "gradient"), ("mest", "random"))
DENSE = "dense step"


def comparisons(device: torch.device, _data_dir: Path | None) -> Comparisons:
    """A step that is sparse, and one with a topology update in it, against the same loop without us."""
    ways = {DENSE: _steps(device, None), "sparse step": _steps(device, {"update_period": None})}
    for criterion, growth in UPDATES:
        how = {"criterion": criterion, "growth": growth, "update_period": 1, "prune_fraction": 0.3}
        ways[f"step with an update, {criterion}, {growth} growth"] = _steps(device, how)
    seconds = side_by_side(ways, ROUNDS)
    for name in ways:
        if name != DENSE:
            yield compare("own loop, LeNet-5", name, DENSE, seconds)


def _steps(device: torch.device, settings: dict[str, object] | None) -> Callable[[], float]:
    """Seconds per step of a loop; ``settings`` are those of SparseTraining, None for a dense network."""
    torch.manual_seed(0)
    network = build_model("lenet5", inputs=(1, 28, 28), classes=10).to(device)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4)
    if settings is not None:
        SparseTraining(network, optimizer, density=DENSITY, **settings)  # type: ignore[arg-type]  # by name
    images = torch.randn(BATCH, 1, 28, 28, device=device)
    targets = torch.randint(10, (BATCH,), device=device)

    def train() -> None:
        for _ in range(STEPS):
            optimizer.zero_grad()
            torch.autograd.backward(F.cross_entropy(network(images), targets))
            optimizer.step()

    train()
    timed = stopwatch(train, device)
    return lambda: timed() / STEPS
