"""Asking a plugin: its answer to a layer, or what became of the question."""

import contextlib
import copy
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

from criteria.api import Criterion, Growth, Layer
from criteria.contract.case import Case, mapped

Plugin = Criterion | Growth
P = TypeVar("P", bound=Plugin)


class Broken(Exception):  # noqa: N818 - it states a finding
    """The plugin does not keep the promise; the message says what happened instead."""


class Inapplicable(Exception):  # noqa: N818 - not an error
    """The case says nothing about the promise."""


class NoAnswer(Inapplicable):
    """A call to the plugin failed, or gave something that is not an answer."""


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


def selectable(plugin: Plugin, layer: Layer) -> Tensor:
    """The positions that the plugin chooses from: active ones to prune, inactive ones to grow. bool [*shape]."""
    return ~layer.mask if isinstance(plugin, Growth) else layer.mask


def saved_and_loaded(criterion: Criterion) -> dict[str, object]:
    """The criterion's state as it comes back from a checkpoint file; raises :class:`NoAnswer` where it does not."""
    file = io.BytesIO()
    call(lambda: torch.save(criterion.state_dict(), file), what="saving state_dict()")
    file.seek(0)
    state = call(lambda: torch.load(file, weights_only=True), what="loading the saved state_dict()")
    if not isinstance(state, dict):
        raise NoAnswer(f"state_dict() gave {_described(state)}, not a dict")
    return state


def observes(plugin: Plugin) -> bool:
    """Whether the plugin follows the training."""
    return isinstance(plugin, Criterion) and type(plugin).observe is not Criterion.observe


def has_score(plugin: Plugin) -> bool:
    """Whether the plugin defines score(); one with a select() of its own need not."""
    return type(plugin).score not in (Criterion.score, Growth.score)


def prepared(plugin: P, case: Case) -> P:
    """A copy of the plugin that has observed what came before the case."""
    prepared = copy.deepcopy(plugin)
    if isinstance(prepared, Criterion):
        for layer in case.past():
            call(prepared.observe, layer)
    return prepared


def answer(plugin: Plugin, case: Case, layout: Callable[[Tensor], Tensor] = torch.clone) -> Answer:
    """What a copy of the plugin says to the case; raises :class:`NoAnswer` where it says nothing usable."""
    return ask(prepared(plugin, case), case.layer, case.n, layout)


def answer_still(plugin: Plugin, case: Case, what: str, layout: Callable[[Tensor], Tensor] = torch.clone) -> Answer:
    """The answer to a variant of a case that was answered before: this time no answer is a broken promise."""
    with no_answer_is_broken(what):
        return answer(plugin, case, layout)


def ask(plugin: Plugin, layer: Layer, n: int, layout: Callable[[Tensor], Tensor] = torch.clone) -> Answer:
    """Ask this very plugin for scores and selection, each time with a new copy of the layer's tensors."""
    scores = None
    if has_score(plugin):
        scores = score_of(plugin, mapped(layer, layout, layout))[selectable(plugin, layer)]
    asked = mapped(layer, layout, layout)
    selected = select_of(plugin, asked, n)
    return Answer(selected, scores, drew=not torch.equal(asked.generator.get_state(), layer.generator.get_state()))


def score_of(plugin: Plugin, layer: Layer) -> Tensor:
    """score(), or :class:`NoAnswer`."""
    score: Tensor = call(plugin.score, layer)
    _require_tensor("score()", score, layer)
    if score.dtype == torch.bool or score.is_complex():
        raise NoAnswer(f"score() gave a tensor of dtype {score.dtype}; real numbers were asked for")
    return score


def select_of(plugin: Plugin, layer: Layer, n: int) -> Tensor:
    """select(), or :class:`NoAnswer`."""
    arguments = (~layer.mask,) if isinstance(plugin, Growth) else ()
    selected: Tensor = call(plugin.select, layer, n, *arguments)
    _require_tensor("select()", selected, layer)
    if selected.dtype != torch.bool:
        raise NoAnswer(f"select() gave a tensor of dtype {selected.dtype}; bool was asked for")
    return selected


def call(function: Callable[..., Any], *arguments: object, what: str = "") -> Any:
    """The result of a call to a plugin, or :class:`NoAnswer` where it raises."""
    try:
        return function(*arguments)
    except (Exception, SystemExit) as error:  # a plugin may fail in any way; that is a result
        what = what or f"{function.__name__}()"
        raise NoAnswer(f"{what} raised {type(error).__name__}: {error}") from error


def _require_tensor(what: str, given: object, layer: Layer) -> None:
    if not isinstance(given, Tensor):
        raise NoAnswer(f"{what} gave {_described(given)}, not a tensor")
    if given.shape != layer.weight.shape:
        raise NoAnswer(f"{what} gave shape {tuple(given.shape)} for a layer of shape {tuple(layer.weight.shape)}")
    if given.device != layer.weight.device:
        raise NoAnswer(f"{what} gave a tensor on {given.device} for a layer on {layer.weight.device}")


def _described(given: object) -> str:
    return "None" if given is None else f"a {type(given).__name__}"


@contextlib.contextmanager
def no_answer_is_broken(what: str = "", in_dtype: torch.dtype = torch.float32) -> Iterator[None]:
    """No answer breaks the property at hand; in a dtype that the plugin does not support it is ``dtype_stable``'s."""
    try:
        yield
    except NoAnswer as error:
        if in_dtype != torch.float32:
            raise
        raise Broken(f"{what}, {error}" if what else str(error)) from error


def positions(selected: Tensor) -> str:
    """The selected positions, one list of indices each."""
    return some(selected.nonzero().squeeze(1))


def some(values: Tensor) -> str:
    """The values as a list, but no more than a reader can take in."""
    first = str(values[:16].tolist())
    return first if len(values) <= 16 else f"{first[:-1]}, … {len(values)} in all]"
