"""Checking an implementation: the search for a training in which it breaks a promise."""

import textwrap
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky

from criteria.contract.asking import Broken
from criteria.contract.implementations.case import NETWORKS, OPTIMIZERS, Step, TrainingCase
from criteria.contract.implementations.protocol import PROMISES, Declared, Make
from criteria.contract.implementations.ranks import case_of, ranks_differ
from criteria.contract.implementations.trial import try_case
from criteria.contract.process import Overtime, time_limit
from criteria.contract.results import ContractError, Result
from criteria.errors import InputError

DEFAULT_EXAMPLES = 50
"""Trainings that are tried where nothing else is asked for."""
SECONDS = 30.0
"""That one training may take; it takes a fraction of one."""
RANKED = 2
"""Trainings of two processes that are tried; each takes seconds."""


class TrainingContractError(ContractError):
    """An implementation does not keep a promise; the message has the counterexample as code."""

    def __init__(self, name: str, result: Result) -> None:
        self.result = result
        text = f"{name} breaks {result.property}\npromised: {PROMISES[result.property]}\nfound: {result.reason}"
        if result.code:
            text += f"\ncounterexample, to be pasted and run:\n\n{textwrap.indent(result.code, '    ')}"
        AssertionError.__init__(self, text)


def check_training(
    make: Make, *, expected_failures: Mapping[str, str] | None = None, examples: int = DEFAULT_EXAMPLES, **declared: Any
) -> None:
    """Return quietly if no promise of an implementation is found broken, else raise :class:`TrainingContractError`.

    ``make(model, optimizer, seed)`` makes the model sparse and gives a
    :class:`~criteria.contract.implementations.protocol.Handle`; the contract owns model, optimizer, loss and loop.
    ``declared`` are the fields of :class:`~criteria.contract.implementations.protocol.Declared`, such as
    ``update_period=5``. ``expected_failures`` gives the reason for each promise that is known to be broken: a promise
    of these that is found kept is an error too. ``examples`` trainings are tried.

    Raises :class:`InputError` for what cannot be declared or expected.
    """
    expected = dict(expected_failures or {})
    for name in expected:
        if name not in PROMISES:
            raise InputError(f"there is no promise {name!r}; there are: {', '.join(PROMISES)}")
    for result in _judged(make, examples, 0, _declared(declared)):  # it ends at the first that is not expected
        if result.outcome == "broken" and result.property not in expected:
            raise TrainingContractError(name_of(make), result)
        if result.outcome == "kept" and result.property in expected:
            reason = f"it is kept, though a failure was expected: {expected[result.property]}"
            raise TrainingContractError(name_of(make), Result(result.property, "kept", reason))


def report_training(
    make: Make, *, examples: int = DEFAULT_EXAMPLES, random_seed: int | None = 0, **declared: Any
) -> list[Result]:
    """What came of every promise, without raising; the parameters are those of :func:`check_training`.

    With a ``random_seed`` the trainings are the same every time.
    """
    results = {result.property: result for result in _judged(make, examples, random_seed, _declared(declared))}
    return [results[name] for name in PROMISES]


def _judged(make: Make, examples: int, random_seed: int | None, said: Declared) -> Iterator[Result]:
    """What came of every promise as soon as it is known; the broken ones in the order in which they break."""
    found: set[str] = set()
    while new := _search(make, said, examples, random_seed, frozenset(found)):
        found |= {result.property for result in new}
        yield from new
    for result in _ranks(make, said):
        found.add(result.property)
        yield result
    for name in PROMISES:
        if name not in found:
            why = _not_checked(name, found, said)
            yield Result(name, "not checked" if why else "kept", why)


def _not_checked(name: str, broken: Collection[str], said: Declared) -> str:
    """Why a promise that was not found broken was not checked; empty where it was."""
    if name in ("checkpoint_replay", "pure") and "replay" in broken:
        return "no two trainings are alike: replay is broken"
    if name in ("no_resurrection", "grown_start_as_declared", "grown_state_as_declared") and said.update_period is None:
        return "masks never change, as was declared"
    if name == "no_resurrection" and said.resurrection != "forbid":
        return "what was pruned may come back, as was declared"
    if name == "no_resurrection" and said.prune_fraction is None:
        return "how many weights an update prunes was not declared (prune_fraction)"
    if name == "grown_start_as_declared" and said.grown_value == "any":
        return "it may start anywhere, as was declared"
    if name == "grown_state_as_declared" and said.grown_state == "any":
        return "it may find anything, as was declared"
    return ""


def run_case(make: Make, case: TrainingCase, **declared: Any) -> None:
    """Try one training; raises :class:`TrainingContractError` for the promise that it breaks first."""
    broken = try_case(make, case, _declared(declared))
    for name, reason in broken.items():
        raise TrainingContractError(name_of(make), Result(name, "broken", reason))


