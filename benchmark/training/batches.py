"""The batches that a fleet trains on: order, gathering, augmentation, decoding."""

from collections.abc import Iterator

import torch
from torch import Tensor

from benchmark.data.dataset import Dataset
from benchmark.system import communication
from benchmark.training.fleet import Fleet
from benchmark.training.prefetch import ahead
from criteria.randomness import stream

BATCHES_AHEAD = 2
"""Batches that are decoded from files before their step comes."""


class Batches:
    """The training batches of a fleet: members with the same seed see the same examples in the same order.

    Of several processes that train together, each has its share of every batch.
    """

    def __init__(self, fleet: Fleet, dataset: Dataset, batch_size: int) -> None:
        self._dataset = dataset
        self._batch_size = batch_size
        self._seeds = sorted({member.seed for member in fleet.members})
        seed_index = [self._seeds.index(member.seed) for member in fleet.members]
        self._seed_of_member = torch.tensor(seed_index, device=fleet.device)
        self._device = fleet.device
        self._examples = dataset.train.targets.numel()
        self.per_epoch = -(-self._examples // batch_size)

    def size(self, number: int) -> int:
        """Examples of batch ``number`` of an epoch, from 0, over all processes."""
        return min(self._batch_size, self._examples - number * self._batch_size)

    def epoch(self, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs [members, batch, *shape] and targets [members, batch] of each step; the last batch may be smaller.

        The first ``first`` batches are left out.
        """
        batches = self._batches_of_seeds(epoch, first)
        if self._dataset.from_files:
            batches = ahead(batches, BATCHES_AHEAD)
        for inputs, targets in batches:
            yield inputs[self._seed_of_member], targets[self._seed_of_member]

    def _batches_of_seeds(self, epoch: int, first: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs [seeds, batch, *shape] and targets [seeds, batch], on the fleet's device."""
        train, augment = self._dataset.train, self._dataset.augment
        orders = [torch.randperm(self._examples, generator=stream(s, "batches", epoch)) for s in self._seeds]
        order = torch.stack(orders).to(train.targets.device)
        for number in range(first, self.per_epoch):
            chosen = order[:, number * self._batch_size : (number + 1) * self._batch_size]
            stored = train.inputs[chosen]
            if augment is not None:
                stored = torch.stack(
                    [
                        augment(batch, stream(seed, "augmentation", epoch, number))
                        for seed, batch in zip(self._seeds, stored, strict=True)
                    ]
                )
            share = communication.share(chosen.shape[1])
            targets = train.targets[chosen[:, share]].to(self._device)
            # examples are drawn for whole batches and decoded for the share, so several processes see what one would
            inputs = self._dataset.seen(stored[:, share].flatten(0, 1), self._device)
            yield inputs.view(*targets.shape, *inputs.shape[1:]), targets
