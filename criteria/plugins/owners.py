"""Whose code a module is: ours, that of the platform we run on, of a distribution, or nobody's that is installed."""

import contextlib
import sys
from functools import cache
from importlib.metadata import Distribution

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
def is_made_for_us(top: str) -> bool:
    """Whether a top-level module is of a distribution that registers plugins."""
    plugins = [each for kind in KINDS for each in registered(kind).values() if top_level(each.module) not in OURS]
    return any(top == top_level(each.module) or top in _modules_of(each.source) for each in plugins)


def _modules_of(distribution: Distribution) -> set[str]:
    """The top-level modules that the installation of a distribution lists; none of one that is damaged."""
    with contextlib.suppress(Exception):  # whatever stands in the list
        return {file.parts[0].removesuffix(".py") for file in distribution.files or [] if file.suffix == ".py"}
    return set()
