"""Reading the settings of a sparse training; whatever does not fit is refused in one line."""

import copy
from collections.abc import Iterable, Sequence
from typing import Any, get_args

from criteria.api import Criterion, Growth
from criteria.errors import InputError
from criteria.plugins import load
from criteria.rules import Rules
from criteria.schedule import PruneFraction
from criteria.training.numeric import is_number, is_whole
from criteria.training.ranks import Ranks
from criteria.training.selecting import Selector
from criteria.training.updating import Loss, Recipe, Schedule

SCHEDULES = get_args(PruneFraction.__annotations__["schedule"])


def recipe(
    criterion: Criterion | str,
    growth: Growth | str,
    rules: Rules | None,
    prune_fraction: Schedule | float | str,
    update_period: int | None,
    total_steps: int | None,
) -> Recipe:
    """How the topology changes; the parameters are those of :class:`~criteria.training.SparseTraining`."""
    rules = Rules() if rules is None else rules
    if not isinstance(rules, Rules):
        raise InputError(f"rules is {rules!r}; it must be criteria.Rules(…), such as Rules(grown_momentum='reset')")
    if rules.grown_value == "old":
        raise InputError(
            "grown_value='old' needs what pruned weights were, which is not kept here; take zero or uniform"
        )
    if rules.ablation:
        raise InputError(
            "an ablation of units needs what each layer started with, which is not kept here; leave it out"
        )
    _require_count("update_period", update_period)
    _require_count("total_steps", total_steps)
    chosen = _schedule(prune_fraction)
    constant = isinstance(chosen, PruneFraction) and chosen.schedule == "constant"
    if total_steps is None and update_period is not None and not constant:
        raise InputError("the prune fraction follows a schedule, which needs total_steps; a number would stay constant")
    made = _instance(criterion, Criterion, "criterion"), _instance(growth, Growth, "growth")
    for plugin in made:
        if plugin.requires_input_norms:
            raise InputError(f"{plugin!r} reads norms of input activations, which are not gathered in one's own loop")
    return Recipe(*made, rules, chosen, update_period, total_steps)


def checked_loss(loss: Loss | None, criterion: Criterion, ranks: Ranks) -> Loss | None:
    """The loss that the criterion differentiates twice; None where it does not."""
    if not criterion.requires_hessian_gradient:
        return None
    if loss is None:
        raise InputError(f"{criterion!r} differentiates the loss twice; give loss=, a function of a temperature")
    if not callable(loss):
        raise InputError(
            f"loss is {loss!r}; it must be a function of a temperature that gives the current batch's loss"
        )
    if ranks.several:
        raise InputError(f"{criterion!r} needs a whole batch in one process; train in one, or by another criterion")
    return loss


def checked_seed(seed: int) -> int:
    """A seed that all processes can be told."""
    if not is_whole(seed) or not 0 <= seed < 2**63:
        raise InputError(f"seed is {seed!r}; it must be a whole number from 0 to 2^63 - 1")
    return int(seed)


def several(selectors: Selector | Sequence[Selector]) -> Sequence[Selector]:
    """One selector or many, as a list."""
    if isinstance(selectors, str | type):
        return [selectors]
    if not isinstance(selectors, Iterable):
        raise InputError(f"{selectors!r} selects no weights; give names, patterns or types of modules")
    return list(selectors)


def _schedule(prune_fraction: Schedule | float | str) -> Schedule:
    """What ``prune_fraction`` means: a schedule by name, a number that stays, or an object."""
    if isinstance(prune_fraction, str):
        if prune_fraction not in SCHEDULES:
            raise InputError(f"prune_fraction is {prune_fraction!r}; by name it can be: {', '.join(SCHEDULES)}")
        return PruneFraction(prune_fraction)  # type: ignore[arg-type]  # one of the names
    if is_number(prune_fraction):
        if not 0 <= prune_fraction <= 1:
            raise InputError(f"prune_fraction is {prune_fraction}; it must be from 0 to 1")
        return PruneFraction("constant", float(prune_fraction))
    if not callable(getattr(prune_fraction, "at", None)):
        known = f"{', '.join(SCHEDULES)}, a number, or an object with at(step, total_steps)"
        raise InputError(f"prune_fraction is {prune_fraction!r}; it can be: {known}")
    return prune_fraction  # type: ignore[return-value]  # numbers have no at()


def _instance(plugin: Any, kind: type, what: str) -> Any:
    made = load(plugin, what) if isinstance(plugin, str) else copy.deepcopy(plugin)
    if not isinstance(made, kind):
        raise InputError(f"{what} is {plugin!r}; it can be the name of an installed one or an instance")
    return made


def _require_count(what: str, value: int | None) -> None:
    if value is not None and (not is_whole(value) or value < 1):
        raise InputError(f"{what} is {value!r}; it must be a number of optimizer steps, from 1")
