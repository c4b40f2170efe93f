"""The processes that train one network together: they keep the same masks, which are those of the first."""

from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor

from criteria.errors import InputError


class Ranks:
    """All processes of ``torch.distributed``, or this one alone.

    Every method whose name starts with ``all_`` has to be called by all of them at the same point.
    """

    def __init__(self, together: bool | None) -> None:
        running = dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
        if together and not running:
            raise InputError("synchronise is on, but torch.distributed has not been started with several processes")
        self.several = running if together is None else together
        """Whether there are other processes."""

    def all_take_first(self, tensors: Iterable[Tensor]) -> None:
        """Overwrite each tensor by that of the first process."""
        if self.several:
            for tensor in tensors:
                sent = tensor.contiguous()
                dist.broadcast(sent.view(torch.uint8) if sent.dtype == torch.bool else sent, src=0)
                tensor.copy_(sent)

    def all_first(self, value: int, device: torch.device) -> int:
        """The first process's ``value``."""
        if not self.several:
            return value
        shared = torch.tensor(value, device=device)
        self.all_take_first([shared])
        return int(shared)

    def all_have(self, value: int, device: torch.device) -> bool:
        """Whether ``value`` is the same in all processes."""
        if not self.several:
            return True
        mine = torch.tensor([value, -value], device=device)
        dist.all_reduce(mine, dist.ReduceOp.MAX)
        return int(mine[0]) == -int(mine[1])

    def all_agree(self, yes: bool, device: torch.device) -> bool:
        """Whether it is so in all processes."""
        if not self.several:
            return yes
        votes = torch.tensor(int(yes), device=device)
        dist.all_reduce(votes, dist.ReduceOp.MIN)
        return bool(votes)
