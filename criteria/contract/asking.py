"""Asking a plugin: its answer to a layer, or what became of the question."""

import contextlib
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from criteria.api import Criterion, Growth, Layer
from criteria.contract.case import Case, mapped
from criteria.contract.process import Overtime
from criteria.errors import is_out_of_memory, said

Plugin = Criterion | Growth
P = TypeVar("P", bound=Plugin)
Layout = Callable[[Tensor], Tensor]
"""Makes a copy of a tensor, in some order in memory."""


class Broken(Exception):  # noqa: N818 - it states a finding
    """The plugin does not keep the promise; the message says what happened instead."""


class Inapplicable(Exception):  # noqa: N818 - not an error
    """The case says nothing about the promise."""


class NoAnswer(Inapplicable):
    """A call to the plugin failed, or gave something that is not an answer."""


class LackOfMemory(NoAnswer):
    """A call needed more memory than there is: that says something of the machine, not of a promise."""


class WrongPlace(NoAnswer):
    """An answer is on another device than the layer."""


@dataclass(frozen=True)
class Answer:
    """What a plugin says about a layer."""

    selected: Tensor
    """bool [*shape]"""
    scores: Tensor | None
    """The scores of the selectable positions, [number of them], or None for a plugin that has none."""
    drew: bool
    """Whether the layer's generator was used."""

    def __str__(self) -> str:
        scores = "" if self.scores is None else f" by the scores {some(self.scores)}"
        return f"{positions(self.selected)}{scores}"

    def equals(self, other: "Answer") -> bool:
        """Whether both select the same by the same scores, where both have scores."""
        same_scores = self.scores is None or other.scores is None or torch.equal(self.scores, other.scores)
        return same_scores and torch.equal(self.selected, other.selected)


def selectable(plugin: Plugin, case: Case) -> Tensor:
    """The positions that the plugin chooses from: active ones to prune, candidates to grow. bool [*shape]."""
    if not isinstance(plugin, Growth):
        return case.layer.mask
    return ~case.layer.mask if case.candidates is None else case.candidates


def observes(plugin: Plugin) -> bool:
    """Whether the plugin follows the training."""
    return isinstance(plugin, Criterion) and plugin.observes


def keeps_state(plugin: Plugin) -> bool:
    """Whether the plugin has something to save."""
    kind = Criterion if isinstance(plugin, Criterion) else Growth
    methods = ("state_dict", "load_state_dict")
    return observes(plugin) or any(getattr(type(plugin), name) is not getattr(kind, name) for name in methods)


def has_score(plugin: Plugin) -> bool:
    """Whether the plugin defines score(); one with a select() of its own need not."""
    return type(plugin).score not in (Criterion.score, Growth.score)


def has_select(plugin: Plugin) -> bool:
    """Whether the plugin has a selection of its own."""
    return type(plugin).select not in (Criterion.select, Growth.select)


def prepared(plugin: P, case: Case) -> P:
    """A copy of the plugin that has observed what came before the case."""
    return observed(copy.deepcopy(plugin), case)


def observed(plugin: P, case: Case) -> P:
    """This very plugin, once it has observed what came before the case."""
    if isinstance(plugin, Criterion) and case.observed:
        for layer in case.past():
            call(plugin.observe, layer)
    return plugin


def answer(plugin: Plugin, case: Case, layout: Layout = torch.clone) -> Answer:
    """What a copy of the plugin says to the case; raises :class:`NoAnswer` where it says nothing usable."""
    return ask(prepared(plugin, case), case, layout)


def answer_still(plugin: Plugin, case: Case, what: str, layout: Layout = torch.clone) -> Answer:
    """The answer to a variant of a case that was answered before: this time no answer is a broken promise."""
    with no_answer_is_broken(what):
        return answer(plugin, case, layout)


def ask(plugin: Plugin, case: Case, layout: Layout = torch.clone) -> Answer:
    """Ask this very plugin for scores and selection, each time with a new copy of the layer's tensors."""
    scores = None
    if has_score(plugin):
        scores = score_of(plugin, mapped(case.layer, layout, layout))[selectable(plugin, case)]
    asked = case.mapped(layout, layout)
    selected = select_of(plugin, asked)
    return Answer(selected, scores, drew=not torch.equal(asked.layer.generator.get_state(), _state(case.layer)))


