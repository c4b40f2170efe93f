"""Dropout whose draws belong to the network: they depend on its seed and on how much it has drawn, on nothing else.

torch's own draws come from one generator per device, so under ``vmap`` a member's draws would depend on who else is in
the fleet, and a checkpoint would not replay.
"""

import torch
from torch import Tensor, nn


def splitmix64(seed: Tensor, first: Tensor, count: int) -> Tensor:
    """``count`` outputs of the SplitMix64 generator (Steele et al., 2014) from its output number ``first``, int64.

    ``seed`` and ``first`` are int64 scalars. Integer arithmetic wraps around, so every device gives the same outputs.
    """
    number = first + torch.arange(1, count + 1, device=seed.device)
    mixed = seed + number * -0x61C8864680B583EB
    mixed = (mixed ^ _shift(mixed, 30)) * -0x40A7B892E31B1A47
    mixed = (mixed ^ _shift(mixed, 27)) * -0x6B2FB644ECCEEE15
    return mixed ^ _shift(mixed, 31)


def _shift(value: Tensor, bits: int) -> Tensor:
    """``value`` shifted right, filled with zeros (torch shifts in the sign)."""
    return (value >> bits) & ((1 << (64 - bits)) - 1)


class Dropout(nn.Module):
    """In training sets each value, or each whole example, to zero with probability ``p`` and scales up the others.

    The seed is drawn from torch's global generator when the module is built, as initial weights are; seed and position
    are buffers, so a checkpoint has them.
    """

    seed: Tensor
    drawn: Tensor

    def __init__(self, p: float, *, whole_examples: bool = False) -> None:
        super().__init__()
        self.p = p
        self.whole_examples = whole_examples
        self.register_buffer("seed", torch.randint(2**63 - 1, ()))
        self.register_buffer("drawn", torch.zeros((), dtype=torch.int64))

    def forward(self, inputs: Tensor) -> Tensor:
        """[B, *shape] to the same shape; ``whole_examples`` is what residual branches call stochastic depth."""
        if not self.training or self.p == 0:
            return inputs
        shape = (inputs.shape[0],) + (1,) * (inputs.ndim - 1) if self.whole_examples else inputs.shape
        count = torch.Size(shape).numel()
        draws = _shift(splitmix64(self.seed, self.drawn, count), 40).view(shape)
        self.drawn.add_(count)
        kept = draws >= round(self.p * 2**24)
        return inputs * kept / (1 - self.p)
