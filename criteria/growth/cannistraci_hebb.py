"""Cannistraci-Hebb growth: which links a network's own topology predicts, without weights or gradients."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from criteria.api import Growth, Layer

BLOCK = 512
"""Units whose paths are counted at once, for the memory."""


@dataclass
class CannistraciHebb(Growth):
    """The node-based CH3-L3 score of the layer's bipartite graph (CHTs; Zhang et al., 2025, arXiv 2501.19107).

    An output unit i and an input unit v are linked by paths i – u – j – v over three links. Each other output unit j
    that shares an input with i and is linked to v counts 1/(1 + e), e being the links of j, that to v left out, which
    are not shared with i; the paths' input units count alike. Of a convolution each place of the kernel is an input.
    The released code scores the graph after pruning; here it is the graph before it, which is what a growth sees.
    """

    known_answers: ClassVar[Any] = [
        {
            "source": "llm/dst_scheduler.py of biomedical-cybernetics/Cannistraci-Hebb-Training-Soft-Rule-",
            "weight": [[1, 1, 0, 0, 1], [0, 1, 1, 0, 0], [0, 0, 1, 1, 0], [1, 0, 0, 1, 0]],
            "scores": [
                [None, None, 2.0, 2.0, None],
                [1.5, None, None, 2.0, 1.5],
                [2.0, 2.0, None, None, 0.0],
                [None, 1.5, 2.0, None, 1.5],
            ],
        }
    ]

    def score(self, layer: Layer) -> Tensor:
        if layer.mask.dim() < 2:  # one output unit: no path over three links leads to an input that it lacks
            return torch.zeros_like(layer.weight)
        links = layer.mask.flatten(1).double()  # autocast leaves this dtype alone
        score = _reached(links) + _reached(links.T).T
        return score.float().reshape(layer.mask.shape)  # sums in another order then are equal where they should be


def _reached(links: Tensor) -> Tensor:
    """The score over the units of one side, [units, units of the other side], for ``links`` of that shape."""
    degrees = links.sum(1)
    blocks = []
    for block in torch.split(links, BLOCK):
        shared = block @ links.T  # whole numbers, so exact in any order
        outside = (degrees - shared - 1).clamp(min=0)  # of each second unit, beside the link that leads on
        blocks.append(((shared > 0) / (1 + outside)) @ links)
    return torch.cat(blocks)
