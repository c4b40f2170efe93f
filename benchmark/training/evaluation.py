"""How accurate the members of a fleet are."""

from collections.abc import Iterator

import torch
from torch import Tensor

from benchmark.data.dataset import Dataset, Split
from benchmark.system import communication
from benchmark.training.engines.engine import Engine
from benchmark.training.loss import predictions
from benchmark.training.prefetch import ahead

EVALUATION_BATCH = 500
"""Inputs per member and step of an evaluation; it bounds memory and changes no result."""


@torch.no_grad()
def evaluate(engine: Engine, dataset: Dataset, split: Split, device: torch.device) -> Tensor:
    """Accuracy of every member on a split of ``dataset`` in percent, float64 [members] on the CPU.

    Processes that train together evaluate a share each, so this is a collective call.
    """
    correct = torch.zeros(len(engine.members), dtype=torch.int64, device=device)
    batches = _batches(dataset, split, device)
    for batch, wanted in ahead(batches, 1) if dataset.from_files else batches:
        correct += (predictions(engine.logits(batch)) == wanted).sum(1)
    return 100 * communication.sum_over_processes(correct).double().cpu() / split.targets.numel()


def _batches(dataset: Dataset, split: Split, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """What networks see of this process's share of a split, and the targets, on ``device``."""
    share = communication.share(split.targets.numel())
    stored = torch.split(split.inputs[share], EVALUATION_BATCH)
    targets = torch.split(split.targets[share], EVALUATION_BATCH)
    for inputs, wanted in zip(stored, targets, strict=True):
        yield dataset.seen(inputs, device), wanted.to(device)
