"""Fault operators: each puts one fault into right criteria and growths, to measure what the contract finds.

A mutant is an importable class, ``tests.contract.operators.classes.<Plugin>_<Fault>``, so that it can be pickled, made
anew in another process, and named in a counterexample.
"""

from tests.contract.operators import answers, process, state
from tests.contract.operators.base import Operator
from tests.contract.operators.classes import Mutant, mutants, originals

OPERATORS: tuple[Operator, ...] = (*process.OPERATORS, *state.OPERATORS, *answers.OPERATORS)

__all__ = ["OPERATORS", "Mutant", "Operator", "mutants", "originals"]
