"""The properties of a training with topology updates, on networks of a few small layers.

An :class:`Episode` says where a training starts and what happens to it, so a counterexample is data:
:func:`run_episode` runs it again. What an update must keep is checked at once; ``replay`` and ``checkpoint_replay``
compare two trainings that do the same, one of which may be saved, thrown away and loaded.
"""

import contextlib
import time
from collections.abc import Iterable, Iterator
from functools import partial

import torch

from criteria.api import Criterion, Growth
from criteria.contract.asking import Answer, Broken, NoAnswer, call
from criteria.contract.episodes import Episode, Load, Save, Start, Step, Train, Update
from criteria.contract.scopes import OTHER_SCOPES, SCOPES, LayerByLayer, UpdateLayer, UpdateLayers
from criteria.contract.settings import contained, seed_all
from criteria.contract.training import Checkpoint, Plugins, Training

__all__ = [
    "OTHER_SCOPES",
    "PROMISES",
    "SCOPES",
    "BrokenUpdate",
    "Episode",
    "LayerByLayer",
    "Load",
    "Plugins",
    "Save",
    "Start",
    "Train",
    "Twins",
    "Update",
    "UpdateLayer",
    "UpdateLayers",
    "run_episode",
]

ALL_SCOPES: dict[str, UpdateLayers] = {**SCOPES, **OTHER_SCOPES}

PROMISES = {
    "density_preserved": "Every topology update goes through, replaces the number it should, and keeps the density.",
    "no_resurrection": "No weight that an update prunes is active after it, unless it may come back.",
    "inactive_stay_zero": "Nothing but the training writes to weights: inactive ones stay exactly zero.",
    "grown_start_at_zero": "A grown weight starts at exactly zero, or where the rule of the update says.",
    "replay": "The same seed gives bitwise the same trajectory.",
    "checkpoint_replay": "A training that is saved and loaded anywhere goes on bitwise as if nothing had happened.",
}
"""What topology updates promise, by property."""

REPLAYING = 2.0
"""Seconds after which a training is not begun once more; the step that it is for must end within its time limit."""


class BrokenUpdate(Broken):
    """One of :data:`PROMISES` is not kept."""

    def __init__(self, property_: str, reason: str) -> None:
        super().__init__(reason)
        self.property = property_


def run_episode(
    criterion: Criterion,
    growth: Growth,
    episode: Episode,
    scope: str = "local",
    update: UpdateLayers | None = None,
    passed_over: Iterable[str] = (),
) -> None:
    """Run a training again, updated by ``update`` or as its scope is; raises :class:`BrokenUpdate`.

    Broken promises in ``passed_over`` are not raised, so that one behind them shows.
    """
    plugins = Plugins(criterion, growth, scope, update or ALL_SCOPES[scope])
    with contained():
        twins = Twins(plugins, episode.start, frozenset(passed_over))
        for step in episode.steps:
            twins.do(step)


class Twins:
    """Two trainings that do the same, of which only one is ever saved and loaded.

    Broken promises in ``passed_over`` are not raised, so that those behind them can be found. What plugins do to the
    process stays done: whoever makes twins contains it.
    """

    def __init__(
        self,
        plugins: Plugins,
        start: Start,
        passed_over: frozenset[str] = frozenset(),
    ) -> None:
        self._passed_over = passed_over
        self._begin = partial(Training, plugins, start)
        self._one, self._other = self._begin(self._broken), self._begin(self._broken)
        self._checkpoint: Checkpoint | None = None
        self._done: list[Train | Update] = []
        self._done_when_saved = 0
        self._loaded = False

    def do(self, step: Step) -> None:
        """Do the next step in both trainings, and compare them."""
        match step:
            case Save():
                self._save()
            case Load():
                self._load()
            case Train() | Update():
                self._done.append(step)
                for seed, training in enumerate((self._one, self._other)):
                    seed_all(seed)
                    training.do(step)
        self._compare()

    def _save(self) -> None:
        try:
            self._checkpoint = call(self._one.saved)
        except NoAnswer as failure:
            self._broken("checkpoint_replay", str(failure))
        self._done_when_saved = len(self._done)

    def _load(self) -> None:
        self._one = self._begin(self._broken_after_loading)
        self._loaded = True
        if self._checkpoint is not None:
            try:
                call(self._one.load, self._checkpoint)
            except NoAnswer as failure:
                self._broken("checkpoint_replay", str(failure))
        for step in self._done[self._done_when_saved :]:
            self._one.do(step)
        self._compare()
        # an update may never come, or may not show the difference: the criterion is asked at once
        with contextlib.suppress(NoAnswer):  # one that fails without loading is to blame elsewhere
            going_on = self._other.answers()
            self._compare_answers(going_on)

    def _compare_answers(self, going_on: list[Answer]) -> None:
        try:
            loaded = self._one.answers()
        except NoAnswer as failure:
            self._broken("checkpoint_replay", f"after loading, {failure}")
            return
        for one, other in zip(loaded, going_on, strict=True):
            if not one.equals(other):
                self._broken("checkpoint_replay", f"a loaded criterion would prune {one}, one that goes on {other}")

    def _compare(self) -> None:
        if self._loaded and "checkpoint_replay" in self._passed_over:
            return  # loading may have made them differ, which is known; to ask every time what did would take long
        difference = next(self._differences(), None)
        if difference is not None:
            self._broken("checkpoint_replay" if self._loaded and self._replays() else "replay", difference)

    def _differences(self) -> Iterator[str]:
        for index, (one, other) in enumerate(zip(self._one.layers, self._other.layers, strict=True)):
            for tensor in ("mask", "weight"):
                left, right = getattr(one, tensor), getattr(other, tensor)
                if not torch.equal(left, right):
                    yield f"the {tensor} of layer {index} is {left.tolist()}, and {right.tolist()} in its twin"

    def _replays(self) -> bool:
        """Whether trainings that were never loaded are alike, so that loading is to blame for a difference."""
        until = time.monotonic() + REPLAYING
        for _ in range(20):  # a choice between two may come out alike many times
            if time.monotonic() > until:
                break
            training = self._begin(self._broken)
            for step in self._done:
                training.do(step)
            if not all(
                torch.equal(one.weight, other.weight) and torch.equal(one.mask, other.mask)
                for one, other in zip(training.layers, self._other.layers, strict=True)
            ):
                return False
        return True

    def _broken_after_loading(self, property_: str, reason: str) -> None:
        self._broken(property_, f"after loading a state, {reason}")

    def _broken(self, property_: str, reason: str) -> None:
        if property_ not in self._passed_over:
            raise BrokenUpdate(property_, reason)
