"""The property ``deterministic`` in other processes: at another time, elsewhere, with other hashes of texts."""

import contextlib
from collections.abc import Sequence

from criteria.contract.asking import Broken, Inapplicable, NoAnswer, Plugin, answer
from criteria.contract.case import Case, drawn_case
from criteria.contract.comparing import require_same
from criteria.contract.elsewhere import RECIPES, Reply, asked_elsewhere, asked_with_other_hashes
from criteria.contract.hashing import makes_sets
from criteria.contract.making import made_anew


def same_in_another_process(plugin: Plugin, _case: Case) -> None:
    """The same layer and generator state give the same answer in another process, at another time, elsewhere."""
    _require_same_there(plugin, [asked_elsewhere(plugin)])


def same_with_other_hashes(plugin: Plugin, _case: Case) -> None:
    """The same layer and generator state give the same answer in whatever order sets of texts come."""
    if not makes_sets(type(plugin)):
        raise Inapplicable("it makes no set and no hash")
    _require_same_there(plugin, asked_with_other_hashes(plugin))


def _require_same_there(plugin: Plugin, replies: Sequence[Reply]) -> None:
    """A plugin that is made anew answers here as in other processes, to the recipes that these were asked."""
    compared = 0
    for reply in replies:
        made = made_anew(plugin)
        if made is None:
            raise Inapplicable("it cannot be made anew")
        for recipe, there in zip(RECIPES, reply.answers, strict=False):
            case = eval(recipe, {"drawn_case": drawn_case})
            with contextlib.suppress(NoAnswer):
                first = answer(made, case)
                if there is None:
                    raise Broken(f"in another process there was no answer to {recipe}")
                require_same(first, there, f"in another process, asked about {recipe}")
                compared += 1
    if not compared:
        raise Inapplicable("it answers nothing here")
