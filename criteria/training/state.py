"""What a sparse training saves, and whether a saved state fits another training."""

from collections.abc import Mapping
from typing import Any

from criteria.errors import InputError
from criteria.training.updating import Recipe, named

STATE = {"step": int, "seed": int, "masks": dict, "criterion": dict, "history": list, "born": dict}
"""What a saved state consists of, and the type of each part."""


def checked_state(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """A saved state; raises :class:`InputError` where it is none, or a part of it is missing."""
    if not isinstance(state, Mapping):
        raise InputError(f"the state of SparseTraining is a {type(state).__name__}; give what sparse.state_dict() gave")
    for key, kind in STATE.items():
        if not isinstance(state.get(key), kind):
            raise InputError(f"the state of SparseTraining has no {key}; save sparse.state_dict() and load that")
    return state


def written(recipe: Recipe, *, own_ages: bool) -> dict[str, str]:
    """What decides how the parts of a state are read, in words."""
    plugins = {"criterion": named(recipe.criterion), "growth": named(recipe.growth)}
    return plugins | {"bias_correction": "own" if own_ages else "shared"}


def require_same_rules(saved: Mapping[str, str], present: Mapping[str, str]) -> None:
    """Raises :class:`InputError` where a state was saved by another criterion, growth or bias correction.

    Older states do not say.
    """
    for what, was in saved.items():
        if (now := present.get(what)) != was:
            raise InputError(
                f"the state was saved with {what.replace('_', ' ')} {was}, and this training has {now}; give the "
                "masks alone, masks=state['masks'], to go on in another way"
            )
