"""The learning rate over the epochs of a training."""

from collections.abc import Sequence


def learning_rate(
    base: float, epoch: int, epochs: int, milestones: Sequence[float], factor: float, warmup_epochs: int = 0
) -> float:
    """Learning rate of ``epoch`` (from 0): ``base`` times ``factor`` per milestone passed.

    A milestone below 1 is a share of ``epochs``, others are a number of epochs. Before that the rate rises by the same
    amount in each of ``warmup_epochs``, of which the last one has ``base``.
    """
    # a share of the epochs may be rounded up: 0.55 * 100 is 55.00000000000001
    passed = sum(epoch >= (round(milestone * epochs, 6) if milestone < 1 else milestone) for milestone in milestones)
    warmth = min(1.0, (epoch + 1) / warmup_epochs) if warmup_epochs else 1.0
    return base * factor**passed * warmth
