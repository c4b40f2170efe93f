"""How accurate the members of a fleet are."""

import torch
from torch import Tensor

from benchmark.data.dataset import Split
from benchmark.fleet import Fleet, predictions

EVALUATION_BATCH = 500
"""Inputs per member and step of an evaluation; it bounds memory and changes no result."""


@torch.no_grad()
def evaluate(fleet: Fleet, split: Split) -> Tensor:
    """Accuracy of every member on ``split`` in percent, float64 [members] on the CPU."""
    correct = torch.zeros(len(fleet), dtype=torch.int64, device=fleet.device)
    inputs, targets = torch.split(split.inputs, EVALUATION_BATCH), torch.split(split.targets, EVALUATION_BATCH)
    for batch, wanted in zip(inputs, targets, strict=True):
        logits = fleet.forward(batch.expand(len(fleet), *batch.shape), training=False)
        correct += (predictions(logits) == wanted).sum(1)
    return 100 * correct.double().cpu() / split.targets.numel()
