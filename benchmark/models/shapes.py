"""What every model asks of the shape of its inputs and of the number of classes."""

from collections.abc import Sequence


def logits(classes: int) -> int:
    """How many outputs tell ``classes`` classes apart: one for two, else one each."""
    if classes < 2:
        raise ValueError(f"takes 2 classes or more, not {classes}")
    return 1 if classes == 2 else classes


def require_inputs(inputs: Sequence[int], expected: Sequence[int | None]) -> None:
    """Raises ``ValueError`` unless inputs have the shape that a model is made for; None stands for any size."""
    fits = len(inputs) == len(expected) and all(e in (None, i) for i, e in zip(inputs, expected, strict=True))
    if not fits:
        raise ValueError(f"takes inputs of shape {_text(expected)}, and those of the data set are {_text(inputs)}")


def require_widths(widths: Sequence[int], count: int) -> None:
    """Raises ``ValueError`` unless there are ``count`` widths of layers, each a positive whole number."""
    if len(widths) != count or not all(isinstance(width, int) and width > 0 for width in widths):
        raise ValueError(f"takes {count} widths that are positive whole numbers, not {list(widths)}")


def _text(shape: Sequence[int | None]) -> str:
    return "×".join("any" if size is None else str(size) for size in shape)
