"""Running scores: another criterion's score, averaged over the optimizer steps since the mask last changed."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from criteria.api import Criterion, Layer


@dataclass
class Running(Criterion):
    """Exponential moving average of the score of ``of``: average ← β · average + (1 − β) · score.

    It starts with the first score observed, and anew when a layer's mask differs from the one observed before, so that
    no topology update has to be announced. Where nothing was observed under the present mask it is the score itself.
    """

    of: ClassVar[Criterion]
    """The criterion whose score is averaged."""
    beta: float = 0.9

    def __post_init__(self) -> None:
        if not 0 <= self.beta <= 1:
            raise ValueError(f"beta must be between 0 and 1, not {self.beta}")
        self._observed: dict[str, dict[str, Tensor]] = {}  # by layer name; its tensors are replaced, never changed

    def score(self, layer: Layer) -> Tensor:
        return self._average(layer, default=self.of.score(layer))

    @torch.no_grad()
    def observe(self, layer: Layer) -> None:
        largest = torch.finfo(layer.weight.dtype).max
        score = self.of.score(layer).clamp(-largest, largest)  # an average with an infinite score could become NaN
        average = torch.lerp(score, self._average(layer, default=score), self.beta)
        self._observed[layer.name] = {"mask": layer.mask.clone(), "average": average}

    def state_dict(self) -> dict[str, Any]:
        return {name: dict(tensors) for name, tensors in self._observed.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._observed = {name: dict(tensors) for name, tensors in state.items()}

    def _average(self, layer: Layer, default: Tensor) -> Tensor:
        """The average under the layer's present mask, [*shape], or ``default`` where nothing was observed under it."""
        past = self._observed.get(layer.name)
        if past is None or past["mask"].shape != layer.mask.shape:
            return default
        same = (past["mask"].to(layer.mask.device) == layer.mask).all()  # not read here: observing must not wait for it
        return torch.where(same, past["average"].to(default), default)
