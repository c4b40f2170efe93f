"""The properties of a training with topology updates, on networks of a few small layers.

An :class:`Episode` says where a training starts and what happens to it, so a counterexample is data:
:func:`run_episode` runs it again. What an update must keep is checked at once; ``replay`` and ``checkpoint_replay``
compare two trainings that do the same, one of which may be saved, thrown away and loaded.
"""

import contextlib
import copy
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from criteria.api import Criterion, Growth, Layer
from criteria.contract.asking import Answer, Broken, NoAnswer, ask, call
from criteria.contract.case import random_mask
from criteria.contract.process import contained, seed_all
from criteria.global_scope import update_topology_globally
from criteria.topology import TopologyUpdate, prune_count, update_topology

UpdateLayer = Callable[[Layer, Criterion, Growth, float], TopologyUpdate]
UpdateLayers = Callable[[Sequence[Layer], Criterion, Growth, float], Sequence[TopologyUpdate]]

PROMISES = {
    "density_preserved": "Every topology update goes through, replaces the number it should, and keeps the density.",
    "no_resurrection": "No weight that an update prunes is active after it.",
    "inactive_stay_zero": "Nothing but the training writes to weights: inactive ones stay exactly zero.",
    "grown_start_at_zero": "A grown weight starts at exactly zero.",
    "replay": "The same seed gives bitwise the same trajectory.",
    "checkpoint_replay": "A training that is saved and loaded anywhere goes on bitwise as if nothing had happened.",
}
"""What topology updates promise, by property."""


class BrokenUpdate(Broken):
    """One of :data:`PROMISES` is not kept."""

    def __init__(self, property_: str, reason: str) -> None:
        super().__init__(reason)
        self.property = property_


@dataclass(frozen=True)
class Start:
    """Where a training starts."""

    seed: int
    layers: tuple[tuple[tuple[int, ...], int], ...]
    """Shape and number of active weights of each layer."""
    weights: Literal["normal", "equal", "zero"] = "normal"


@dataclass(frozen=True)
class Train:
    """One optimizer step, on a random gradient of this scale."""

    gradient_scale: float = 1.0


@dataclass(frozen=True)
class Update:
    """One topology update of every layer."""

    prune_fraction: float


@dataclass(frozen=True)
class Save:
    """Write a checkpoint."""


@dataclass(frozen=True)
class Load:
    """Throw the training away, load the last checkpoint or start anew, and do again what was done since."""


Step = Train | Update | Save | Load


@dataclass
class Episode:
    """A training, from its start to its last step."""

    start: Start
    steps: list[Step] = field(default_factory=list)


@dataclass(frozen=True)
class LayerByLayer:
    """The update of a network that updates each layer on its own."""

    update: UpdateLayer

    def __call__(
        self, layers: Sequence[Layer], criterion: Criterion, growth: Growth, prune_fraction: float
    ) -> list[TopologyUpdate]:
        """The outcome for each layer."""
        return [self.update(layer, criterion, growth, prune_fraction) for layer in layers]


SCOPES: dict[str, UpdateLayers] = {
    "local": LayerByLayer(update_topology),
    "global": update_topology_globally,
}
"""The topology updates that a criterion is tried with."""


def run_episode(
    criterion: Criterion, growth: Growth, episode: Episode, scope: str = "local", update: UpdateLayers | None = None
) -> None:
    """Run a training again, updated by ``update`` or as its scope is; raises :class:`BrokenUpdate`."""
    twins = Twins(criterion, growth, scope, update or SCOPES[scope], episode.start)
    for step in episode.steps:
        twins.do(step)


