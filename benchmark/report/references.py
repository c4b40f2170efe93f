"""What baselines are, in a few words each, and which of them belong to a density.

So texts and figures speak of those that an experiment has, and of no others.
"""

from collections.abc import Iterable, Sequence

from benchmark.experiments.cells import Cell
from criteria.plugins import Spec

WORDS = {
    "static": "just as sparse, with a topology that never changes",
    "dense": "with all weights",
    "dropout": "with all weights, and with dropout",
    "small_dense": "dense and narrower, with as many weights as the sparse ones",
    "static_magnitude": "just as sparse, with the weights that are largest at the start",
    "static_snip": "just as sparse, with the weights that SNIP chooses at the start",
    "static_grasp": "just as sparse, with the weights that GraSP chooses at the start",
    "static_synflow": "just as sparse, with the weights that SynFlow chooses at the start",
}
"""The words that follow the name of a baseline of this distribution."""
NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve")


def reference_words(baselines: Iterable[str]) -> dict[str, str]:
    """What each baseline is, by its text, such as ``dropout(p=0.05)``; nothing for one that others wrote."""
    return {text: WORDS.get(Spec.parse(text).name, "") for text in baselines}


def baselines_at(cells: Sequence[Cell], density: float) -> list[Cell]:
    """The cells of baselines that networks of a density are compared with.

    They are those of that density, and those with all weights, unless the same baseline is there with that density.
    """
    baselines = [cell for cell in cells if cell.growth is None]
    own = {cell.label for cell in baselines if cell.density == density}
    return [cell for cell in baselines if cell.density == density or (cell.density == 1 and cell.label not in own)]


def number_word(count: int) -> str:
    """A number as the first word of a sentence."""
    return NUMBERS[count] if count < len(NUMBERS) else str(count)
