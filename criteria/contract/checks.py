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
from criteria.contract.asking import Plugin, has_select
from criteria.contract.code import name_of
from criteria.contract.properties import PROMISES, SELECTION
from criteria.contract.results import ContractError, Result
from criteria.contract.scopes import NORMALISED, OTHER_SCOPES, SCOPES, UpdateLayers
from criteria.contract.search import TIME_LIMIT, Circumstances, Effort
from criteria.contract.searching import Pairing, selection_results, update_results
from criteria.errors import InputError
from criteria.growth.gradient import GradientGrowth
from criteria.growth.momentum import MomentumGrowth
from criteria.growth.random import RandomGrowth
from criteria.plugins import load
from criteria.pruning.grasp import GraSP
from criteria.pruning.magnitude import Magnitude
from criteria.pruning.running_snip import RunningSNIP
from criteria.pruning.set import SET

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

    def __call__(self, plugin: Plugin, max_examples: int = DEFAULT_EXAMPLES, time_limit: float = TIME_LIMIT) -> None:
        """Search; raises :class:`ContractError`, or ``unittest.SkipTest`` where nothing could be checked.

        ``time_limit`` is in seconds, for one case.
        """
        __tracebackhide__ = True  # pytest then shows the message, not the search
        results = list(_until_broken(self, plugin, Effort(max_examples, time_limit)))
        if all(result.outcome == "not checked" for result in results):
            raise unittest.SkipTest(results[0].reason)


# long because it is a public call whose options all have defaults
def report(
    plugin: Plugin | str,
    max_examples: int = DEFAULT_EXAMPLES,
    *,
    partners: Iterable[Plugin] | None = None,
    scopes: Mapping[str, UpdateLayers] = SCOPES,
    time_limit: float = TIME_LIMIT,
    seed: int | None = None,
    like: Circumstances | None = None,
    quick: bool = False,
) -> list[Result]:
    """What came of every property, without raising; the parameters are those of :func:`check_criterion`.

    After a call that did not return nothing more is checked.
    """
    checked: Plugin = _instance(plugin)
    effort = _effort(max_examples, time_limit, seed, like)
    results: list[Result] = []
    for check in checks_of(checked, partners, scopes):
        results += check.results(checked, effort.at_first()) if quick else _results(check, checked, effort)
        if any(result.hung for result in results):
            judged = {result.property for result in results}
            why = "a call to the plugin did not return"
            results += [Result(name, "not checked", why) for name in _promised(checked) if name not in judged]
            break
    order = list(PROMISES)
    return sorted(_merged(results), key=lambda result: order.index(result.property))


# long because it is a public call whose options all have defaults
def check_criterion(
    criterion: Criterion | str,
    max_examples: int = DEFAULT_EXAMPLES,
    *,
    partners: Iterable[Growth] | None = None,
    scopes: Mapping[str, UpdateLayers] = SCOPES,
    time_limit: float = TIME_LIMIT,
    seed: int | None = None,
    like: Circumstances | None = None,
    quick: bool = False,
) -> None:
    """Return quietly if no promise of the criterion is found broken, else raise :class:`ContractError`.

    ``criterion`` is an instance, or the spec of an installed one. Each property is tried on ``max_examples`` cases; for
    topology updates they are divided among the growths (``partners``, by default those that are shipped) and the
    ``scopes``. ``time_limit`` is in seconds, for one case. With a ``seed`` the cases are the same every time; without
    one they differ, and those that break a promise are kept and tried first next time. With ``like`` the layers of a
    training are tried too. A first pass over all properties tries a few small cases of each, which finds the common
    faults in seconds; ``quick`` stops after it.
    Raises :class:`InputError` for what is not a criterion.
    """
    _check(_instance(criterion), partners, scopes, _effort(max_examples, time_limit, seed, like), quick)


