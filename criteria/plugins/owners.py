"""Whose code a module is: ours, that of the platform we run on, of a distribution, or nobody's that is installed."""

import sys
from functools import cache
from importlib.metadata import packages_distributions

from criteria.plugins.kinds import KINDS
from criteria.plugins.registry import registered

OURS = ("criteria", "baselines", "benchmark")
"""Our top-level packages."""
PLATFORM = frozenset(
    {*sys.stdlib_module_names, "torch", "torchvision", "numpy", "scipy", "pandas", "sklearn", "pydantic", "PIL"}
)
"""Top-level modules that a plugin runs on as we do."""


def top_level(module: str) -> str:
    """The top-level module that a module is in."""
    return module.partition(".")[0]


@cache
def distributions_of_modules() -> dict[str, list[str]]:
    """The installed distributions that each top-level module is of."""
    return dict(packages_distributions())


@cache
def is_made_for_us(top: str) -> bool:
    """Whether a top-level module is of a distribution that registers plugins."""
    owners = {
        each.distribution for kind in KINDS for each in registered(kind).values() if top_level(each.module) not in OURS
    }
    # to learn which module is of which distribution, all lists of files are read
    return bool(owners) and not owners.isdisjoint(distributions_of_modules().get(top, []))
