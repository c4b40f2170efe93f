"""The gate: only criteria and growths that keep the contract are benchmarked."""

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import platformdirs

from benchmark.experiments.cells import Cell
from benchmark.system.files import read_text, write_atomically
from criteria.contract import check_criterion, check_growth
from criteria.errors import InputError
from criteria.plugins import entry_points_of, identity, parse

QUICK_EXAMPLES = 25
"""Cases per property; `dst-bench contract` tries more."""


def require_contract(cells: Iterable[Cell], compared: Iterable[str] = ()) -> None:
    """Check the criterion and growth of every cell, quickly, and ``compared`` criteria.

    Raises :class:`ContractError` for a broken one.

    What passed is remembered in the user's cache folder, by its code and its distribution's version and ours.
    """
    moving = [cell for cell in cells if cell.growth is not None]
    for spec in sorted({cell.criterion for cell in moving} | set(compared)):
        _check_once(spec, "criterion")
    for spec in sorted({cell.growth for cell in moving if cell.growth is not None}):
        _check_once(spec, "growth")


def _check_once(spec: str, kind: str) -> None:
    passed = Path(platformdirs.user_cache_dir("dst-bench", appauthor=False)) / "contracts" / _key(spec, kind)
    remembered = f"{kind} {spec} keeps the contract\n"
    with suppress(InputError):  # it is not there, or damaged: then it is checked again
        if read_text(passed) == remembered:
            return
    check = check_growth if kind == "growth" else check_criterion
    check(spec, QUICK_EXAMPLES)
    with suppress(InputError):  # it cannot be written: then the next command checks again
        write_atomically(passed, remembered)


def _key(spec: str, kind: str) -> str:
    plugin = parse(spec)
    distributions = [entry_points_of(kind)[plugin.name].dist, entry_points_of("criterion")["magnitude"].dist]
    versions = [dist.version if dist else None for dist in distributions]
    text = repr((kind, spec, identity(plugin.name, kind), versions))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
