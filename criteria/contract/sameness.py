"""The property ``deterministic``: an answer follows from the layer and its generator, and from nothing else."""

import contextlib
import copy
import itertools
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from criteria.api import Criterion, Growth
from criteria.contract.asking import (
    Answer,
    Broken,
    Inapplicable,
    NoAnswer,
    P,
    Plugin,
    answer,
    answer_still,
    ask,
    ask_as_shown,
    call,
    keeps_state,
    no_answer_is_broken,
    observed,
    observes,
    prepared,
    select_of,
)
from criteria.contract.case import Case, copied
from criteria.contract.comparing import alike, all_differ, require_agreement, require_same, require_same_in_float32
from criteria.contract.making import made_anew
from criteria.contract.names import LAYERS, NAMES
from criteria.contract.own_code import modules_of
from criteria.contract.purity import OFTEN
from criteria.contract.settings import contained, seed_all
from criteria.contract.showing import Stage, prepared_and_kept, prepared_on_one_object, prepared_on_stage
from criteria.contract.surroundings import FLOAT64_BY_DEFAULT, SURROUNDINGS, another_time, gpu_in_sight

NEW_NAMES = 40
"""To so many names a plugin that decides by them between two answers gives the same once in 10^12 times."""


def deterministic(plugin: Plugin, case: Case) -> None:
    """The same layer and generator state give the same answer, whatever else is set, stored or was asked before."""
    modules = modules_of(type(plugin))
    with contained():
        seed_all(1)
        first = answer(plugin, case)
    remade = _is_like_new(plugin, case, first)
    for seed, (what, surroundings) in enumerate(SURROUNDINGS.items(), case.layer.generator.initial_seed()):
        seed_all(1)
        with surroundings(modules, seed):
            same_plugin = made_anew(plugin) if remade else plugin
            if same_plugin is not None:
                compare = require_same_in_float32 if what == FLOAT64_BY_DEFAULT else require_same
                compare(first, answer_still(same_plugin, case, what), what)
    with gpu_in_sight(modules), contextlib.suppress(NoAnswer):  # one that wants to compute there cannot
        require_same(first, answer(plugin, case), "where there is a GPU, though the layer is on the CPU")
    for what, layout in LAYOUTS.items():
        there = answer_still(plugin, case, what, layout)
        require_agreement(first, there, case, 1e-3, what)
        if first.scores is None and not first.drew and all_differ(plugin, case):  # it compares the same numbers
            require_same(first, there, what)


def same_after_other_questions(plugin: Plugin, case: Case) -> None:
    """The same layer and generator state give the same answer, whatever was asked before or beside."""
    # under a name that was never used, a plugin that remembers layers by name meets another state of it first
    name = NAMES[case.layer.generator.initial_seed() % 4] if keeps_state(plugin) else f"{next(_name_numbers)}.weight"
    case = _renamed(case, name)
    if keeps_state(plugin):
        _require_same_after_other_questions(plugin, case, answer(plugin, case))
        return
    try:
        _require_same_after_other_questions(plugin, case, answer(plugin, _renamed(case, f"new {name}")))
    except Broken:
        if not _minds_the_name(plugin, case):
            raise
        _require_same_after_other_questions(plugin, case, answer(plugin, case))


def _minds_the_name(plugin: Plugin, case: Case) -> bool:
    """Whether layers that differ only in names that were never used get other answers: a name may be read.

    Where two weights are equal, a name decides between two answers, so many names are tried.
    """
    try:
        first = answer(plugin, _renamed(case, f"{next(_name_numbers)}.first"))
        for _ in range(NEW_NAMES):
            require_same(first, answer(plugin, _renamed(case, f"{next(_name_numbers)}.another")), "")
    except (Broken, NoAnswer):
        return True
    return False


def _require_same_after_other_questions(plugin: Plugin, case: Case, first: Answer) -> None:
    what = "after questions about other layers"
    asked = _asked_before(plugin, case)
    # an odd number of calls between two answers, so that one that alternates is seen
    for _ in range(2):
        with no_answer_is_broken(what):
            require_same(first, ask(_asked_again(asked), case), what)
            if not keeps_state(plugin):
                select_of(asked, replace(case, layer=copied(case.layer)))
    what = "a day or more after it was made and asked first"
    with another_time(modules_of(type(plugin)), case.layer.generator.initial_seed()), no_answer_is_broken(what):
        require_same(first, ask(_asked_again(asked), case), what)
    _require_twins(plugin, case)
    _require_independence(plugin, case)


def same_however_often(plugin: Plugin, case: Case) -> None:
    """The same layer and generator state give the same answer, however often the plugin is asked."""
    first, asked = answer(plugin, case), prepared(plugin, case)
    for times in range(2, OFTEN):
        what = f"asked {times} times"
        with no_answer_is_broken(what):
            require_same(first, ask(_asked_again(asked), case), what)


def same_among_many_layers(plugin: Plugin, case: Case) -> None:
    """What a plugin remembers of a layer does not depend on how many others there are."""
    if not keeps_state(plugin):
        raise Inapplicable("it remembers nothing")
    alone, among = prepared(plugin, case), prepared(plugin, case)
    what = f"among {len(LAYERS)} layers"
    with no_answer_is_broken(what):
        _remember(alone, case)
        _remember(among, case)
        for name in LAYERS:
            _remember(among, _renamed(case.mapped(_otherwise, torch.clone), name))
        require_same(ask(alone, case.later()), ask(among, case.later()), what)


