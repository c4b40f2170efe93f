"""DST-EE growth: large gradients, and positions that were seldom active."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from criteria.api import Growth, Layer, gradient


@dataclass
class DSTEE(Growth):
    """Score |g| + ``c``·ln t/(N + ``epsilon``), which prefers positions that were seldom active (Huang et al., 2023).

    DST-EE (arXiv 2211.16667) adds to the gradient what is left to explore: t is the optimizer step, N at how many
    topology updates until now, this one included, the position was active before the update. No code of the authors
    was found, and only the paper's abstract: the formula is from a second-hand description, and the values of ``c`` and
    ``epsilon`` are ours. A step counts once, however often it is asked about.
    """

    c: float = 1e-4
    epsilon: float = 1.0
    requires_grad: ClassVar[bool] = True
    known_answers: ClassVar[Any] = [
        {
            "source": "by hand: at step 2, where nothing was active before, |g| + 0.3·ln 2/0.5",
            "weight": [0.0, 0.0, 0.0, 1.0],
            "grad": [0.5, -3.0, 2.0, 9.0],
            "observed": [{}, {}],
            "parameters": {"c": 0.3, "epsilon": 0.5},
            "scores": [0.91588831, 3.41588831, 2.41588831, None],
        }
    ]

    def __post_init__(self) -> None:
        if not 0 <= self.c < math.inf:
            raise ValueError(f"c must be a number from 0, not {self.c}")
        if not 0 < self.epsilon < math.inf:
            raise ValueError(f"epsilon must be a number above 0, not {self.epsilon}")
        self._seen: dict[str, dict[str, Any]] = {}  # by layer name; its tensors are replaced, never changed

    def score(self, layer: Layer) -> Tensor:
        size = gradient(layer).abs()
        # not in 16 bits, in which a number of updates has no room, nor in whatever dtype is the default
        times = self._times_active(layer).to(torch.promote_types(size.dtype, torch.float32))
        return size + self.c * math.log(max(layer.step, 1)) / (times + self.epsilon)

    def state_dict(self) -> dict[str, Any]:
        return {name: dict(seen) for name, seen in self._seen.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._seen = {name: dict(seen) for name, seen in state.items()}

    def _times_active(self, layer: Layer) -> Tensor:
        """At how many updates each position was active, int32 [*shape], counting that of this step."""
        seen = self._seen.get(layer.name)
        if seen is None or seen["times"].shape != layer.mask.shape:
            seen = {"times": torch.zeros_like(layer.mask, dtype=torch.int32), "step": None}
        times: Tensor = seen["times"].to(layer.mask.device)
        if seen["step"] != layer.step:
            times = times + layer.mask
            self._seen[layer.name] = {"times": times, "step": layer.step}
        return times
