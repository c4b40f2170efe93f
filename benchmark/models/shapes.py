"""What every model asks of the shape of its inputs and of the number of classes."""

from collections.abc import Sequence


def logits(classes: int) -> int:
    """How many outputs tell ``classes`` classes apart: one for two, else one each."""
    if classes < 2:
        raise ValueError(f"takes 2 classes or more, not {classes}")
    return 1 if classes == 2 else classes


def require_inputs(inputs: Sequence[int], expected: Sequence[int]) -> None:
    """Raises ``ValueError`` unless the data set's inputs have the shape that the model is made for."""
    if tuple(inputs) != tuple(expected):
        raise ValueError(f"takes inputs of shape {_text(expected)}, and those of the data set are {_text(inputs)}")


def _text(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))
