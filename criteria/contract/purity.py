"""The property ``pure``: every call to a plugin is watched, from when it is made to when its state is loaded."""

import contextlib
import copy
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch

from criteria.api import Criterion, Layer
from criteria.contract.asking import (
    Broken,
    NoAnswer,
    Plugin,
    call,
    has_score,
    keeps_state,
    score_of,
    select_of,
    selectable,
)
from criteria.contract.case import Case, copied
from criteria.contract.elsewhere import asked_elsewhere
from criteria.contract.making import made_anew
from criteria.contract.settings import UNLIKELY, changed, contained, seed_all, set_otherwise, settings_now
from criteria.contract.showing import Stage, changed_fields, changes_of

OFTEN = 150
"""How many times a plugin is asked that may do something now and then."""


FEW = 1000
"""Only in smaller layers than this gradients overflow."""


def pure(plugin: Plugin, case: Case) -> None:
    """A plugin changes neither what it is shown nor settings of the process (random states, grad mode, threads, …)."""
    seed = UNLIKELY + case.layer.generator.initial_seed() % 2**30
    # two rounds that start from different settings: setting something to what it is already would not be seen
    for otherwise in (False, True):
        with contained():
            seed_all(seed)
            if otherwise:
                set_otherwise(seed + 1)
            _watch("making it", partial(made_anew, plugin))
            _watch("copying it", partial(copy.deepcopy, plugin))
            asked = copy.deepcopy(plugin)
            _watch_saving(asked, seed + 2)  # a training may be saved before its first step
            _watch_observing(asked, case)
            _watch_asking(asked, case)
            _watch_overflowing(copy.deepcopy(plugin), case)
            _watch_saving(asked, seed + 3)
    _require_lasting_answers(plugin, case)


def pure_however_often(plugin: Plugin, case: Case) -> None:
    """A plugin that does something now and then, as every hundredth time, changes no setting either."""
    asked = copy.deepcopy(plugin)
    before = settings_now()
    for _ in range(OFTEN):
        shown = replace(case, layer=copied(case.layer))
        with contextlib.suppress(NoAnswer):  # other properties blame what gives no answer
            if isinstance(asked, Criterion):
                call(asked.observe, copied(case.layer))
            select_of(asked, shown)
    touched = changed(before)
    if touched:
        raise Broken(f"in {OFTEN} updates it changed {' and '.join(touched)}")


def pure_when_imported(plugin: Plugin, _case: Case) -> None:
    """Importing a plugin and making it, in a process that knows nothing of it yet, changes no setting."""
    for what, touched in asked_elsewhere(plugin).touched.items():
        if touched:
            raise Broken(f"{what} changed {' and '.join(touched)}")


def _watch_observing(plugin: Plugin, case: Case) -> None:
    if not isinstance(plugin, Criterion):
        return
    stage = Stage()
    for layer in case.past() if case.observed else (copied(case.layer),):
        _watch("observe()", partial(plugin.observe, stage.show(layer)), layer, stage)


def _watch_asking(plugin: Plugin, case: Case) -> None:
    stage = Stage()
    if has_score(plugin):
        shown = stage.show(case.layer)
        _watch("score()", partial(score_of, plugin, shown), case.layer, stage)
    candidates = selectable(plugin, case).clone()
    shown = stage.show(case.layer)
    _watch("select()", partial(select_of, plugin, replace(case, layer=shown), candidates), case.layer, stage)
    if not torch.equal(candidates, selectable(plugin, case)):
        raise Broken("select() changed its candidates")


def _watch_overflowing(plugin: Plugin, case: Case) -> None:
    """Gradients overflow where losses are scaled: what a plugin makes of them is its own, but not what it sets."""
    if plugin.requires_grad and case.layer.grad is not None and case.layer.weight.numel() < FEW:
        layer = replace(copied(case.layer), grad=torch.full_like(case.layer.grad, torch.inf))
        if isinstance(plugin, Criterion):
            _watch("observe() of gradients that are infinite", partial(plugin.observe, layer))
        _watch("select() by gradients that are infinite", partial(select_of, plugin, replace(case, layer=layer)))


def _watch_saving(plugin: Plugin, seed: int) -> None:
    if not keeps_state(plugin):
        return
    state: list[dict[str, object]] = []
    _watch("state_dict()", lambda: state.append(plugin.state_dict()))
    if state:
        seed_all(seed)  # what it may have kept of the process is no longer so when it loads
        _watch("load_state_dict()", partial(plugin.load_state_dict, copy.deepcopy(state[0])))


def _watch(what: str, function: Callable[[], object], layer: Layer | None = None, stage: Stage | None = None) -> None:
    """Call, and compare the settings, and the layer as it was shown, with what they were."""
    before, changes = settings_now(), None if stage is None else changes_of(stage.shown)
    with contextlib.suppress(NoAnswer):  # other properties blame what gives no answer
        call(function, what=what)
    touched = changed(before)
    if layer is not None and stage is not None:
        if not touched and changes != changes_of(stage.shown) and not changed_fields(stage.shown, layer):
            raise Broken(f"{what} wrote to the layer, though no value is another now: meanwhile others may read it")
        touched = [*changed_fields(stage.shown, layer), *stage.neighbours_changed(), *touched]
    if touched:
        raise Broken(f"{what} changed {' and '.join(touched)}")


def _require_lasting_answers(plugin: Plugin, case: Case) -> None:
    """An answer stays what it is when another layer of the same shape is asked about: updates use several at once."""
    asked = copy.deepcopy(plugin)
    other = case.mapped(lambda tensor: tensor.flatten().roll(1).view_as(tensor) / 2, torch.clone)
    other = replace(other, layer=replace(other.layer, name="another layer"))
    methods: dict[str, Callable[[Case], torch.Tensor]] = {"select()": partial(select_of, asked)}
    if has_score(plugin):
        methods["score()"] = lambda case: score_of(asked, case.layer)
    for what, method in methods.items():
        with contextlib.suppress(NoAnswer):
            given = method(replace(case, layer=copied(case.layer)))
            then = given.clone()
            method(other)
            if not torch.equal(given, then) and not bool(given.isnan().any()):
                raise Broken(f"{what} changed the answer that it had given for another layer")
