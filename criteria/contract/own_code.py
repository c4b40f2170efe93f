"""The code that is a plugin's own, among all that is loaded."""

import sys
from functools import cache
from pathlib import Path

from criteria.plugins.home import in_site
from criteria.plugins.owners import OURS, PLATFORM, is_made_for_us, top_level

Modules = frozenset[str]
"""Names of modules."""


def modules_of(kind: type) -> Modules:
    """The loaded modules that a plugin's code may be in, of those whose code makes its identity.

    They are those of its class and the bases of that, all that are in the same packages as these, and those that are in
    no installed distribution or in one that is made for us.
    """
    bases = {base.__module__ for base in kind.__mro__} - {"criteria.api"}
    packages = {top_level(name) for name in bases}.difference(OURS)
    loaded = {
        name
        for name, module in list(sys.modules.items())
        if top_level(name) in packages or _is_some_plugins(top_level(name), getattr(module, "__file__", None))
    }
    return frozenset(name for name in bases | loaded if top_level(name) not in PLATFORM)


@cache
def _is_some_plugins(top: str, file: str | None) -> bool:
    """Whether a module of this file is nobody's that is installed, but for distributions that have plugins."""
    if top in OURS or top in PLATFORM or file is None:
        return False
    return not in_site(Path(file)) or is_made_for_us(top)
