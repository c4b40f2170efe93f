"""Pruning criteria for dynamic sparse training: their API, their contract, and one module per criterion.

>>> import criteria
>>> criteria.names()
['magnitude', 'mest', ...]
>>> criterion = criteria.load("mest", lambda_=0.1)
>>> pruned = criterion.select(criteria.Layer("fc1", weight, grad, mask), n=10)
"""

from criteria.api import Criterion, Growth, Layer, gradient
from criteria.errors import InputError
from criteria.global_scope import update_topology_globally
from criteria.normalisation import Normalisation
from criteria.plugins import load, names
from criteria.rules import Rules
from criteria.selection import lowest
from criteria.topology import TopologyUpdate, update_layers, update_topology, write_back
from criteria.training import SparseTraining

__all__ = [
    "Criterion",
    "Growth",
    "InputError",
    "Layer",
    "Normalisation",
    "Rules",
    "SparseTraining",
    "TopologyUpdate",
    "gradient",
    "load",
    "lowest",
    "names",
    "update_layers",
    "update_topology",
    "update_topology_globally",
    "write_back",
]
