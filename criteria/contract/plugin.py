"""The pytest plugin behind ``pytest --pyargs criteria.contract --criterion NAME``: its options.

Every pytest session of an environment with dst-bench imports this, so it imports nothing itself.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_addoption(parser: "pytest.Parser") -> None:
    """Add the options that say what ``criteria.contract.test_contract`` checks."""
    group = parser.getgroup("contract", "contract of pruning and growth criteria (--pyargs criteria.contract)")
    group.addoption(
        "--criterion", action="append", default=[], metavar="NAME", help="check this criterion (may be repeated)"
    )
    group.addoption("--growth", action="append", default=[], metavar="NAME", help="check this growth (may be repeated)")
    group.addoption("--contract-examples", type=int, metavar="N", help="cases for each property")