# long because it is a public call whose options all have defaults
def check_growth(
    growth: Growth | str,
    max_examples: int = DEFAULT_EXAMPLES,
    *,
    partners: Iterable[Criterion] | None = None,
    scopes: Mapping[str, UpdateLayers] = SCOPES,
    time_limit: float = TIME_LIMIT,
    seed: int | None = None,
    like: Circumstances | None = None,
    quick: bool = False,
) -> None:
    """What :func:`check_criterion` is for a criterion; here the ``partners`` are criteria."""
    _check(_instance(growth, "growth"), partners, scopes, _effort(max_examples, time_limit, seed, like), quick)


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
    pairings = list(_pairings(plugin, partners, scopes))
    checks = [Check(each.check, partial(selection_results, each)) for each in SELECTION if isinstance(plugin, each.of)]
    updates = [
        Check(f"updates-{name_of(each.partner)}-{each.scope}", partial(update_results, pairing=each))
        for each in pairings
    ]
    return checks + updates


def _pairings(
    plugin: Plugin, partners: Iterable[Plugin] | None, scopes: Mapping[str, UpdateLayers]
) -> Iterator[Pairing]:
    """Every partner with each of the scopes; one of those that are shipped with every other scope and rule too."""
    given = list(_shipped_partners(plugin) if partners is None else partners)
    tried = [(partner, scope, update) for partner in given for scope, update in scopes.items()]
    if partners is None and scopes is SCOPES:
        tried += [(given[-1], scope, update) for scope, update in OTHER_SCOPES.items()]
    for index, (partner, scope, update) in enumerate(tried):
        criterion = partner if isinstance(plugin, Growth) else plugin
        if not (scope in NORMALISED and has_select(criterion)):  # there is no score to normalise
            yield Pairing(partner, scope, update, len(tried), in_full=index == 0)


def _shipped_partners(plugin: Plugin) -> list[Plugin]:
    """Partners that keep the contract: what else is installed may be broken, which is not this plugin's fault."""
    if isinstance(plugin, Growth):
        return [RunningSNIP(), SET(), GraSP(), Magnitude()]
    return [GradientGrowth(), MomentumGrowth(), RandomGrowth()]


def _check(
    plugin: Plugin, partners: Iterable[Plugin] | None, scopes: Mapping[str, UpdateLayers], effort: Effort, quick: bool
) -> None:
    checks = checks_of(plugin, partners, scopes)
    for depth in (effort.at_first(),) if quick else (effort.at_first(), effort):
        for check in checks:
            if depth.first_pass and not quick and check.name.startswith("updates"):
                continue  # an update goes wrong too where a selection does, which says less
            for _ in _until_broken(check, plugin, depth):
                pass


def _results(check: Check, plugin: Plugin, effort: Effort) -> list[Result]:
    """What came of a check: what its first pass finds broken is not searched for again."""
    found = [result for result in check.results(plugin, effort.at_first()) if result.outcome == "broken"]
    return found if found and not check.name.startswith("updates") else list(check.results(plugin, effort))


def _until_broken(check: Check, plugin: Plugin, effort: Effort) -> Iterator[Result]:
    __tracebackhide__ = True
    for result in check.results(plugin, effort):
        if result.outcome == "broken":
            raise ContractError(name_of(plugin), result)
        yield result


def _merged(results: Iterable[Result]) -> list[Result]:
    """One result for each property and pairing, the worst: some properties are judged in two places."""
    severity = ("broken", "kept", "not checked")
    worst: dict[tuple[object, ...], Result] = {}
    for result in results:
        place = (result.property, result.partner, result.scope)
        if place not in worst or severity.index(result.outcome) < severity.index(worst[place].outcome):
            worst[place] = result
    return list(worst.values())


def _promised(plugin: Plugin) -> list[str]:
    others = {each.name for each in SELECTION if not isinstance(plugin, each.of)}
    return [name for name in PROMISES if name not in others]


def _effort(max_examples: int, time_limit: float, seed: int | None, like: Circumstances | None) -> Effort:
    if max_examples < 1:
        raise InputError(f"max_examples is {max_examples}; at least one example is needed")
    return Effort(max_examples, time_limit, seed, like)


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
