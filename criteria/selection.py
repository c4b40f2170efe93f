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
    candidates = score.masked_select(where)  # several times as fast as score[where]
    if not 0 <= n <= candidates.numel():
        raise ValueError(f"cannot select {n} of {candidates.numel()} positions")
    if n == 0:
        return torch.zeros_like(where)
    # a GPU finds the value in one block of threads, and sorts with all of them: twenty times as fast
    threshold = candidates.sort().values[n - 1] if candidates.is_cuda else candidates.kthvalue(n).values
    chosen = where & (score < threshold)
    missing = n - int(chosen.sum())
    tied = (where & (score == threshold)).nonzero()
    if missing > len(tied) or bool(candidates.isnan().any()):
        raise ValueError("scores of selectable positions contain NaN")
    if missing < len(tied):
        order = torch.randperm(len(tied), generator=generator, device=generator.device)
        tied = tied[order[:missing].to(tied.device)]
    chosen[tied.unbind(1)] = True
    return chosen
