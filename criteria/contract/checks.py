"""Checking a plugin.

A :class:`Check` judges one property of selections, or all that topology updates promise. :func:`report` runs every
check of a plugin, :func:`check_criterion` and :func:`check_growth` stop at the first broken promise, and
:func:`parametrize_with_checks` makes a pytest test of each check.
"""

import copy
import unittest
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from criteria.api import Criterion, Growth
from criteria.contract.asking import Plugin, observes
from criteria.contract.case import wide_case
from criteria.contract.code import name_of, selection_code, training_code
from criteria.contract.properties import DEGENERATE, PROMISES, SELECTION, Property
from criteria.contract.results import ContractError, Result
from criteria.contract.search import TIME_LIMIT, Effort, Found, NothingSaid, find_case, find_training
from criteria.contract.strategies import degenerate_layers, ordinary_layers, starts
from criteria.contract.training_properties import PROMISES as UPDATE_PROMISES
from criteria.contract.training_properties import SCOPES, Twins, UpdateLayers
from criteria.errors import InputError
from criteria.plugins import load, usable

if TYPE_CHECKING:
    import pytest

DEFAULT_EXAMPLES = 100
"""How many cases each property is tried on where nothing else is asked for."""


@dataclass(frozen=True)
class Check:
    """One search for broken promises of a plugin."""

    name: str
    results: Callable[[Plugin, Effort], Iterator[Result]]
    """Searches, and gives each result when it is known."""

    def __call__(self, plugin: Plugin, max_examples: int = DEFAULT_EXAMPLES) -> None:
        """Search; raises :class:`ContractError`, or ``unittest.SkipTest`` where nothing could be checked."""
        __tracebackhide__ = True  # pytest then shows the message, not the search
        results = list(_until_broken(self, plugin, Effort(max_examples)))
        if all(result.outcome == "not checked" for result in results):
            raise unittest.SkipTest(results[0].reason)


def report(
    plugin: Plugin | str,
    max_examples: int = DEFAULT_EXAMPLES,
    *,
    partners: Iterable[Plugin] | None = None,
    scopes: Mapping[str, UpdateLayers] = SCOPES,
    time_limit: float = TIME_LIMIT,
    seed: int | None = None,
) -> list[Result]:
    """What came of every property, without raising; the parameters are those of :func:`check_criterion`.

    After a call that did not return nothing more is checked.
    """
    checked: Plugin = _instance(plugin)
    effort = _effort(max_examples, time_limit, seed)
    results: list[Result] = []
    for check in checks_of(checked, partners, scopes):
        results += check.results(checked, effort)
        if any(result.hung for result in results):
            judged = {result.property for result in results}
            why = "a call to the plugin did not return"
            results += [Result(name, "not checked", why) for name in _promised(checked) if name not in judged]
            break
    order = list(PROMISES)
    return sorted(results, key=lambda result: order.index(result.property))


def check_criterion(
    criterion: Criterion | str,
    max_examples: int = DEFAULT_EXAMPLES,
    *,
    partners: Iterable[Growth] | None = None,
    scopes: Mapping[str, UpdateLayers] = SCOPES,
    time_limit: float = TIME_LIMIT,
    seed: int | None = None,
) -> None:
    """Return quietly if no promise of the criterion is found broken, else raise :class:`ContractError`.

    ``criterion`` is an instance, or the spec of an installed one. Each property is tried on ``max_examples`` cases; for
    topology updates they are divided among the growths (``partners``, by default all that are installed) and the
    ``scopes``. ``time_limit`` is in seconds, for one case. With a ``seed`` the cases are the same every time; without
    one they differ, and those that break a promise are kept and tried first next time.
    Raises :class:`InputError` for what is not a criterion.
    """
    _check(_instance(criterion), partners, scopes, _effort(max_examples, time_limit, seed))


def check_growth(
    growth: Growth | str,
    max_examples: int = DEFAULT_EXAMPLES,
    *,
    partners: Iterable[Criterion] | None = None,
    scopes: Mapping[str, UpdateLayers] = SCOPES,
    time_limit: float = TIME_LIMIT,
    seed: int | None = None,
) -> None:
    """What :func:`check_criterion` is for a criterion; here the ``partners`` are criteria."""
    _check(_instance(growth, "growth"), partners, scopes, _effort(max_examples, time_limit, seed))


def parametrize_with_checks(plugins: Iterable[Plugin | str]) -> "pytest.MarkDecorator":
    """A pytest decorator that makes a test of every check of every plugin.

    >>> @parametrize_with_checks([MyCriterion()])
    ... def test_contract(plugin, check):
    ...     check(plugin)
    """
    import pytest  # only tests call this, and pytest need not be installed for the rest

    tests = [(plugin, check) for plugin in map(_instance, plugins) for check in checks_of(plugin)]
    ids = [f"{'growth-' * isinstance(plugin, Growth)}{name_of(plugin)}-{check.name}" for plugin, check in tests]
    return pytest.mark.parametrize(("plugin", "check"), tests, ids=ids)


