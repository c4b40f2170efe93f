"""The batches that a fleet trains on: order, gathering, augmentation."""

from collections.abc import Iterator

import torch
from torch import Tensor

from benchmark.data.dataset import Dataset
from benchmark.fleet import Fleet
from benchmark.randomness import stream


class Batches:
    """The training batches of a fleet: members with the same seed see the same examples in the same order."""

    def __init__(self, fleet: Fleet, dataset: Dataset, batch_size: int) -> None:
        self._dataset = dataset
        self._batch_size = batch_size
        self._seeds = sorted({member.seed for member in fleet.members})
        seed_index = [self._seeds.index(member.seed) for member in fleet.members]
        self._seed_of_member = torch.tensor(seed_index, device=fleet.device)
        self._device = fleet.device
        self._examples = dataset.train.targets.numel()
        self.per_epoch = -(-self._examples // batch_size)

    def epoch(self, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs [members, batch, *shape] and targets [members, batch] of each step; the last batch may be smaller.

        The first ``first`` batches are left out.
        """
        orders = [torch.randperm(self._examples, generator=stream(s, "batches", epoch)) for s in self._seeds]
        order = torch.stack(orders).to(self._device)
        for number in range(first, self.per_epoch):
            chosen = order[:, number * self._batch_size : (number + 1) * self._batch_size]
            inputs = self._dataset.train.inputs[chosen]
            if self._dataset.augment is not None:
                inputs = torch.stack(
                    [
                        self._dataset.augment(batch, stream(seed, "augmentation", epoch, number))
                        for seed, batch in zip(self._seeds, inputs, strict=True)
                    ]
                )
            targets = self._dataset.train.targets[chosen]
            yield inputs[self._seed_of_member], targets[self._seed_of_member]