def _remember(plugin: Plugin, case: Case) -> None:
    if isinstance(plugin, Criterion):
        call(plugin.observe, copied(case.layer))
    else:
        select_of(plugin, replace(case, layer=copied(case.layer)))


def same_however_shown(plugin: Plugin, case: Case) -> None:
    """The same layer gives the same answer wherever its tensors are stored, and whatever becomes of earlier ones."""
    asked, shown = prepared_and_kept(plugin, case)
    first = ask_as_shown(asked, shown.later())
    what = "with every step shown in the same tensors, as in training"
    with no_answer_is_broken(what):
        stage = Stage()
        asked, shown = prepared_on_stage(plugin, case, stage)
        require_same(first, ask_as_shown(asked, replace(shown, layer=stage.show(shown.later().layer))), what)
    what = "with every step shown at the same address"
    with no_answer_is_broken(what):
        require_same(first, ask_as_shown(*prepared_on_one_object(plugin, case, case.later().layer)), what)


def same_in_large_layers(plugin: Plugin, case: Case) -> None:
    """The same large layer gives the same answer twice, though other things were drawn meanwhile."""
    first = answer(plugin, case)
    with contained():
        seed_all(1)
        require_same(first, answer_still(plugin, case, "asked again"), "asked again")


def _require_twins(plugin: Plugin, case: Case) -> None:
    """Two instances that are made alike answer alike, though other things were drawn meanwhile."""
    answers: list[Answer] = []
    for seed in (1, 2):
        with contained():
            seed_all(seed)
            made = made_anew(plugin)
            if made is None:
                return
            answers.append(answer(made, case))
    require_same(answers[0], answers[1], "made a second time")


def _require_independence(plugin: Plugin, case: Case) -> None:
    """An instance answers as before after another one was used beside it, or before it: nothing belongs to both."""
    one, other, late = (made_anew(plugin) for _ in range(3))
    if one is None or other is None or late is None:
        return
    what = "after another instance was used beside it"
    first = answer(one, case)
    elsewhere = case.mapped(_otherwise, torch.clone)
    if elsewhere.layer.grad is not None:  # twice as large beside the weights
        elsewhere = replace(elsewhere, layer=replace(elsewhere.layer, grad=2 * elsewhere.layer.grad))
    with no_answer_is_broken(what):
        observed(one, case)
        with contextlib.suppress(NoAnswer):
            ask(observed(other, elsewhere), elsewhere)
        require_same(first, ask(one, case), what)
    name = f"{next(_name_numbers)}.weight"  # of a layer about which nobody was asked
    elsewhere, case = (_renamed(each, name) for each in (elsewhere, case))
    with contextlib.suppress(NoAnswer):
        ask(observed(other, elsewhere), elsewhere)
    try:
        require_same(first, answer(late, case), "after another instance was asked about a layer of the same name")
    except Broken:
        if not _minds_the_name(plugin, case):
            raise


def _is_like_new(plugin: Plugin, case: Case, first: Answer) -> bool:
    """Whether an instance that is made anew answers as this one does: one that was changed by hand need not."""
    one = made_anew(plugin)
    if one is None:
        return False
    with contained(), contextlib.suppress(NoAnswer):
        seed_all(1)
        given = answer(one, case)
        same = given.scores is None or first.scores is None or alike(first.scores, given.scores)
        return same and torch.equal(first.selected, given.selected)
    return False


def _channels_last(tensor: Tensor) -> Tensor:
    return tensor.clone(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor.clone()


def _column_major(tensor: Tensor) -> Tensor:
    order = tuple(range(tensor.dim()))[::-1]
    return tensor.permute(order).clone(memory_format=torch.contiguous_format).permute(order)


def _view(tensor: Tensor) -> Tensor:
    return torch.stack((tensor, tensor), dim=-1)[..., 1]


LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "with tensors stored in column-major order": _column_major,
    "with tensors of convolutions stored with channels last": _channels_last,
    "with tensors that are views into larger ones": _view,
}
"""Copies with the same values in another order in memory."""


def _otherwise(tensor: Tensor) -> Tensor:
    other = tensor.flip(tuple(range(tensor.dim())))
    return other if tensor.dtype == torch.bool else 3 * other


def _asked_before(plugin: P, case: Case) -> P:
    """A plugin that has observed what came before the case, and then was asked about other layers.

    Some of them have the case's shape and names that are nearly its own; all have generators in another state. Unless
    the plugin keeps a state, one is the layer itself at another time.
    """

    def flat(tensor: Tensor) -> Tensor:
        return _otherwise(tensor).flatten()

    others = [_renamed(case.mapped(flat, flat), "fc1.bias")]
    others += [_renamed(case.mapped(_otherwise, torch.clone), name) for name in NAMES[:6] if name != case.layer.name]
    if not keeps_state(plugin):
        others.append(case.mapped(_otherwise, _otherwise))
    asked = prepared(plugin, case)
    for seed, other in enumerate(others):
        earlier = max(1, other.layer.step - 1)
        layer = replace(other.layer, generator=torch.Generator().manual_seed(seed), step=earlier)
        with contextlib.suppress(NoAnswer):
            if observes(plugin):
                call(getattr(asked, "observe"), layer)  # noqa: B009 - a growth has none
            ask(asked, replace(other, layer=layer))
    return asked


def _asked_again(plugin: P) -> P:
    """The plugin to ask the same once more: a growth may remember its own updates, so a copy of it."""
    return copy.deepcopy(plugin) if isinstance(plugin, Growth) and keeps_state(plugin) else plugin


def _renamed(case: Case, name: str) -> Case:
    return replace(case, layer=replace(case.layer, name=name))


_name_numbers = itertools.count()
