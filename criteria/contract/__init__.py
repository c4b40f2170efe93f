"""The contract: what every criterion and growth promises, and finding a layer on which one of them does not.

>>> from criteria.contract import check_criterion
>>> check_criterion("mest(lambda_=0.1)")    # quiet, or a ContractError with the counterexample as code

``selection_properties`` has the properties of one selection, ``training_properties`` those of a training with topology
updates; both are plain functions. ``strategies`` says which layers are tried, ``checks`` runs the search. The names
below are imported when they are first used: a session of pytest that only lists tests, and one
that runs others, must not load torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from criteria.contract.checks import (
        DEFAULT_EXAMPLES,
        Check,
        check_criterion,
        check_growth,
        checks_of,
        parametrize_with_checks,
        report,
    )
    from criteria.contract.results import ContractError, Result

__all__ = [
    "DEFAULT_EXAMPLES",
    "Check",
    "ContractError",
    "Result",
    "check_criterion",
    "check_growth",
    "checks_of",
    "parametrize_with_checks",
    "report",
]


def __getattr__(name: str) -> object:
    if name in __all__:
        home = "results" if name in ("ContractError", "Result") else "checks"
        return getattr(import_module(f"criteria.contract.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
