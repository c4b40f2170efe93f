"""A small network in training, as plugins see one: layers with real names, in tensors that change in place."""

import copy
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from criteria.api import Criterion, Growth, Layer
from criteria.contract.asking import Answer, NoAnswer, ask, call
from criteria.contract.case import Case, norms_from, random_mask
from criteria.contract.episodes import Start, Train, Update
from criteria.contract.names import NAMES
from criteria.contract.scopes import RULES, Rule, UpdateLayers
from criteria.contract.showing import beside_another
from criteria.fan_in import fan_ins, most_replaced
from criteria.topology import TopologyUpdate, starting_weights, write_back

NOTHING: tuple[dict[str, object], dict[str, object]] = ({}, {})
"""The states of a criterion and a growth that remember nothing."""

OnBroken = Callable[[str, str], None]
"""Is told of every promise that is not kept: the property, and what happened."""


@dataclass(frozen=True)
class Plugins:
    """A criterion and a growth, and the update that asks them, under the name of its scope."""

    criterion: Criterion
    growth: Growth
    scope: str
    update: UpdateLayers


@dataclass
class SparseLayer:
    """The tensors of one layer in training, each [*shape], changed in place."""

    weight: Tensor
    mask: Tensor
    grad: Tensor
    momentum: Tensor | None = None

    def copied(self) -> "SparseLayer":
        """The same values, in tensors of its own."""
        momentum = None if self.momentum is None else beside_another(self.momentum)
        return SparseLayer(beside_another(self.weight), beside_another(self.mask), beside_another(self.grad), momentum)


@dataclass(frozen=True)
class Checkpoint:
    """What a training goes on from."""

    plugins: bytes
    """A file with the states of criterion and growth; empty where both are."""
    layers: list[SparseLayer]
    step: int
    time: int


