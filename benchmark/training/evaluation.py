"""How accurate the members of a fleet are."""

from collections.abc import Iterator

import torch
from torch import Tensor

from benchmark.data.dataset import Dataset, Split
from benchmark.system import communication
from benchmark.training.fleet import Fleet, predictions
from benchmark.training.prefetch import ahead

EVALUATION_BATCH = 500
"""Inputs per member and step of an evaluation; it bounds memory and changes no result."""


@torch.no_grad()
def evaluate(fleet: Fleet, dataset: Dataset, split: Split) -> Tensor:
    """Accuracy of every member on a split of ``dataset`` in percent, float64 [members] on the CPU.

    Processes that train together evaluate a share each.
    """
    correct = torch.zeros(len(fleet), dtype=torch.int64, device=fleet.device)
    batches = _batches(dataset, split, fleet.device)
    for batch, wanted in ahead(batches, 1) if dataset.from_files else batches:
        logits = fleet.forward(batch.expand(len(fleet), *batch.shape), training=False)
        correct += (predictions(logits) == wanted).sum(1)
    return 100 * communication.total(correct).double().cpu() / split.targets.numel()


def _batches(dataset: Dataset, split: Split, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """What networks see of this process's share of a split, and the targets, on ``device``."""
    share = communication.share(split.targets.numel())
    stored = torch.split(split.inputs[share], EVALUATION_BATCH)
    targets = torch.split(split.targets[share], EVALUATION_BATCH)
    for inputs, wanted in zip(stored, targets, strict=True):
        yield dataset.seen(inputs, device), wanted.to(device)