class Twins:
    """Two trainings that do the same, of which only one is ever saved and loaded.

    Broken promises in ``passed_over`` are not raised, so that those behind them can be found.
    """

    def __init__(
        self,
        criterion: Criterion,
        growth: Growth,
        scope: str,
        update: UpdateLayers,
        start: Start,
        passed_over: frozenset[str] = frozenset(),
    ) -> None:
        self._passed_over = passed_over
        self._begin = partial(Training, criterion, growth, start, scope, update, self._broken)
        self._one, self._other = self._begin(), self._begin()
        self._checkpoint: bytes | None = None
        self._done: list[Train | Update] = []
        self._done_when_saved = 0
        self._loaded = False

    def do(self, step: Step) -> None:
        """Do the next step in both trainings, and compare them."""
        with contained():
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
        self._one = self._begin()
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
            same_scores = one.scores is None or other.scores is None or torch.equal(one.scores, other.scores)
            if not same_scores or not torch.equal(one.selected, other.selected):
                self._broken("checkpoint_replay", f"a loaded criterion would prune {one}, one that goes on {other}")

    def _compare(self) -> None:
        for index, (one, other) in enumerate(zip(self._one.layers, self._other.layers, strict=True)):
            for tensor in ("mask", "weight"):
                left, right = getattr(one, tensor), getattr(other, tensor)
                if not torch.equal(left, right):
                    self._broken(
                        "checkpoint_replay" if self._loaded and self._replays() else "replay",
                        f"the {tensor} of layer {index} is {left.tolist()}, and {right.tolist()} in its twin",
                    )

    def _replays(self) -> bool:
        """Whether trainings that were never loaded are alike, so that loading is to blame for a difference."""
        for _ in range(20):  # a choice between two may come out alike many times
            training = self._begin()
            for step in self._done:
                training.do(step)
            if not all(
                torch.equal(one.weight, other.weight) and torch.equal(one.mask, other.mask)
                for one, other in zip(training.layers, self._other.layers, strict=True)
            ):
                return False
        return True

    def _broken(self, property_: str, reason: str) -> None:
        if property_ not in self._passed_over:
            raise BrokenUpdate(property_, reason)


@dataclass
class SparseLayer:
    """The tensors of one layer in training, each [*shape]."""

    weight: Tensor
    mask: Tensor
    grad: Tensor
    momentum: Tensor | None = None


