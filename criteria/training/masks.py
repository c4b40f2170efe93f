"""The masks that a training starts with, and telling whether two processes have the same ones."""

from collections.abc import Mapping
from typing import Literal

from torch import Tensor, nn

from criteria.distribution import layer_counts, random_mask
from criteria.errors import InputError
from criteria.fan_in import fan_in_mask
from criteria.randomness import stream
from criteria.rules import Distribution, FanIn
from criteria.training.numeric import is_number
from criteria.training.selecting import by_name

GivenMasks = Mapping[str, Tensor] | Literal["nonzero"]
Density = float | Mapping[str, float]


def random_masks(
    weights: Mapping[str, nn.Parameter],
    density: Density,
    distribution: Distribution,
    seed: int,
    fan_in: FanIn = "free",
) -> dict[str, Tensor]:
    """Masks with exactly the density asked for, drawn as the benchmark draws them.

    With a constant ``fan_in`` each layer has the nearest density that gives all its output units as many weights.

    A number is the density of all weights together, which ``distribution`` shares out; a dictionary gives that of each
    weight by its name, its module or a pattern, of which the first that fits counts.
    Raises :class:`InputError` for a density outside 0 … 1, a weight without one and a name that means no weight.
    """
    shapes = {name: tuple(weight.shape) for name, weight in weights.items()}
    if not isinstance(density, Mapping):
        density = _checked("density", density)
        counts = layer_counts(shapes, density, distribution)
        densities = dict.fromkeys(shapes, density)
    else:
        densities = _by_weight(density, list(shapes))
        counts = {name: max(1, round(densities[name] * weight.numel())) for name, weight in weights.items()}
    draw = random_mask if fan_in == "free" else fan_in_mask
    return {
        name: draw(shape, counts[name], stream(seed, "initial mask", densities[name], name))
        for name, shape in shapes.items()
    }


def given_masks(weights: Mapping[str, nn.Parameter], masks: GivenMasks) -> dict[str, Tensor]:
    """Masks that were made elsewhere, as bool tensors; ``"nonzero"``: every weight that is not zero is active.

    Raises :class:`InputError` for a mask that is missing, one too many, of another shape or of more than two values.
    """
    if isinstance(masks, str) and masks == "nonzero":
        return {name: weight.detach() != 0 for name, weight in weights.items()}
    if not isinstance(masks, Mapping):
        raise InputError(f"masks is {masks!r}; it can be a dictionary of masks, or 'nonzero'")
    for name in sorted(set(masks) ^ set(weights)):
        what = "there is no mask for weight" if name in weights else "there is a mask, but no sparse weight"
        raise InputError(f"masks: {what} {name}")
    found = {}
    for name, weight in weights.items():
        if not isinstance(masks[name], Tensor):
            raise InputError(f"the mask of {name} is a {type(masks[name]).__name__}; it must be a tensor")
        mask = masks[name].detach()
        if mask.shape != weight.shape:
            raise InputError(f"the mask of {name} has shape {tuple(mask.shape)}, the weight {tuple(weight.shape)}")
        if not bool(((mask == 0) | (mask == 1)).all()):
            raise InputError(f"the mask of {name} has values other than 0 and 1")
        found[name] = mask.bool().clone()
    return found


def digest(masks: Mapping[str, Tensor]) -> int:
    """A number that differs where the masks do, for all practical purposes."""
    total = 0
    for mask in masks.values():
        # the arithmetic of int64 wraps around; an odd factor and a shift spread positions over all bits
        mixed = (mask.flatten().nonzero() + 1) * -7046029254386353131
        total = (total * 1000003 + int((mixed ^ (mixed >> 29)).sum())) & (2**62 - 1)
    return total


def _by_weight(density: Mapping[str, float], names: list[str]) -> dict[str, float]:
    for key, value in density.items():
        _checked(f"density of {key}", value)
        if not isinstance(key, str) or not any(by_name(key, name) for name in names):
            raise InputError(
                f"density has a value for {key!r}, which is no sparse weight; there are: {', '.join(names)}"
            )
    found = {}
    for name in names:
        fitting = [key for key in density if by_name(key, name)]
        if not fitting:
            raise InputError(f"density gives none for weight {name}; '*' can stand for all others")
        found[name] = _checked(f"density of {name}", density[fitting[0]])
    return found


def _checked(what: str, value: float) -> float:
    """A density, as a number of Python: what is drawn depends on how it is written, and NumPy's are written apart."""
    if not is_number(value) or not 0 < value <= 1:
        raise InputError(f"{what} is {value!r}; it must be above 0 and at most 1")
    return value if isinstance(value, int) else float(value)
