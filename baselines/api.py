"""What a baseline gives: a recipe without topology updates that criteria are compared with."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from torch import Tensor, nn


class Baseline:
    """A network trained on a fixed mask.

    The engine draws the mask from the same stream as for criteria, so both start from the same network; a baseline that
    gives :meth:`scores` chooses its mask instead, of the same initial weights and as many of them.
    """

    rounds: ClassVar[int] = 1
    """In how many rounds a mask is chosen: after round r of R a share of density^(r/R) is left."""
    narrows: ClassVar[bool] = False
    """Whether a dense network is trained, so narrow that it has as many weights as the experiment's at the density."""
    examples: int = 100
    """Training examples that :meth:`scores` sees, 1 or more; all of them where there are fewer."""
    batch_statistics: ClassVar[bool] = True
    """Whether batch-norm normalises by these examples in :meth:`scores`, as in training; else it does nothing yet."""

    def densities(self, grid: Sequence[float]) -> Sequence[float]:
        """Densities at which this baseline is trained, given those of the experiment's grid."""
        return grid

    def model(self, model: Mapping[str, Any]) -> Mapping[str, Any]:
        """The model that is trained, given that of the experiment: its ``name`` and parameters."""
        return model

    def scores(
        self, network: "nn.Module", names: Sequence[str], inputs: "Tensor", loss: Callable[["Tensor"], "Tensor"]
    ) -> "Mapping[str, Tensor]":
        """How important each weight is before training, [*shape] by name; of all layers together the highest stay.

        ``network`` is a copy with what is left of its initial weights, to do anything with; its dropout is off;
        ``names`` are the weights in question, ``inputs`` [examples, *shape] are training examples, and ``loss`` makes
        a number of the network's logits for them. What torch's, numpy's or Python's global generator gives here follows
        from the run's seed.
        """
        raise NotImplementedError(f"{type(self).__name__} has a mask that is drawn")

    @property
    def chooses(self) -> bool:
        """Whether the mask is chosen by :meth:`scores`, and not drawn."""
        return type(self).scores is not Baseline.scores
