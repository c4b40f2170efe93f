"""The engine whose cost follows density, compiled with numba, which is imported when an engine is made."""

from collections.abc import Sequence

import torch

from benchmark.data.dataset import Dataset
from benchmark.experiments.runs import Rule
from benchmark.experiments.setup import Setup
from benchmark.system import communication
from benchmark.training.engines.engine import Engine, EngineKind
from benchmark.training.members import Member
from criteria.plugins import load


def _make(members: Sequence[Member], setup: Setup, dataset: Dataset, device: torch.device) -> Engine:
    from benchmark.training.engines.sparse.engine import SparseEngine

    return SparseEngine(members, setup, dataset, device)


def _most_members(setup: Setup, shape: tuple[int, ...], classes: int, device: torch.device) -> int:
    """Enough to keep all cores busy; more would only take memory."""
    del setup, shape, classes, device
    return 4 * torch.get_num_threads()


def _refuses(setup: Setup, rule: Rule, device: torch.device) -> str | None:
    if device.type != "cpu":
        return f"the sparse engine runs on CPUs, not on {device.type}"
    if communication.size() > 1:
        return "the sparse engine trains in one process"
    if setup.training.precision != "float32":
        return f"the sparse engine computes in float32, not in {setup.training.precision}"
    if (reason := _unsupported_model(setup)) is not None:
        return f"the sparse engine does not run model {setup.model['name']}: {reason}"
    if rule.criterion is not None and load(rule.criterion, "criterion").requires_hessian_gradient:
        return f"criterion {rule.criterion.name} reads Hessian-gradient products"
    return None


def _unsupported_model(setup: Setup) -> str | None:
    """Why a model has no kernels, in words."""
    from benchmark.data import source_of
    from benchmark.training.engines.sparse.network import unsupported
    from benchmark.training.initial import structure

    seen = source_of(setup.data).look
    return unsupported(structure(setup.model, seen.shape, seen.classes), seen.shape)


SPARSE = EngineKind("sparse", _make, _most_members, _refuses)
