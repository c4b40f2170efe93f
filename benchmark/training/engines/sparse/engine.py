"""The sparse engine: the cost of a step follows the number of active weights. It runs on CPUs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import stack_module_state

from benchmark.data.dataset import Dataset
from benchmark.experiments.setup import Setup
from benchmark.training.engines.engine import Batch, Needs
from benchmark.training.engines.sparse.best import Best
from benchmark.training.engines.sparse.chain import Node
from benchmark.training.engines.sparse.kernels.vectors import LANES
from benchmark.training.engines.sparse.momentum.dues import due_of, reads_batches, reads_gradient
from benchmark.training.engines.sparse.momentum.factors import Asked
from benchmark.training.engines.sparse.momentum.inactive import InactiveMomentum
from benchmark.training.engines.sparse.momentum.remembered import steps_that_count
from benchmark.training.engines.sparse.networks import SparseNetworks
from benchmark.training.engines.sparse.program.stepping import Active, Extra, Sgd
from benchmark.training.engines.sparse.table import Way
from benchmark.training.initial import initial_masks, initial_networks, topology_stream
from benchmark.training.layer_roles import rewired_layers
from benchmark.training.members import Member
from criteria import Layer, TopologyUpdate
from criteria.rules import Rules
from criteria.topology import starting_weights

EVALUATED = 128
"""Examples, at least, that are evaluated at once."""


class SparseEngine:
    """Networks whose active weights alone are stored; each is one thread's work, so its bits depend on no other."""

    def __init__(self, members: Sequence[Member], setup: Setup, dataset: Dataset, device: torch.device) -> None:
        del device
        self.members = tuple(members)
        training = setup.training
        self._sgd = (training.momentum, training.decay_of_gradients, training.nesterov)
        self._decay_of_weights = training.decay_of_weights
        seeds = sorted({member.seed for member in members})
        batches = [seeds.index(member.seed) for member in members]
        networks = initial_networks(members, setup.model, dataset.shape, dataset.classes)
        weights, self._buffers = stack_module_state(networks)
        masks = initial_masks(members, networks[0])
        self._shapes = {name: tuple(weight.shape[1:]) for name, weight in weights.items()}
        self._total_steps = training.epochs * -(-dataset.train.targets.numel() // training.batch_size)
        dues = [due_of(member, training.momentum, self._total_steps) for member in members]
        dtype = torch.empty(0, dtype=next(iter(weights.values())).dtype).numpy().dtype
        length = steps_that_count(training.momentum, dtype)
        self._networks = SparseNetworks(
            networks[0],
            dataset.shape,
            weights,
            self._buffers,
            masks,
            batches,
            training.batch_size,
            torch.get_num_threads(),
            training.label_smoothing,
            remembered=length if any(reads_batches(due, networks[0], dataset.shape, length) for due in dues) else 0,
        )
        self._rewired = [
            [self._networks.names.index(n) for n in rewired_layers(self._networks.names, m)] for m in members
        ]
        self._examples_at_once = self._networks.plan.groups(max(EVALUATED, training.batch_size)) * LANES
        self._inactive = InactiveMomentum(self._networks, batches, training.momentum, dues)
        self._extra = Extra()
        self._best = Best(self._networks)

    def backward(self, batch: Batch) -> None:
        """Ask for the gradients of the next step, which are made when somebody reads them, or with those of others."""
        self._inactive.settle()
        step, factors = self._inactive.done + 1, self._inactive.factors
        due = [m for m, member in enumerate(self.members) if reads_gradient(member, step, self._total_steps)]
        recorded = self._inactive.recorded(step)
        full = [*due, *(m for m in recorded if m not in due)] if self._networks.plan.convolves else due
        if recorded:
            factors.keep(step, recorded, self._networks.plan.groups(batch.targets.shape[1]))
        trail = self._inactive.begin(step, batch.targets.numpy())
        self._extra = Extra(full, due, recorded, factors.slot(step), factors.history if recorded else None, trail)
        self._networks.step(step, batch, self._extra)

    @property
    def operations(self) -> Sequence[Node]:
        """What networks compute, one after the other."""
        return self._networks.plan.nodes

    def time_operations(self) -> NDArray[np.float64]:
        """Measure from now on what each operation takes, which takes a little time itself.

        The seconds are added to what is returned, [threads, ways, operations], where ways are those of `table.Way`.
        """
        self._networks.finish()
        self._networks.spent = np.zeros((self._networks.threads.count, len(Way), len(self.operations)))
        return self._networks.spent

    def diverged(self) -> Tensor:
        """Members that had a loss which is not a finite number, bool [members]."""
        self._networks.finish()
        return torch.from_numpy(self._networks.lost.copy())

    def layers(self, member: int, step: int, needs: Needs) -> list[Layer]:
        """The sparse layers of one member; where nothing is read, gradients and momenta are 0."""
        if needs.hessian_gradient:
            raise ValueError("the sparse engine makes no Hessian-gradient products")
        if needs.input_norms:
            raise ValueError("the sparse engine makes no norms of inputs")
        if needs.gradient == "all" and member not in self._extra.all_layers:
            raise ValueError(f"no dense gradient of member {member} was made in step {step}, where no update is due")
        self._inactive.settle(member)
        found = []
        for number in self._rewired[member]:
            name = self._networks.names[number]
            active, shape = self._networks.active(member, number), self._shapes[name]
            if needs.gradient == "all":
                gradient = torch.from_numpy(self._dense_gradient(member, number)).view(shape)
            else:
                gradient = _scattered(active.positions, active.gradients, shape)
            momentum = None
            if self._sgd[0] > 0 and self._inactive.done > 0:
                momentum = _scattered(active.positions, active.momenta, shape)
                if needs.momentum == "all":
                    inactive = np.flatnonzero(~_mask(active.positions, shape).numpy().ravel()).astype(np.int32)
                    there = self._inactive.of(member, number, inactive)
                    momentum.view(-1)[torch.from_numpy(inactive).long()] = torch.from_numpy(there)
            found.append(
                Layer(
                    name=name,
                    weight=_scattered(active.positions, active.values, shape),
                    grad=gradient,
                    mask=_mask(active.positions, shape),
                    step=step,
                    generator=topology_stream(self.members[member].seed, step, name),
                    momentum=momentum,
                )
            )
        return found

    def apply(self, member: int, updates: Sequence[TopologyUpdate], rules: Rules) -> None:
        """Write one update of each sparse layer back: pruned weights become 0, grown ones start where they should."""
        self._inactive.settle(member)
        parts = [self._networks.active(member, number) for number in range(len(self._networks.names))]
        grown = []
        for number, update in zip(self._rewired[member], updates, strict=True):
            parts[number], asked = self._updated(member, number, update, rules)
            grown += [] if asked is None else [asked]
        self._networks.set_active(member, parts)
        spans = [self._networks.span(member, asked.layer) for asked in grown]
        self._inactive.grow(
            [
                (asked, span.start + np.searchsorted(self._networks.positions[span], asked.positions))
                for asked, span in zip(grown, spans, strict=True)
            ]
        )

    def optimise(self, learning_rate: float) -> None:
        """One step of SGD of every member, on its active weights and dense parameters."""
        self._inactive.settle()
        momentum, decay, nesterov = self._sgd
        self._networks.optimise(Sgd(learning_rate, momentum, decay, nesterov, self._decay_of_weights))
        self._inactive.optimised(self._extra.convolutions, self._networks.full_gradients)

    def finite(self, member: int) -> bool:
        """Whether a member's weights, the gradients that were made and its loss are all finite numbers."""
        whole = slice(int(self._networks.state.starts[member]), int(self._networks.state.starts[member + 1]))
        state = self._networks.state
        parts = [state.values[whole], state.gradients[whole], self._networks.losses[member]]
        if member in self._extra.all_layers:
            parts.append(self._networks.full_gradients[self._extra.convolutions.index(member)])
        return all(bool(np.isfinite(part).all()) for part in parts)

    def logits(self, inputs: Tensor) -> Tensor:
        """Logits [members, batch, classes] in evaluation mode for ``inputs`` [batch, *shape]."""
        return torch.from_numpy(self._networks.logits(inputs, self._examples_at_once))

    def synchronise(self) -> None:
        """One process trains alone, so there is nobody to agree with."""

    def keep_best(self, member: int) -> None:
        """Keep a copy of a member's weights and buffers."""
        self._best.keep(member)

    def restore_best(self) -> None:
        """Put the kept copies back."""
        self._best.restore()

    def masks(self, member: int) -> dict[str, Tensor]:
        """The masks of one member."""
        return {
            name: _mask(self._networks.active(member, number).positions, self._shapes[name])
            for number, name in enumerate(self._networks.names)
        }

    def weights(self, member: int) -> dict[str, Tensor]:
        """The parameters of one member, zeros included."""
        dense = self._networks.dense_parameters(member)
        found = {}
        for name, shape in self._shapes.items():
            if name in dense:
                found[name] = torch.from_numpy(dense[name].copy()).view(shape)
            else:
                active = self._networks.active(member, self._networks.names.index(name))
                found[name] = _scattered(active.positions, active.values, shape)
        return found

    def state_dict(self) -> dict[str, Any]:
        """All that later steps depend on."""
        self._inactive.settle()
        found: dict[str, Any] = _as_tensors(
            {
                "networks": self._networks.state_dict(),
                "best": self._best.state_dict(),
                "inactive": self._inactive.state_dict(),
            }
        )
        return found

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave; raises an error where it is of another fleet."""
        plain = _as_arrays(state)
        self._networks.load_state_dict(plain["networks"])
        self._best.load_state_dict(plain["best"])
        self._inactive.load_state_dict(plain["inactive"])

    def _dense_gradient(self, member: int, number: int) -> NDArray[np.floating]:
        sizes = self._networks.structures.sizes
        return self._networks.full_gradients[self._extra.convolutions.index(member), sizes[number] : sizes[number + 1]]

    def _updated(self, member: int, number: int, update: TopologyUpdate, rules: Rules) -> tuple[Active, Asked | None]:
        """The active weights of a layer after an update, and those whose momentum is still to be summed up."""
        old, mask = self._networks.active(member, number), update.mask.numpy().ravel()
        pruned, grown = update.pruned.numpy().ravel(), update.grown.numpy().ravel()
        positions = np.flatnonzero(mask).astype(np.int32)
        was = np.zeros(mask.size, bool)
        was[old.positions] = True
        stays, stayed = mask[old.positions], was[positions]
        new, left = positions[~stayed], old.positions[~stays]
        values, momenta, gradients = (np.zeros(positions.size, old.values.dtype) for _ in range(3))
        for numbers, before in ((values, old.values), (momenta, old.momenta), (gradients, old.gradients)):
            numbers[stayed] = before[stays]
        if rules.resurrection == "restart":
            values[pruned[positions]] = 0
        if update.start is not None:
            starting = starting_weights(torch.from_numpy(was).view(update.mask.shape), update, rules).numpy().ravel()
            values[starting[positions]] = update.start.numpy().ravel()[positions[starting[positions]]]
        keeps = rules.grown_momentum == "keep" and self._sgd[0] > 0
        asked = self._inactive.ask(member, number, new) if keeps else None
        self._inactive.leave(member, number, left, old.momenta[~stays], mask)
        if rules.grown_momentum != "keep":
            momenta[grown[positions]] = 0
        if member in self._extra.all_layers:  # the optimizer step that follows reads the gradients of grown weights
            gradients[~stayed] = self._dense_gradient(member, number)[new]
        return Active(positions, values, momenta, gradients), asked


def _scattered(positions: NDArray[np.int32], values: NDArray[np.floating], shape: tuple[int, ...]) -> Tensor:
    found = np.zeros(shape, values.dtype)
    found.reshape(-1)[positions] = values
    return torch.from_numpy(found)


def _mask(positions: NDArray[np.int32], shape: tuple[int, ...]) -> Tensor:
    found = np.zeros(shape, bool)
    found.reshape(-1)[positions] = True
    return torch.from_numpy(found)


def _as_tensors(state: Any) -> Any:
    """``state`` with tensors in place of arrays, which share their memory."""
    match state:
        case np.ndarray():
            return torch.from_numpy(state)
        case dict():
            return {key: _as_tensors(value) for key, value in state.items()}
        case list() | tuple():
            return [_as_tensors(value) for value in state]
    return state


def _as_arrays(state: Any) -> Any:
    match state:
        case Tensor():
            return state.cpu().numpy()
        case Mapping():
            return {key: _as_arrays(value) for key, value in state.items()}
        case list() | tuple():
            return [_as_arrays(value) for value in state]
    return state
