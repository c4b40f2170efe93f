"""What a data set says of itself without being loaded, and what every data set is made from."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from benchmark.data.dataset import Dataset


@dataclass(frozen=True)
class Look:
    """What a data set looks like to a network."""

    shape: tuple[int, ...]
    """Of one input."""
    classes: int
    examples: int
    """Number of training examples."""
    low: float
    high: float
    """About the lowest and the highest value of an input, normalised as the data set is."""
    tested: int | None = None
    """Number of test examples, where the source says it; accuracies cannot be surer than these allow."""


class DataSource:
    """A data set by name: how it looks, and how it is loaded.

    A subclass is registered in the entry-point group ``dst_bench.data``; its parameters are the fields of a dataclass.
    The module that it stands in imports neither torch nor what reads the data, except inside :meth:`load`: lists and
    dry runs only ask for the look.
    """

    validation_is_test: ClassVar[bool] = False
    """Whether both are the same examples, so that whatever is chosen on validation data is chosen on test data."""

    @property
    def look(self) -> Look:
        """Shape, classes, number of training examples and range; known without reading the data."""
        raise NotImplementedError(f"{type(self).__name__} does not define look")

    def load(self, root: Path) -> "Dataset":
        """The data set, on the CPU, from files below the folder ``root`` or wherever else they are looked for.

        Raises :class:`criteria.errors.InputError` for files that are missing and cannot be had, or are not the right
        ones.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define load()")
