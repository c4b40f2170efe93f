"""Small-dense: a dense network that has no more weights than the sparse ones."""

from dataclasses import dataclass
from typing import ClassVar

from baselines.api import Baseline


@dataclass
class SmallDense(Baseline):
    """A narrower dense network with as many weights as the sparse ones, to within 2% (a baseline of Evci et al., 2020).

    Its cell is that of the density whose number of weights it has, counted over all layers without biases. Widths of
    hidden layers shrink nearly alike; models without widths are refused.
    """

    narrows: ClassVar[bool] = True
