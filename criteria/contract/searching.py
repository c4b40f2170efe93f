"""Searching for broken promises of a plugin: one property of selections, or all that updates with a partner promise."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from criteria.api import Criterion, Growth
from criteria.contract.asking import Plugin, observes
from criteria.contract.code import name_of, selection_code, training_code
from criteria.contract.properties import DEGENERATE, Property
from criteria.contract.results import Result
from criteria.contract.scopes import UpdateLayers
from criteria.contract.search import Effort, Found, NothingSaid, find_case, find_training
from criteria.contract.special import long_trainings
from criteria.contract.strategies import degenerate_layers, episodes, ordinary_layers
from criteria.contract.training_properties import PROMISES as UPDATE_PROMISES
from criteria.contract.training_properties import Plugins, Twins


@dataclass(frozen=True)
class Pairing:
    """A partner to update with, and how."""

    partner: Plugin
    scope: str
    update: UpdateLayers
    one_in: int
    """How many pairings share the examples."""
    in_full: bool
    """Whether long trainings are tried too, and the first pass tries this pairing."""

    def of(self, plugin: Plugin) -> tuple[Criterion, Growth]:
        """The criterion and the growth, one of which is ``plugin``."""
        criterion, growth = (self.partner, plugin) if isinstance(plugin, Growth) else (plugin, self.partner)
        assert isinstance(criterion, Criterion)
        assert isinstance(growth, Growth)
        return criterion, growth


def selection_results(property_: Property, plugin: Plugin, effort: Effort) -> Iterator[Result]:
    """What came of all that is judged under one name; the first that is broken ends it."""
    name, why, spoken = property_.name, "", False
    for judge in property_.judges:
        if effort.first_pass and not judge.in_first_pass:
            continue
        if judge.prepare is not None:
            judge.prepare()
        drawn = None if judge.cases is None else judge.cases(plugin)
        label = f"{_label(plugin)} {judge.function.__name__}"
        special = judge.at_once if effort.first_pass else judge.besides
        last = [special(plugin)]
        if judge.as_trained and effort.like is not None and not effort.first_pass:
            last.append(effort.like.cases())
        try:
            found = find_case(
                judge.function, plugin, drawn, effort.share(judge.cost), label, itertools.chain.from_iterable(last)
            )
        except NothingSaid as nothing:
            why = why or str(nothing)
            continue
        spoken = True
        if found is not None:
            code = selection_code(judge.function, plugin, found.example)
            yield Result(name, "broken", found.reason, code, hung=found.hung)
            return
    yield Result(name, "kept") if spoken else Result(name, "not checked", why or "the first pass leaves it out")


# long because it is one loop that passes over what is broken already, to see what is behind it
def update_results(plugin: Plugin, effort: Effort, *, pairing: Pairing) -> Iterator[Result]:
    """What came of each property of updates; a broken one is passed over from then on, to see what is behind it."""
    if effort.first_pass and not pairing.in_full:
        return
    criterion, growth = pairing.of(plugin)
    effort, label = effort.share(pairing.one_in), f"{_label(plugin)} {_label(pairing.partner)} {pairing.scope}"
    went_through = 0

    def counted(*arguments: Any) -> Any:
        nonlocal went_through
        outcome = pairing.update(*arguments)
        went_through += 1
        return outcome

    twins = partial(Twins, Plugins(criterion, growth, pairing.scope, counted))
    result = partial(Result, partner=name_of(pairing.partner), scope=pairing.scope)

    def broken(name: str, found: Found, reason: str, passed_over: Iterable[str] = ()) -> Result:
        code = training_code(criterion, growth, found.example, pairing.scope, pairing.update, passed_over)
        return result(name, "broken", reason, code, hung=found.hung)

    judged: set[str] = set()
    last = list(long_trainings(observes(criterion))) if pairing.in_full and not effort.first_pass else []
    ordinary = episodes(ordinary_layers)
    while found := find_training(partial(twins, passed_over=frozenset(judged)), ordinary, effort, label, last):
        yield broken(found.property, found, found.reason, judged)
        judged.add(found.property)
        if found.hung:
            return
        if found.property == "replay" and "checkpoint_replay" not in judged:
            judged.add("checkpoint_replay")
            yield result("checkpoint_replay", "not checked", "two trainings with the same seed differ already")
    rest = [name for name in UPDATE_PROMISES if name not in judged]
    if went_through:
        yield from (result(name, "kept") for name in rest)
    else:
        yield from (result(name, "not checked", "no update went through") for name in rest)
    if found := find_training(twins, episodes(degenerate_layers), effort, f"{label} {DEGENERATE}"):
        yield broken(DEGENERATE, found, f"{found.property}: {found.reason}")
    else:
        yield result(DEGENERATE, "kept")


def _label(plugin: Plugin) -> str:
    return f"{type(plugin).__module__}.{type(plugin).__qualname__} {name_of(plugin)}"
