"""Notes on a plugin: what breaks no promise, but is seldom meant."""

import contextlib
import copy
import dataclasses
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from criteria.contract.asking import Answer, NoAnswer, Plugin, answer, ask, has_score, observes, prepared
from criteria.contract.case import Case, drawn_case
from criteria.contract.settings import contained

SMALLER, LARGER = (64, 64), (256, 256)
"""Layers of which the second has sixteen times as many weights."""

TOO_MUCH = 80
"""How many times as long the larger layer may take: 16 if cost is linear, 256 if it is quadratic."""

ASKED = 60
"""How often a plugin is asked about one layer before what it holds is weighed again."""


def notes_on(plugin: Plugin) -> list[str]:
    """Sentences on what an author may want to look at.

    They are about parameters and steps that change nothing, equal scores, slow selections and large caches.
    """
    looked_at = (_idle_parameters, _idle_steps, _equal_scores, _slow_selection, _growing_cache)
    notes: list[str] = []
    with contained(), torch.no_grad(), contextlib.suppress(NoAnswer):  # other checks say why it does not answer
        for look in looked_at:
            notes += look(plugin)
    return notes


def _cases() -> Iterator[Case]:
    for seed in range(6):
        yield drawn_case((7, 5), 20, 7, seed=seed, observed=3, step=seed * 50 + 3)
    yield from _after_warming_up()


def _after_warming_up() -> Iterator[Case]:
    """Layers of which more steps were observed than a plugin should need before it begins."""
    for moved in (False, True):
        yield replace(drawn_case((7, 5), 20, 7, observed=ASKED, step=ASKED), moved=moved)


def _idle_parameters(plugin: Plugin) -> Iterator[str]:
    """A parameter that changes no score and no selection."""
    parameters: Any = dataclasses.fields(plugin) if dataclasses.is_dataclass(plugin) else ()
    before = [answer(plugin, case) for case in _cases()]
    for field in parameters:
        value = getattr(plugin, field.name, None)
        if field.init and isinstance(value, bool | int | float) and not _matters(plugin, field.name, value, before):
            yield f"the parameter {field.name} changes neither scores nor selections of the layers that were tried"


def _matters(plugin: Any, name: str, value: bool | int | float, before: list[Answer]) -> bool:
    others = [not value] if isinstance(value, bool) else [value * 2 + 1, value / 2, value * 100 + 1, -value]
    for other in others:
        try:
            changed = dataclasses.replace(plugin, **{name: type(value)(other)})
            answers = [answer(changed, case) for case in _cases()]
        except Exception:  # the value is not allowed, which matters
            return True
        if not all(map(Answer.equals, before, answers)):
            return True
    return False


def _idle_steps(plugin: Plugin) -> Iterator[str]:
    """A criterion that observes, and answers as if it had seen nothing."""
    if observes(plugin) and all(
        answer(plugin, case).equals(answer(plugin, replace(case, observed=0))) for case in _after_warming_up()
    ):
        yield f"no score and no selection depends on what observe() was shown in {ASKED} steps"


def _equal_scores(plugin: Plugin) -> Iterator[str]:
    if has_score(plugin):
        scores = [answer(plugin, case).scores for case in _cases()]
        if all(each is not None and bool((each == each[:1]).all()) for each in scores):
            yield "all scores of a layer are equal: every weight is as likely to be selected as any other"


def _slow_selection(plugin: Plugin) -> Iterator[str]:
    seconds = []
    for rows, columns in (SMALLER, LARGER):
        case = drawn_case((rows, columns), rows * columns // 2, rows * columns // 4)
        seconds.append(min(_seconds(plugin, case) for _ in range(3)))
    if seconds[1] > TOO_MUCH * seconds[0]:
        times = seconds[1] / seconds[0]
        yield f"a layer with 16 times as many weights takes {times:.0f} times as long: the cost is not linear"


def _seconds(plugin: Plugin, case: Case) -> float:
    asked = prepared(plugin, case)
    started = time.process_time()
    ask(asked, case)
    return time.process_time() - started


def _growing_cache(plugin: Plugin) -> Iterator[str]:
    asked = copy.deepcopy(plugin)
    sizes = []
    for time_ in range(2 * ASKED):
        case = drawn_case((7, 5), 20, 7, seed=time_, step=time_ + 1)
        if hasattr(asked, "observe"):
            asked.observe(case.layer)
        ask(asked, case)
        sizes.append(_held(vars(asked), set()))
    if sizes[-1] - sizes[ASKED] >= ASKED:  # something for every question
        yield f"it holds more after each question about one layer: {sizes[ASKED]} values, then {sizes[-1]}"


def _held(value: Any, seen: set[int]) -> int:
    """How many values something holds."""
    if id(value) in seen:
        return 0
    seen.add(id(value))
    if isinstance(value, Tensor):
        return value.numel()
    if isinstance(value, dict):
        return sum(_held(each, seen) for each in [*value.keys(), *value.values()])
    if isinstance(value, list | tuple | set | frozenset):
        return sum(_held(each, seen) for each in value)
    return _held(vars(value), seen) if hasattr(value, "__dict__") and not isinstance(value, type) else 1
