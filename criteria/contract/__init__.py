"""The contract: what every criterion and growth promises, and finding a layer on which one of them does not.

>>> from criteria.contract import check_criterion
>>> check_criterion("mest(lambda_=0.1)")    # quiet, or a ContractError with the counterexample as code

Properties are plain functions: of one selection in ``selection_properties``, ``purity``, ``sameness``,
``state_properties`` and ``known``, of a training with topology updates in ``training_properties``. ``strategies`` and
``special`` say which layers are tried, ``properties`` what is tried on which, ``checks`` runs the search. The names
below are imported when they are first used: a session of pytest that only lists tests, and one that runs others, must
not load torch.
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
    from criteria.contract.implementations import check_training
    from criteria.contract.notes import notes_on
    from criteria.contract.results import ContractError, Result
    from criteria.contract.schedules import check_schedule
    from criteria.contract.search import Circumstances

__all__ = [
    "DEFAULT_EXAMPLES",
    "Check",
    "Circumstances",
    "ContractError",
    "Result",
    "check_criterion",
    "check_growth",
    "check_schedule",
    "check_training",
    "checks_of",
    "notes_on",
    "parametrize_with_checks",
    "report",
]


def __getattr__(name: str) -> object:
    if name in __all__:
        homes = {
            "Circumstances": "search",
            "ContractError": "results",
            "Result": "results",
            "check_schedule": "schedules",
            "check_training": "implementations",
            "notes_on": "notes",
        }
        home = homes.get(name, "checks")
        return getattr(import_module(f"criteria.contract.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
