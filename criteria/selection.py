"""Choosing the n lowest scores, the step that every criterion and growth shares."""

from typing import Any

import numpy as np
import torch
from torch import Tensor


def lowest(score: Tensor, where: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """The ``n`` positions with the lowest score among ``where``, bool [*shape].

    Equal scores are decided by ``generator``, never by the order in memory: many weights with a zero gradient must
    not all be taken from one end of the tensor. Cost is linear in the layer (a selection, not a sort).

    ``score`` is [*shape] of any real dtype and is read only where ``where`` (bool [*shape]) is True.
    Raises ``ValueError`` for ``n`` outside 0 … number of candidates, for a wrong shape or dtype, and for NaN scores.
    """
    if score.shape != where.shape:
        raise ValueError(f"score has shape {tuple(score.shape)}, the layer {tuple(where.shape)}")
    if score.dtype == torch.bool or score.is_complex():
        raise ValueError(f"score has dtype {score.dtype}; real numbers are asked for")
    # on a CPU each of these steps takes NumPy a fifth of PyTorch's time, or less
    on_cpu = score.device.type == "cpu"
    scores: Any = _array(score) if on_cpu else score
    among: Any = where.numpy() if on_cpu else where
    candidates = scores.ravel()[np.flatnonzero(among)] if on_cpu else scores.masked_select(among)
    if not 0 <= n <= len(candidates):
        raise ValueError(f"cannot select {n} of {len(candidates)} positions")
    if n == 0:
        return torch.zeros_like(where)
    # a GPU finds one value in one block of threads, and sorts with all of them: twenty times as fast
    nth = (np.partition(candidates, n - 1) if on_cpu else candidates.sort().values)[n - 1]
    highest = candidates.max()
    if highest != highest:  # NaN, which is higher than all numbers
        raise ValueError("scores of selectable positions contain NaN")
    chosen = torch.as_tensor(among & (scores <= nth))
    surplus = int(chosen.count_nonzero()) - n
    if surplus:
        tied = torch.as_tensor(among & (scores == nth)).nonzero()
        order = torch.randperm(len(tied), generator=generator, device=generator.device)
        left_out = tied[order[len(tied) - surplus :].to(tied.device)]
        chosen[left_out.unbind(1)] = False
    return chosen


def _array(score: Tensor) -> Any:
    """The scores, in a dtype that NumPy has and computes in: half precisions become single precision, exactly."""
    return (score.float() if score.dtype in (torch.bfloat16, torch.float16) else score).numpy(force=True)