def ask_as_shown(plugin: Plugin, case: Case) -> Answer:
    """Ask this very plugin about the very tensors of the case."""
    scores = score_of(plugin, case.layer)[selectable(plugin, case)].clone() if has_score(plugin) else None
    before = _state(case.layer)
    selected = select_of(plugin, case).clone()
    return Answer(selected, scores, drew=not torch.equal(before, _state(case.layer)))


def is_random(plugin: Plugin, case: Case, seeds: int = 30) -> bool:
    """Whether the answer depends on the layer's generator, be it drawn from it or from a copy of it."""
    first = answer(plugin, case)
    if first.drew:
        return True
    for seed in range(seeds):
        generator = torch.Generator().manual_seed(seed)
        other = answer(plugin, replace(case, layer=replace(case.layer, generator=generator)))
        if other.drew or not torch.equal(first.selected, other.selected) or not _same(first.scores, other.scores):
            return True
    return False


def score_of(plugin: Plugin, layer: Layer) -> Tensor:
    """score(), or :class:`NoAnswer`."""
    score: Tensor = call(plugin.score, layer)
    _require_tensor("score()", score, layer)
    if score.dtype == torch.bool or score.is_complex():
        raise NoAnswer(f"score() gave a tensor of dtype {score.dtype}; real numbers were asked for")
    return score


def select_of(plugin: Plugin, case: Case, candidates: Tensor | None = None) -> Tensor:
    """select(), or :class:`NoAnswer`; a growth is given these very ``candidates``, or a copy of those of the case."""
    layer = case.layer
    given = selectable(plugin, case).clone() if candidates is None else candidates
    arguments = (given,) if isinstance(plugin, Growth) else ()
    selected: Tensor = call(plugin.select, layer, case.n, *arguments)
    _require_tensor("select()", selected, layer)
    if selected.dtype != torch.bool:
        raise NoAnswer(f"select() gave a tensor of dtype {selected.dtype}; bool was asked for")
    return selected


def call(function: Callable[..., Any], *arguments: object, what: str = "") -> Any:
    """The result of a call to a plugin, or :class:`NoAnswer` where it raises anything but ``KeyboardInterrupt``."""
    try:
        return function(*arguments)
    except (KeyboardInterrupt, Overtime):
        raise
    except BaseException as error:  # a plugin may fail in any way; that is a result
        what = what or f"{function.__name__}()"
        kind = LackOfMemory if is_out_of_memory(error) else NoAnswer
        raise kind(f"{what} raised {type(error).__name__}: {said(error)}") from error


def _require_tensor(what: str, given: object, layer: Layer) -> None:
    if not isinstance(given, Tensor):
        raise NoAnswer(f"{what} gave {described(given)}, not a tensor")
    if given.shape != layer.weight.shape:
        raise NoAnswer(f"{what} gave shape {tuple(given.shape)} for a layer of shape {tuple(layer.weight.shape)}")
    if given.device != layer.weight.device:
        raise WrongPlace(f"{what} gave a tensor on {given.device} for a layer on {layer.weight.device}")


def described(given: object) -> str:
    """What kind of thing was given."""
    return "None" if given is None else f"a {type(given).__name__}"


@contextlib.contextmanager
def no_answer_is_broken(what: str = "", in_dtype: torch.dtype = torch.float32) -> Iterator[None]:
    """No answer breaks the property at hand, unless memory is lacking.

    In a dtype that the plugin does not support it is left to ``dtype_stable``.
    """
    try:
        yield
    except NoAnswer as error:
        if in_dtype != torch.float32 or isinstance(error, LackOfMemory):
            raise
        raise Broken(f"{what}, {error}" if what else str(error)) from error


def positions(selected: Tensor) -> str:
    """The selected positions, one list of indices each."""
    return some(selected.nonzero().squeeze(1))


def some(values: Tensor) -> str:
    """The values as a list, but no more than a reader can take in."""
    first = str(values[:16].tolist())
    return first if len(values) <= 16 else f"{first[:-1]}, … {len(values)} in all]"


def _state(layer: Layer) -> Tensor:
    return layer.generator.get_state()


def _same(one: Tensor | None, other: Tensor | None) -> bool:
    return one is None or other is None or torch.equal(one.nan_to_num(), other.nan_to_num())
