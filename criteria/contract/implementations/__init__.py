"""The contract for whole implementations of dynamic sparse training, whoever wrote them.

>>> from criteria.contract.implementations import check_training
>>> check_training(make, update_period=5)     # quiet, or a ContractError with the counterexample as code

``protocol`` says what an implementation is asked for and what it may declare, ``case`` which trainings are tried,
``judging`` what one step must keep, ``trial`` what two trainings that do the same must have in common, ``ranks`` what
processes must; ``check`` runs the search.
"""

from criteria.contract.implementations.case import Step, TrainingCase
from criteria.contract.implementations.check import check_training, report_training, run_case
from criteria.contract.implementations.protocol import PROMISES, Declared, Handle

__all__ = [
    "PROMISES",
    "Declared",
    "Handle",
    "Step",
    "TrainingCase",
    "check_training",
    "report_training",
    "run_case",
]
