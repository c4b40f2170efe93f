"""Plugins: found by entry point, described without importing them, and made from a spec such as ``mest(lambda_=0.1)``.

Criteria, growths, baselines, experiments, models, data sets and claims are all found here; what this distribution
ships is registered in its ``pyproject.toml`` exactly as anyone else's plugin is in theirs.
"""

from criteria.plugins import identities, loading, owners, registry, sources
from criteria.plugins.described import defines
from criteria.plugins.identities import identity
from criteria.plugins.kinds import KINDS, unknown
from criteria.plugins.loading import defaults, load, plugin, problems, resolve, usable
from criteria.plugins.registry import Registration, names, registered, summaries
from criteria.plugins.spec import Spec

__all__ = [
    "KINDS",
    "Registration",
    "Spec",
    "defaults",
    "defines",
    "forget",
    "identity",
    "load",
    "names",
    "plugin",
    "problems",
    "registered",
    "resolve",
    "summaries",
    "unknown",
    "usable",
]


def forget() -> None:
    """Look at what is installed anew, for a process in which distributions come, go and change."""
    for module in (identities, loading, owners, registry, sources):
        for each in vars(module).values():
            if hasattr(each, "cache_clear"):
                each.cache_clear()
