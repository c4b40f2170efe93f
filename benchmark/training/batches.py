"""The batches that a fleet trains on: order, gathering, augmentation, decoding."""

from collections.abc import Iterator, Sequence

import torch

from benchmark.data.dataset import Dataset
from benchmark.system import communication
from benchmark.training.engines.engine import Batch, rows_of
from benchmark.training.prefetch import ahead
from criteria.randomness import stream

BATCHES_AHEAD = 2
"""Batches that are decoded from files before their step comes."""


class Batches:
    """The training batches of a fleet: members with the same seed see the same examples in the same order.

    Of several processes that train together, each has its share of every batch.
    """

    def __init__(self, seeds: Sequence[int], dataset: Dataset, batch_size: int, device: torch.device) -> None:
        self._seeds = sorted(set(seeds))
        self._dataset = dataset
        self._batch_size = batch_size
        self._device = device
        self._examples = dataset.train.targets.numel()
        self.per_epoch = -(-self._examples // batch_size)

    def size(self, number: int) -> int:
        """Examples of batch ``number`` of an epoch, from 0, over all processes."""
        return min(self._batch_size, self._examples - number * self._batch_size)

    @property
    def least(self) -> int:
        """The fewest examples that a process has of a batch, where it has any."""
        return max(1, self.size(self.per_epoch - 1) // communication.size())

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batch of each step on the fleet's device; the last one may be smaller, the ``first`` are left out."""
        batches = self._gathered(epoch, first)
        return ahead(batches, BATCHES_AHEAD) if self._dataset.from_files else batches

    def _gathered(self, epoch: int, first: int) -> Iterator[Batch]:
        dataset, train = self._dataset, self._dataset.train
        orders = [torch.randperm(self._examples, generator=stream(s, "batches", epoch)) for s in self._seeds]
        order = torch.stack(orders).to(train.targets.device)
        # gathered and cut at once: for a small network, doing so in every step would take a good part of the step
        cut = [torch.split(whole, self._batch_size, dim=1)[first:] for whole in (order, train.targets[order])]
        for number, (chosen, classes) in enumerate(zip(*cut, strict=True), start=first):
            share = communication.share(chosen.shape[1])
            targets = classes[:, share].to(self._device)
            if dataset.is_plain:
                yield Batch(train.inputs, chosen[:, share], targets)
                continue
            stored = rows_of(train.inputs, chosen)
            if dataset.augment is not None:
                stored = torch.stack(
                    [
                        dataset.augmented(batch, stream(seed, "augmentation", epoch, number))
                        for seed, batch in zip(self._seeds, stored, strict=True)
                    ]
                )
            # examples are drawn for whole batches and decoded for the share, so several processes see what one would
            inputs = dataset.seen(stored[:, share].flatten(0, 1), self._device)
            yield Batch.of(inputs.view(*targets.shape, *inputs.shape[1:]), targets)