def checks_of(
    plugin: Plugin, partners: Iterable[Plugin] | None = None, scopes: Mapping[str, UpdateLayers] = SCOPES
) -> list[Check]:
    """All checks of a plugin, with growths to try a criterion with, or criteria to try a growth with."""
    if partners is None:
        kind = "criterion" if isinstance(plugin, Growth) else "growth"
        partners = [load(name, kind) for name in usable(kind)]
    checks = [Check(each.name, partial(_selection_results, each)) for each in SELECTION if isinstance(plugin, each.of)]
    pairs = [(partner, scope) for partner in partners for scope in scopes]
    for partner, scope in pairs:
        search = partial(_update_results, partner=partner, scope=scope, update=scopes[scope], one_in=len(pairs))
        checks.append(Check(f"updates-{name_of(partner)}-{scope}", search))
    return checks


def _check(
    plugin: Plugin, partners: Iterable[Plugin] | None, scopes: Mapping[str, UpdateLayers], effort: Effort
) -> None:
    for check in checks_of(plugin, partners, scopes):
        for _ in _until_broken(check, plugin, effort):
            pass


def _until_broken(check: Check, plugin: Plugin, effort: Effort) -> Iterator[Result]:
    __tracebackhide__ = True
    for result in check.results(plugin, effort):
        if result.outcome == "broken":
            raise ContractError(name_of(plugin), result)
        yield result


def _selection_results(property_: Property, plugin: Plugin, effort: Effort) -> Iterator[Result]:
    name, cases, effort = property_.name, property_.cases(plugin), effort.share(property_.cost)
    last = [wide_case(seed=0, observed=2 if observes(plugin) else 0)] if property_.wide else []
    try:
        found = find_case(property_.judge, plugin, cases, effort, f"{_label(plugin)} {name}", last)
    except NothingSaid as why:
        yield Result(name, "not checked", str(why))
        return
    if found is None:
        yield Result(name, "kept")
    else:
        yield Result(name, "broken", found.reason, selection_code(name, plugin, found.example), hung=found.hung)


def _update_results(
    plugin: Plugin, effort: Effort, *, partner: Plugin, scope: str, update: UpdateLayers, one_in: int
) -> Iterator[Result]:
    """What came of each property of updates; a broken one is passed over from then on, to see what is behind it."""
    criterion, growth = (partner, plugin) if isinstance(plugin, Growth) else (plugin, partner)
    assert isinstance(criterion, Criterion)
    assert isinstance(growth, Growth)
    effort, label = effort.share(one_in), f"{_label(plugin)} {_label(partner)} {scope}"
    went_through = 0

    def counted(*arguments: Any) -> Any:
        nonlocal went_through
        outcome = update(*arguments)
        went_through += 1
        return outcome

    twins = partial(Twins, criterion, growth, scope, counted)
    result = partial(Result, partner=name_of(partner), scope=scope)

    def broken(name: str, found: Found, reason: str) -> Result:
        return result(
            name, "broken", reason, training_code(criterion, growth, found.example, scope, update), hung=found.hung
        )

    judged: set[str] = set()
    while found := find_training(partial(twins, passed_over=frozenset(judged)), starts(ordinary_layers), effort, label):
        judged.add(found.property)
        yield broken(found.property, found, found.reason)
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
    if found := find_training(twins, starts(degenerate_layers), effort, f"{label} {DEGENERATE}"):
        yield broken(DEGENERATE, found, f"{found.property}: {found.reason}")
    else:
        yield result(DEGENERATE, "kept")


def _promised(plugin: Plugin) -> list[str]:
    others = {each.name for each in SELECTION if not isinstance(plugin, each.of)}
    return [name for name in PROMISES if name not in others]


def _effort(max_examples: int, time_limit: float, seed: int | None) -> Effort:
    if max_examples < 1:
        raise InputError(f"max_examples is {max_examples}; at least one example is needed")
    return Effort(max_examples, time_limit, seed)


def _instance(plugin: object, kind: str = "criterion") -> Any:
    """The plugin itself, or the installed one of that spec."""
    if isinstance(plugin, str):
        return load(plugin, kind)
    if not isinstance(plugin, Criterion | Growth):
        hint = f"; call it: {plugin.__name__}()" if isinstance(plugin, type) else ""
        raise InputError(f"{plugin!r} is not an instance of Criterion or Growth{hint}")
    try:
        copy.deepcopy(plugin)
    except Exception as error:  # its fields may be anything
        raise InputError(f"{type(plugin).__name__} cannot be copied (copy.deepcopy): {error!r}") from error
    return plugin


def _label(plugin: Plugin) -> str:
    return f"{type(plugin).__module__}.{type(plugin).__qualname__} {name_of(plugin)}"