def name_of(make: Make) -> str:
    """What an implementation is called."""
    return str(getattr(make, "__qualname__", type(make).__qualname__))


def cases(declared: Declared) -> st.SearchStrategy[TrainingCase]:
    """Trainings of random small networks, with every situation that the implementation is for."""
    steps = [Step(), Step(scale=1000), Step(scale=0)]
    if "accumulation" in declared.situations:
        steps += [Step(batches=2), Step(batches=3)]
    if "skipped" in declared.situations:
        steps.append(Step(overflows=True))
    fused = ("fused",) if {"fused", "skipped"} <= set(declared.situations) else ()

    def with_saving(case: TrainingCase) -> st.SearchStrategy[TrainingCase]:
        return st.integers(0, len(case.steps)).map(lambda saved: replace(case, saved_after=saved))

    return st.builds(
        TrainingCase,
        st.sampled_from(declared.networks),
        st.lists(st.integers(2, 6), min_size=1, max_size=2).map(tuple),
        st.sampled_from((*declared.optimizers, *fused)),
        st.lists(st.sampled_from(steps), min_size=1, max_size=declared.most_steps).map(tuple),
        st.integers(0, 99),
    ).flatmap(with_saving)


def _search(
    make: Make, declared: Declared, examples: int, random_seed: int | None, passed_over: frozenset[str]
) -> list[Result]:
    """What breaks promises other than those passed over, in the smallest training found; nothing where none does."""
    found: list[tuple[dict[str, str], TrainingCase]] = []

    def test(case: TrainingCase) -> None:
        try:
            with time_limit(SECONDS):
                broken = try_case(make, case, declared, passed_over)
        except Overtime as slow:
            broken = {} if "density_preserved" in passed_over else {"density_preserved": f"a training {slow}"}
        if broken:
            found.append((broken, case))
            raise Broken(", ".join(broken))

    search = settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[phase for phase in (Phase.generate, Phase.shrink) if phase in settings().phases],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )(given(cases(declared))(test))
    try:
        (search if random_seed is None else seed(random_seed)(search))()
    except (Broken, Flaky):
        return list(_results(make, declared, *found[-1]))
    return []


def _results(make: Make, declared: Declared, broken: Mapping[str, str], case: TrainingCase) -> Iterator[Result]:
    for name, reason in broken.items():
        yield Result(name, "broken", reason, _code(make, case, declared, _used(case)))


def _ranks(make: Make, declared: Declared) -> Iterator[Result]:
    if "ranks" not in declared.situations:
        yield Result("equal_on_ranks", "not checked", "it is not made for several processes")
        return
    for index in range(RANKED):
        try:
            differ = ranks_differ(make, case := case_of(declared, index))
        except OSError as why:
            yield Result("equal_on_ranks", "not checked", str(why))
            return
        if differ:
            used = {"ranks_differ", *_used(case)}
            yield Result("equal_on_ranks", "broken", differ, _code(make, case, None, used))
            return


def _used(case: TrainingCase) -> Collection[str]:
    return {"Step", "TrainingCase"} if case.steps else {"TrainingCase"}


def _code(make: Make, case: TrainingCase, declared: Declared | None, used: Collection[str]) -> str:
    """Code that runs the case again."""
    ours = "criteria.contract.implementations"
    module, name = getattr(make, "__module__", None), name_of(make)
    plain = name.isidentifier() and module is not None and hasattr(make, "__qualname__")
    lines = [f"from {module} import {name}" if plain else f"# {name} is defined in {module}"]
    known = sorted({"run_case", *used} - {"ranks_differ"} - ({"run_case"} if declared is None else set()))
    lines.append(f"from {ours} import {', '.join(known)}")
    if declared is None:
        lines += [f"from {ours}.ranks import ranks_differ", "", f"print(ranks_differ({name}, {case!r}))"]
        return "\n".join(lines)
    default = Declared()
    changed = [f"{key}={value!r}" for key, value in vars(declared).items() if value != getattr(default, key)]
    arguments = "".join(f"    {each},\n" for each in (name, repr(case), *changed))
    return "\n".join([*lines, "", f"run_case(\n{arguments})"])


def _declared(given: Mapping[str, Any]) -> Declared:
    known = set(Declared.__dataclass_fields__)
    for key in given:
        if key not in known:
            raise InputError(f"{key!r} cannot be declared; it can be: {', '.join(sorted(known))}")
    declared = Declared(**given)
    for what, names, there in (
        ("network", declared.networks, NETWORKS),
        ("optimizer", declared.optimizers, OPTIMIZERS),
    ):
        for name in names:
            if name not in there:
                raise InputError(f"there is no {what} {name!r}; there are: {', '.join(there)}")
    return declared
