"""Choosing the n lowest scores, the step that every criterion and growth shares."""

import torch
from torch import Tensor


def lowest(score: Tensor, where: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """The ``n`` positions with the lowest score among ``where``, bool [*shape].

    Equal scores are decided by ``generator``, never by the order in memory: many weights with a zero gradient must
    not all be taken from one end of the tensor. Cost is linear in the layer (a selection, not a sort).

    ``score`` is [*shape] of any real dtype and is read only where ``where`` (bool [*shape]) is True.
    Raises ``ValueError`` for ``n`` outside 0 … number of candidates, for a wrong shape and for NaN scores.
    """
    if score.shape != where.shape:
        raise ValueError(f"score has shape {tuple(score.shape)}, the layer {tuple(where.shape)}")
    candidates = score[where]
    if not 0 <= n <= candidates.numel():
        raise ValueError(f"cannot select {n} of {candidates.numel()} positions")
    chosen = torch.zeros_like(where)
    if n == 0:
        return chosen
    threshold = candidates.kthvalue(n).values
    taken = candidates < threshold
    missing = n - int(taken.sum())
    tied = (candidates == threshold).nonzero().squeeze(1)
    if missing > tied.numel() or bool(candidates.isnan().any()):
        raise ValueError("scores of selectable positions contain NaN")
    if missing < tied.numel():
        order = torch.randperm(tied.numel(), generator=generator, device=generator.device)
        tied = tied[order[:missing].to(tied.device)]
    taken[tied] = True
    chosen[where] = taken
    return chosen
