"""The property ``state_roundtrip``: what a plugin has gathered survives a checkpoint."""

import copy
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import torch

from criteria.api import Criterion, Growth, Layer
from criteria.contract.asking import (
    Answer,
    Broken,
    Inapplicable,
    NoAnswer,
    Plugin,
    ask,
    ask_as_shown,
    call,
    described,
    keeps_state,
    no_answer_is_broken,
    prepared,
    select_of,
)
from criteria.contract.case import Case, copied, with_norms
from criteria.contract.comparing import require_same
from criteria.contract.making import made_anew
from criteria.contract.names import LAYERS, NAMES
from criteria.contract.showing import Stage

T = TypeVar("T")

LATER = 12
"""Optimizer steps after loading."""

COMPARED = (1, 2, LATER)
"""After these of them answers are compared."""


def state_roundtrip(plugin: Plugin, case: Case) -> None:
    """A plugin, fresh or not, that loads a saved state answers as the one that saved it, now and at later steps."""
    if not keeps_state(plugin):
        _require_loading(plugin)
        return
    # many layers take long, and names that collide do so in every case: the cases that are always tried are enough
    crowded = case.recipe and case.layer.weight.numel() <= 64 and case.observed <= 3
    names = NAMES if crowded else NAMES[:3]
    network, undisturbed = Network(plugin, case, names), Network(plugin, case, names)
    _require_alike(undisturbed, network)
    with no_answer_is_broken():
        state = saved_and_loaded(network.plugin)
        saved_and_loaded(network.plugin)
    then = undisturbed.answers()
    _compare(then, network.answers, "after saving the state")
    ahead = _answers_ahead(network)  # the other goes on, so that loading goes back
    with no_answer_is_broken():
        saved_and_loaded(network.plugin)  # a later checkpoint leaves an earlier one as it is
    if case.observed or isinstance(plugin, Growth):  # before that there was nothing to go back to
        _require_going_back(then, undisturbed.of_another(network.plugin), state)
    fresh, given = _fresh(plugin), copy.deepcopy(state)
    with no_answer_is_broken():
        call(fresh.load_state_dict, given)
    loaded = Network(plugin, case, names, going_on=fresh)
    what = "after loading the saved state into a fresh one"
    _compare(undisturbed.answers(), loaded.answers, what)
    for step in range(1, LATER + 1):
        undisturbed.go_on(step)
        with no_answer_is_broken(what):
            loaded.go_on(step)
        if step in COMPARED:
            expected = undisturbed.answers()
            later = f"{step} step{'s' * (step > 1)} later"
            _compare(expected, loaded.answers, f"{what}, {later}")
            _compare(expected, partial(ahead.__getitem__, step), f"after saving the state, {later}")
    if not _equal(state, given):
        raise Broken(
            f"{LATER} steps after loading, the state that load_state_dict() was given is another: it keeps what it is "
            "given, which others may share, and should copy it"
        )


def large_state_roundtrip(plugin: Plugin, case: Case) -> None:
    """The state of a large layer is saved as it is."""
    if not keeps_state(plugin):
        raise Inapplicable("it remembers nothing")
    asked = prepared(plugin, case)
    if isinstance(asked, Growth):
        select_of(asked, replace(case, layer=copied(case.layer)))
    fresh = _fresh(plugin)
    what = "after loading the saved state into a fresh one"
    with no_answer_is_broken(what):
        call(fresh.load_state_dict, saved_and_loaded(asked))
        require_same(ask(asked, case.later()), ask(fresh, case.later()), what)


def state_roundtrip_of_many_layers(plugin: Plugin, case: Case) -> None:
    """The state of a network of many layers is saved as it is."""
    if not keeps_state(plugin):
        raise Inapplicable("it remembers nothing")
    network, fresh = Network(plugin, case, LAYERS), _fresh(plugin)
    _require_alike(Network(plugin, case, LAYERS), network)
    what = "after loading the saved state of many layers into a fresh one"
    with no_answer_is_broken(what):
        call(fresh.load_state_dict, saved_and_loaded(network.plugin))
    _compare(network.answers(), Network(plugin, case, LAYERS, going_on=fresh).answers, what)


def saved_and_loaded(plugin: Plugin) -> dict[str, object]:
    """The plugin's state as it comes back from a checkpoint file; raises :class:`NoAnswer` where it does not."""
    file = io.BytesIO()
    call(lambda: torch.save(plugin.state_dict(), file), what="saving state_dict()")
    file.seek(0)
    state = call(lambda: torch.load(file, weights_only=True), what="loading the saved state_dict()")
    if not isinstance(state, dict):
        raise NoAnswer(f"state_dict() gave {described(state)}, not a dict")
    return state


