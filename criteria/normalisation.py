"""Score normalisation: making the scores of different layers comparable."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Normalisation:
    """Divides each score by the sum or the largest of the absolute scores around it.

    The released code of the paper does so with the scores as they are, which is the same unless some are negative.

    ``over`` says what is around it: its ``layer``; the weights of its output unit, which run over the ``input``; those
    of its input unit, which run over the ``output``; or its ``channel``, the filter of one output channel of a
    convolution. A layer without such units is normalised as a whole. Weights are [outputs, inputs, *kernel].
    """

    over: Literal["layer", "input", "output", "channel"] = "layer"
    by: Literal["sum", "max"] = "sum"

    def __call__(self, score: "Tensor", mask: "Tensor") -> "Tensor":
        """Normalised scores, float64 [*shape]; only active positions (``mask``, bool [*shape]) are read or count."""
        import torch  # the settings of an experiment are read without it

        dims = self._dims(score.dim())
        largest = torch.finfo(score.dtype if score.is_floating_point() else torch.float64).max
        finite = torch.where(mask, score, 0).double().clamp(-largest, largest)
        peak = finite.abs().amax(dims, keepdim=True)
        scaled = finite / torch.where(peak == 0, 1, peak)  # within -1 … 1, so that no sum overflows
        if self.by == "max":
            return scaled
        return scaled / scaled.abs().sum(dims, keepdim=True).clamp(min=1)

    def _dims(self, dims: int) -> tuple[int, ...]:
        """The dimensions that are summed over."""
        if self.over == "layer" or (self.over == "channel" and dims < 3):
            return tuple(range(dims))
        kept = 1 if self.over == "output" else 0
        return tuple(dim for dim in range(dims) if dim != kept) if dims > 1 else tuple(range(dims))
