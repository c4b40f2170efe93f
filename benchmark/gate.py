"""The gate: only criteria that keep the contract are benchmarked."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import platformdirs

from benchmark.results import write_atomically
from criteria.contract import check_criterion
from criteria.plugins import entry_points_of, fingerprint, parse

QUICK_EXAMPLES = 25
"""Cases per property; `dst-bench contract` tries more."""


def require_contract(criteria: Iterable[str]) -> None:
    """Check each criterion that has not passed before, quickly; raises :class:`ContractError` for a broken one.

    That a criterion passed is remembered in the user's cache folder, by its code and its distribution's version.
    """
    for spec in criteria:
        passed = _folder() / _key(spec)
        if not passed.exists():
            check_criterion(spec, QUICK_EXAMPLES)
            write_atomically(passed, f"{spec}\n")


def _folder() -> Path:
    return Path(platformdirs.user_cache_dir("dst-bench", appauthor=False)) / "contracts"


def _key(spec: str) -> str:
    plugin = parse(spec)
    points = entry_points_of("criterion")
    versions = [d.version for name in (plugin.name, "magnitude") if (d := points[name].dist) is not None]
    text = repr((spec, fingerprint(plugin, "criterion"), versions))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