class Network:
    """Several layers, shown to a plugin of their own as a training shows them."""

    def __init__(self, plugin: Plugin, case: Case, names: Sequence[str], going_on: Plugin | None = None) -> None:
        self.plugin = copy.deepcopy(plugin) if going_on is None else going_on
        self._loaded = going_on is not None
        self._cases = [_rolled(case, index, name) for index, name in enumerate(names)]
        self._stages = [Stage() for _ in names]
        if going_on is None:
            for shown in zip(*(each.past() for each in self._cases), strict=True):
                self._show(shown)
        if isinstance(self.plugin, Growth):  # two updates, since the last one may be remembered apart from others
            if going_on is None:
                self._grow()
            self._cases = [_one_step_later(each, 1) for each in self._cases]
            if going_on is None:
                self._grow()

    def of_another(self, plugin: Plugin) -> "Network":
        """The same layers at the same step, of another plugin."""
        other = copy.copy(self)
        other.plugin, other._stages = plugin, [Stage() for _ in self._stages]
        return other

    def go_on(self, step: int) -> None:
        """Observe a later step, every fifth with other weights active; a growth grows."""
        self._cases = [_one_step_later(each, step) for each in self._cases]
        self._show([each.layer for each in self._cases])
        if isinstance(self.plugin, Growth):
            self._grow()

    def answers(self) -> list[Answer]:
        """What the plugin would say about each layer one optimizer step later."""
        # a growth may remember what it was asked; of a criterion a copy would not show what is still the layer's own
        asked = copy.deepcopy(self.plugin) if isinstance(self.plugin, Growth) else self.plugin
        later = [(stage, case.later()) for stage, case in zip(self._stages, self._cases, strict=True)]
        said = [ask_as_shown(asked, replace(case, layer=stage.show(case.layer))) for stage, case in self._turned(later)]
        return self._turned(said)

    def _show(self, layers: Sequence[Layer]) -> None:
        for stage, layer in self._turned(list(zip(self._stages, layers, strict=True))):
            shown = stage.show(layer)
            if isinstance(self.plugin, Criterion):
                call(self.plugin.observe, shown)

    def _turned(self, each: list[T]) -> list[T]:
        """In the order in which this plugin meets the layers: after loading it is another."""
        return each[::-1] if self._loaded else each

    def _grow(self) -> None:
        for case in self._shown_cases():
            select_of(self.plugin, case)

    def _shown_cases(self) -> Iterator[Case]:
        for stage, case in zip(self._stages, self._cases, strict=True):
            yield replace(case, layer=stage.show(case.layer))


def _answers_ahead(network: Network) -> dict[int, list[Answer]]:
    """What the network says at later steps, to which it goes on."""
    ahead: dict[int, list[Answer]] = {}
    for step in range(1, LATER + 1):
        network.go_on(step)
        if step in COMPARED or isinstance(network.plugin, Criterion):  # itself is asked then, which may disturb it
            ahead[step] = network.answers()
    return ahead


def _require_going_back(then: Sequence[Answer], ahead: Network, state: dict[str, object]) -> None:
    """A training can go back to an earlier checkpoint: what is loaded replaces what was gathered since."""
    what = "after loading the saved state into one that went on"
    with no_answer_is_broken(what):
        call(ahead.plugin.load_state_dict, copy.deepcopy(state))
    _compare(then, ahead.answers, what)


def _require_loading(plugin: Plugin) -> None:
    """A plugin without state can be saved and loaded too: every checkpoint does."""
    with no_answer_is_broken():
        fresh = copy.deepcopy(plugin)
        call(fresh.load_state_dict, saved_and_loaded(copy.deepcopy(plugin)))


def _require_alike(one: Network, other: Network) -> None:
    """Two that were never saved are alike, so that saving and loading are to blame for a difference."""
    try:
        _compare(one.answers(), other.answers, "")
    except Broken as broken:
        raise Inapplicable(f"two of its instances differ{broken}") from broken


def _compare(expected: Sequence[Answer], asked: Callable[[], Sequence[Answer]], what: str) -> None:
    with no_answer_is_broken(what):
        given = asked()
    for one, another in zip(expected, given, strict=True):
        require_same(one, another, what)


def _equal(one: Any, other: Any) -> bool:
    """Whether two states are the same."""
    if isinstance(one, torch.Tensor):
        same = isinstance(other, torch.Tensor) and one.shape == other.shape and one.dtype == other.dtype
        return same and torch.equal(one.nan_to_num(), other.nan_to_num())
    if isinstance(one, dict):
        return (
            isinstance(other, dict) and one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
        )
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)


def _fresh(plugin: Plugin) -> Plugin:
    """A new instance, or a copy where none can be made that has the plugin's own attributes."""
    made = made_anew(plugin)
    return made if made is not None and vars(made).keys() == vars(plugin).keys() else copy.deepcopy(plugin)


def _rolled(case: Case, by: int, name: str) -> Case:
    """A layer like that of the case, with its values elsewhere."""

    def rolled(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.flatten().roll(by).view_as(tensor)

    moved = case.mapped(lambda tensor: rolled(tensor) / (1 + by / 4), rolled)
    seed = case.layer.generator.initial_seed() + by
    layer = replace(with_norms(moved.layer), name=name, generator=torch.Generator().manual_seed(seed))
    return replace(moved, layer=layer, moved=True)


def _one_step_later(case: Case, step: int) -> Case:
    later = case.later()
    by = 1 if step % 5 == 0 else 0
    mask = later.layer.mask.flatten().roll(by).view_as(later.layer.mask)
    weight = torch.where(mask, torch.where(later.layer.weight != 0, later.layer.weight, 0.5), 0)
    candidates = None if case.candidates is None else case.candidates.flatten().roll(by).view_as(mask)
    return replace(later, layer=replace(later.layer, weight=weight, mask=mask), candidates=candidates, observed=0)