class Training:
    """A small network trained by SGD with momentum on random gradients; all that happens follows from its seed."""

    def __init__(self, plugins: Plugins, start: Start, on_broken: OnBroken) -> None:
        self._criterion, self._growth = copy.deepcopy(plugins.criterion), copy.deepcopy(plugins.growth)
        self._update, self._on_broken = plugins.update, on_broken
        self._rule = RULES.get(plugins.scope, Rule())
        self._seed = start.seed
        self._step, self._time = start.step, 0
        """Optimizer steps, and steps and updates of this training so far; every draw follows from the latter."""
        self.layers = [self._initial(index, *layer, start.weights) for index, layer in enumerate(start.layers)]

    def do(self, step: Train | Update) -> None:
        """Do the next step."""
        if isinstance(step, Update):
            self._time += 1
            self._topology_update(step.prune_fraction)
            return
        for _ in range(step.steps):
            self._time += 1
            self._step += 1
            self._train(step.gradient_scale)

    def answers(self) -> list[Answer]:
        """What a copy of the criterion says about pruning half of each layer now; raises :class:`NoAnswer`."""
        criterion = copy.deepcopy(self._criterion)
        seen = [self._seen(index) for index in range(len(self.layers))]
        return [ask(criterion, Case(layer, int(layer.mask.sum()) // 2)) for layer in seen]

    def saved(self) -> Checkpoint:
        """A checkpoint."""
        states, file = (self._criterion.state_dict(), self._growth.state_dict()), io.BytesIO()
        if states != NOTHING:  # a file takes longer than a step
            torch.save(states, file)
        return Checkpoint(file.getvalue(), [layer.copied() for layer in self.layers], self._step, self._time)

    def load(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint."""
        file = checkpoint.plugins
        criterion, growth = torch.load(io.BytesIO(file), weights_only=True) if file else ({}, {})
        self._criterion.load_state_dict(criterion)
        self._growth.load_state_dict(growth)
        self.layers = [layer.copied() for layer in checkpoint.layers]
        self._step, self._time = checkpoint.step, checkpoint.time

    def _initial(self, index: int, shape: tuple[int, ...], active: int, weights: str) -> SparseLayer:
        generator = self._generator(index)
        mask = random_mask(shape, active, generator)
        drawn = torch.randn(shape, generator=generator)
        weight = {"normal": drawn, "equal": torch.ones(shape), "zero": torch.zeros(shape)}[weights]
        grad = beside_another(torch.randn(shape, generator=generator))
        return SparseLayer(beside_another(weight * mask), beside_another(mask), grad)

    def _train(self, gradient_scale: float) -> None:
        for index, layer in enumerate(self.layers):
            drawn = torch.randn(layer.mask.shape, generator=self._generator(index))
            layer.grad = beside_another(gradient_scale * drawn)
        # a criterion that reads the gradient follows before the optimizer step, as updates do (paper, released code)
        if self._criterion.requires_grad:
            self._observe()
        for layer in self.layers:
            if layer.momentum is None:
                layer.momentum = beside_another(torch.zeros_like(layer.grad))
            layer.momentum.mul_(0.9).add_(layer.grad)
            layer.weight.sub_(layer.momentum, alpha=0.1).mul_(layer.mask)
        if not self._criterion.requires_grad:
            self._observe()

    def _observe(self) -> None:
        for index, layer in enumerate(self.layers):
            try:
                call(self._criterion.observe, self._seen(index))
            except NoAnswer as failure:
                self._on_broken("density_preserved", str(failure))
            self._require_zero("inactive_stay_zero", layer.weight[~layer.mask], "observe() set inactive weights to")

    def _topology_update(self, prune_fraction: float) -> None:
        masks = [layer.mask.clone() for layer in self.layers]
        seen = [self._seen(index) for index in range(len(self.layers))]
        try:
            outcomes = call(self._update, seen, self._criterion, self._growth, prune_fraction, what="the update")
        except NoAnswer as failure:
            self._on_broken("density_preserved", str(failure))
            return
        for layer, before, outcome in zip(self.layers, masks, outcomes, strict=True):
            after = outcome.mask.clone()
            back = int((outcome.pruned & after).sum())
            if back and self._rule.resurrection == "forbid":
                self._on_broken("no_resurrection", f"{back} weights that were pruned are active after the update")
            written = layer.weight[~before & ~after]
            self._require_zero("inactive_stay_zero", written, "the update set inactive weights to")
            self._require_zero(
                "grown_start_at_zero", layer.weight[~before & after], "the update let grown weights start at"
            )
            started = starting_weights(before, outcome, self._rule.rules)
            write_back(layer.weight, layer.mask, [], outcome, self._rule.rules)
            self._require_start(layer, started)
        self._require_density(masks, outcomes, prune_fraction)

    def _require_density(
        self, before: Sequence[Tensor], outcomes: Sequence[TopologyUpdate], prune_fraction: float
    ) -> None:
        """Each layer replaces its share, or all do together; none loses everything."""
        active, total = [int(mask.sum()) for mask in before], [mask.numel() for mask in before]
        now = [int(layer.mask.sum()) for layer in self.layers]
        replaced = [int(outcome.pruned.sum()) for outcome in outcomes]
        dense = sum(now) == sum(active) and all(now) if self._rule.moves else now == active
        if not dense:
            self._on_broken("density_preserved", f"{active} weights of the layers were active, {now} after the update")
        wanted = self._rule.replaced(active, total, prune_fraction)
        if self._rule.each_output:
            wanted = [min(n, most_replaced(mask)) for n, mask in zip(wanted, before, strict=True)]
            kept = zip(before, outcomes, strict=True)
            if not all(torch.equal(fan_ins(mask), fan_ins(outcome.mask)) for mask, outcome in kept):
                self._on_broken("density_preserved", "an output unit has another number of active weights")
        replaced = [sum(replaced)] if self._rule.together else replaced
        if replaced != wanted:
            self._on_broken("density_preserved", f"{replaced} weights were replaced instead of {wanted}")

    def _require_start(self, layer: SparseLayer, started: Tensor) -> None:
        """Grown weights start where the rule says."""
        values = layer.weight[started]
        if self._rule.grown_value == "zero":
            self._require_zero("grown_start_at_zero", values, "grown weights start at")
            return
        inputs = math.prod(layer.mask.shape[1:]) if layer.mask.dim() > 1 else layer.mask.numel()
        if bool((values.abs() > math.sqrt(6 / inputs)).any()) or (len(values) and not bool(values.any())):
            self._on_broken("grown_start_at_zero", f"drawn weights of a layer with {inputs} inputs start at {values}")

    def _require_zero(self, property_: str, weights: Tensor, what: str) -> None:
        if bool(weights.any()):
            self._on_broken(property_, f"{what} {weights[weights != 0].tolist()}")

    def _seen(self, index: int) -> Layer:
        layer = self.layers[index]
        seen = Layer(
            NAMES[index % len(NAMES)] + "0" * (index // len(NAMES)),
            layer.weight.detach(),
            layer.grad.detach(),
            layer.mask.detach(),
            max(1, self._step),
            self._generator(index),
            None if layer.momentum is None else layer.momentum.detach(),
        )
        if self._criterion.requires_input_norms or self._growth.requires_input_norms:
            generator = self._generator(index + 2 * len(self.layers))
            seen = replace(seen, input_norm=norms_from(torch.rand(layer.mask.shape, generator=generator)))
        if not self._criterion.requires_hessian_gradient:
            return seen
        product = torch.randn(layer.mask.shape, generator=self._generator(index + len(self.layers)))
        return replace(seen, hessian_gradient=lambda _: product)

    def _generator(self, label: int) -> torch.Generator:
        return torch.Generator().manual_seed(hash((self._seed, self._time, label)) % 2**63)