class Training:
    """A small network trained by SGD with momentum on random gradients; all that happens follows from its seed.

    ``on_broken(property, reason)`` is told of every promise that an update or the criterion does not keep.
    """

    def __init__(
        self,
        criterion: Criterion,
        growth: Growth,
        start: Start,
        scope: str,
        update: UpdateLayers,
        on_broken: Callable[[str, str], None],
    ) -> None:
        self._criterion, self._growth = copy.deepcopy(criterion), copy.deepcopy(growth)
        self._scope, self._update, self._on_broken = scope, update, on_broken
        self._seed = start.seed
        self._time = 0
        """Steps and updates so far; every random draw follows from it."""
        self.layers = [self._initial(index, *layer, start.weights) for index, layer in enumerate(start.layers)]

    def do(self, step: Train | Update) -> None:
        """Do the next step."""
        self._time += 1
        if isinstance(step, Train):
            self._train(step.gradient_scale)
        else:
            self._topology_update(step.prune_fraction)

    def answers(self) -> list[Answer]:
        """What a copy of the criterion says about pruning half of each layer now; raises :class:`NoAnswer`."""
        criterion = copy.deepcopy(self._criterion)
        seen = [self._seen(index) for index in range(len(self.layers))]
        return [ask(criterion, layer, int(layer.mask.sum()) // 2) for layer in seen]

    def saved(self) -> bytes:
        """A checkpoint."""
        file = io.BytesIO()
        layers = [vars(layer) for layer in self.layers]
        torch.save({"criterion": self._criterion.state_dict(), "layers": layers, "time": self._time}, file)
        return file.getvalue()

    def load(self, checkpoint: bytes) -> None:
        """Go on from a checkpoint."""
        state = torch.load(io.BytesIO(checkpoint), weights_only=True)
        self._criterion.load_state_dict(state["criterion"])
        self.layers = [SparseLayer(**tensors) for tensors in state["layers"]]
        self._time = state["time"]

    def _initial(self, index: int, shape: tuple[int, ...], active: int, weights: str) -> SparseLayer:
        generator = self._generator(index)
        mask = random_mask(shape, active, generator)
        drawn = torch.randn(shape, generator=generator)
        weight = {"normal": drawn, "equal": torch.ones(shape), "zero": torch.zeros(shape)}[weights]
        return SparseLayer(weight * mask, mask, grad=torch.randn(shape, generator=generator))

    def _train(self, gradient_scale: float) -> None:
        for index, layer in enumerate(self.layers):
            layer.grad = gradient_scale * torch.randn(layer.mask.shape, generator=self._generator(index))
            try:
                call(self._criterion.observe, self._seen(index))
            except NoAnswer as failure:
                self._on_broken("density_preserved", str(failure))
            self._require_zero("inactive_stay_zero", layer.weight[~layer.mask], "observe() set inactive weights to")
            layer.momentum = layer.grad if layer.momentum is None else 0.9 * layer.momentum + layer.grad
            layer.weight = (layer.weight - 0.1 * layer.momentum) * layer.mask

    def _topology_update(self, prune_fraction: float) -> None:
        masks = [layer.mask.clone() for layer in self.layers]
        seen = [self._seen(index) for index in range(len(self.layers))]
        try:
            outcomes = call(self._update, seen, self._criterion, self._growth, prune_fraction, what="the update")
        except NoAnswer as failure:
            self._on_broken("density_preserved", str(failure))
            return
        for layer, before, outcome in zip(self.layers, masks, outcomes, strict=True):
            after = outcome.mask
            back = int((outcome.pruned & after).sum())
            if back:
                self._on_broken("no_resurrection", f"{back} weights that were pruned are active after the update")
            written = layer.weight[~before & ~after]
            self._require_zero("inactive_stay_zero", written, "the update set inactive weights to")
            self._require_zero(
                "grown_start_at_zero", layer.weight[~before & after], "the update let grown weights start at"
            )
            layer.mask, layer.weight = after, layer.weight * after
        self._require_density(masks, outcomes, prune_fraction)

    def _require_density(
        self, before: Sequence[Tensor], outcomes: Sequence[TopologyUpdate], prune_fraction: float
    ) -> None:
        """In local scope each layer replaces its share; in global scope all do together, and none loses everything."""
        active, total = [int(mask.sum()) for mask in before], [mask.numel() for mask in before]
        now = [int(layer.mask.sum()) for layer in self.layers]
        replaced = [int(outcome.pruned.sum()) for outcome in outcomes]
        if self._scope == "global":
            wanted = [min(prune_count(sum(active), sum(total), prune_fraction), sum(active) - len(active))]
            replaced, dense = [sum(replaced)], sum(now) == sum(active) and all(now)
        else:
            wanted = [prune_count(*counts, prune_fraction) for counts in zip(active, total, strict=True)]
            dense = now == active
        if not dense:
            self._on_broken("density_preserved", f"{active} weights of the layers were active, {now} after the update")
        if replaced != wanted:
            self._on_broken("density_preserved", f"{replaced} weights were replaced instead of {wanted}")

    def _require_zero(self, property_: str, weights: Tensor, what: str) -> None:
        if bool(weights.any()):
            self._on_broken(property_, f"{what} {weights[weights != 0].tolist()}")

    def _seen(self, index: int) -> Layer:
        layer = self.layers[index]
        generator = self._generator(index)
        product = torch.randn(layer.mask.shape, generator=self._generator(index + len(self.layers)))
        return Layer(
            f"layer{index}",
            layer.weight,
            layer.grad,
            layer.mask,
            self._time,
            generator,
            layer.momentum,
            hessian_gradient=(lambda _: product) if self._criterion.requires_hessian_gradient else None,
        )

    def _generator(self, label: int) -> torch.Generator:
        return torch.Generator().manual_seed(hash((self._seed, self._time, label)) % 2**63)
