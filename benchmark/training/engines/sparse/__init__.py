"""The engine whose cost follows density, compiled with numba, which is imported when an engine is made.

`engine` trains `networks`, whose layers are a `chain`; `kernels` computes layers, `program` makes steps of them, and
`momentum` finds what weights that grow would have gathered.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch

from benchmark.data import source_of
from benchmark.data.dataset import Dataset
from benchmark.experiments.runs import Rule
from benchmark.experiments.setup import CONSTANT, Setup
from benchmark.system import communication
from benchmark.training.engines.engine import Engine, EngineKind
from benchmark.training.engines.sparse.chain import Node, UnsupportedError, nodes
from benchmark.training.engines.sparse.momentum.remembered import LARGEST_TRAIL, steps_that_count
from benchmark.training.engines.sparse.table import Kind
from benchmark.training.members import Member
from criteria import Criterion, Growth
from criteria.plugins import load

FLEET_BYTES = 2 * 2**30
"""What the members of a fleet may take together for what is kept of the steps that count for momentum."""

MEMBER_BYTES = 4 * 2**30
"""What one network may take for that."""


def _make(members: Sequence[Member], setup: Setup, dataset: Dataset, device: torch.device) -> Engine:
    from benchmark.training.engines.sparse.engine import SparseEngine

    return SparseEngine(members, setup, dataset, device)


def _most_members(setup: Setup, shape: tuple[int, ...], classes: int, device: torch.device) -> int:
    """Enough to keep all cores busy, and few enough for the memory: of each, something of many steps is kept."""
    del device
    layers = _operations(setup, shape, classes)
    # a step of linear layers is short: of four such networks, a third is what a fleet shares, as gathering a batch
    share = 4 if _convolves(layers) else 8
    return max(1, min(share * torch.get_num_threads(), FLEET_BYTES // max(_kept_bytes(setup, layers), 1)))


def _operations(setup: Setup, shape: tuple[int, ...], classes: int) -> list[Node]:
    """Those of a setup's networks; raises ``UnsupportedError`` where there is no kernel for one."""
    from benchmark.training.initial import structure

    return nodes(structure(setup.model, shape, classes), shape)


def _convolves(layers: Sequence[Node]) -> bool:
    return any(node.kind == Kind.CONVOLUTION for node in layers)


def _kept_bytes(setup: Setup, layers: Sequence[Node]) -> int:
    """What is kept at most of the steps that count for momentum, of one network."""
    steps, batch = steps_that_count(setup.training.momentum, np.dtype(np.float32)), setup.training.batch_size
    if not _convolves(layers) or setup.topology.update_period < steps:
        factors = sum(node.inputs[0] + node.outputs[0] for node in layers if node.kind == Kind.LINEAR)
        return 4 * steps * batch * factors
    # these keep their batches, each with a seed of its own at worst, and their weights, all of them at worst
    weights = sum(math.prod(node.weight_shape) for node in layers if node.is_product)
    return 4 * steps * batch * math.prod(layers[0].inputs) + min(4 * steps * weights, LARGEST_TRAIL)


def _refuses(setup: Setup, rule: Rule, device: torch.device) -> str | None:
    if device.type != "cpu":
        return f"the sparse engine runs on CPUs, not on {device.type}"
    if communication.size() > 1:
        return "the sparse engine trains in one process"
    if setup.training.precision != "float32":
        return f"the sparse engine computes in float32, not in {setup.training.precision}"
    seen = source_of(setup.data).look
    try:
        layers = _operations(setup, seen.shape, seen.classes)
    except UnsupportedError as error:
        return f"the sparse engine does not run model {setup.model['name']}: {error}"
    if _reads_past_steps(setup, rule) and _kept_bytes(setup, layers) > MEMBER_BYTES:
        most, momentum = MEMBER_BYTES >> 30, f"{setup.training.momentum:g}"
        return f"the sparse engine would keep over {most} GiB of a network's past steps with momentum {momentum}"
    if rule.criterion is not None and setup.topology.density_schedule != CONSTANT:
        return f"the sparse engine keeps the density, which schedule {setup.topology.density_schedule} changes"
    if rule.criterion is not None and setup.topology.ablation:
        return (
            "the sparse engine keeps the number of weights, of which an ablation leaves what units cannot share evenly"
        )
    if rule.criterion is not None and setup.topology.grown_value == "old":
        return "the sparse engine forgets what pruned weights were, and grown ones are to start there"
    if rule.baseline is not None and load(rule.baseline, "baseline").chooses:
        return f"the sparse engine draws initial masks, and baseline {rule.baseline.name} chooses its own"
    if rule.baseline is not None and load(rule.baseline, "baseline").narrows:
        return f"baseline {rule.baseline.name} has a small network with all of its weights, which is dense"
    return _refused_reading(setup, rule)


def _reads_past_steps(setup: Setup, rule: Rule) -> bool:
    """Whether the momentum of inactive weights is read: by those that grow, or by a growth."""
    if rule.criterion is None or rule.growth is None:
        return False
    return setup.topology.grown_momentum == "keep" or load(rule.growth, "growth").requires_momentum


def _refused_reading(setup: Setup, rule: Rule) -> str | None:
    """What a criterion or growth reads, or a criterion that is compared with others, and the engine does not make."""
    asked = [(kind, rule.plugins[kind]) for kind in ("criterion", "growth") if kind in rule.plugins]
    if rule.criterion is not None and setup.measure.jaccard is not None:
        asked += [("criterion", spec) for spec in setup.measure.jaccard.criteria]
    for kind, spec in asked:
        plugin: Criterion | Growth = load(spec, kind)
        if isinstance(plugin, Criterion) and plugin.requires_hessian_gradient:
            return f"{kind} {spec.name} reads Hessian-gradient products"
        if plugin.requires_input_norms:
            return f"{kind} {spec.name} reads norms of input activations"
    return None


SPARSE = EngineKind("sparse", _make, _most_members, _refuses)
