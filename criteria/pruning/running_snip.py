"""Running SNIP: the SNIP score, less at the mercy of a single batch."""

from dataclasses import dataclass
from typing import ClassVar

from criteria.api import Criterion
from criteria.pruning.running import Running
from criteria.pruning.snip import SNIP


@dataclass
class RunningSNIP(Running):
    """Score: the running average of |θ·g| (released code of the paper)."""

    of: ClassVar[Criterion] = SNIP()
    requires_grad: ClassVar[bool] = True
