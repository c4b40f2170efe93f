"""Pruning criteria for dynamic sparse training: their API, their contract, and one module per criterion.

>>> import criteria
>>> criteria.names()
['grad_step', 'grasp', 'magnitude', ...]
>>> criterion = criteria.load("mest", lambda_=0.1)
>>> pruned = criterion.select(criteria.Layer("fc1", weight, grad, mask), n=10)

Each name is imported when it is first used (PEP 562), because most need torch, and what lists plugins, checks stored
results or reports a misspelt name does not.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from criteria.api import Criterion, Growth, Layer, gradient, input_norm
    from criteria.errors import InputError
    from criteria.global_scope import update_topology_globally
    from criteria.normalisation import Normalisation
    from criteria.plugins import load, names
    from criteria.rules import Rules
    from criteria.schedule import DensitySchedule
    from criteria.selection import lowest
    from criteria.topology import TopologyUpdate, update_layers, update_topology, write_back
    from criteria.training import SparseTraining

__all__ = [
    "Criterion",
    "DensitySchedule",
    "Growth",
    "InputError",
    "Layer",
    "Normalisation",
    "Rules",
    "SparseTraining",
    "TopologyUpdate",
    "gradient",
    "input_norm",
    "load",
    "lowest",
    "names",
    "update_layers",
    "update_topology",
    "update_topology_globally",
    "write_back",
]

_HOMES = {
    "api": ("Criterion", "Growth", "Layer", "gradient", "input_norm"),
    "errors": ("InputError",),
    "global_scope": ("update_topology_globally",),
    "normalisation": ("Normalisation",),
    "plugins": ("load", "names"),
    "rules": ("Rules",),
    "schedule": ("DensitySchedule",),
    "selection": ("lowest",),
    "topology": ("TopologyUpdate", "update_layers", "update_topology", "write_back"),
    "training": ("SparseTraining",),
}
"""The module that each public name is from."""


def __getattr__(name: str) -> object:
    for module, names_of_module in _HOMES.items():
        if name in names_of_module:
            return getattr(import_module(f"criteria.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
