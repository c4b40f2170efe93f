"""Static sparse training: the initial mask is kept for the whole training."""

from dataclasses import dataclass

from baselines.api import Baseline


@dataclass
class Static(Baseline):
    """Sparse from the start and never updated (paper, Figure 1)."""
