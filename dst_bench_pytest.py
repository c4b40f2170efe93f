"""The pytest plugin behind ``pytest --pyargs criteria.contract --dst-criterion NAME``: its options.

Every pytest session of an environment with dst-bench imports this. So it imports nothing before it is asked to, it is
in no package (a project may have one of the same name), and its options have a prefix: two plugins with an option of
one name end every session at its start.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_addoption(parser: "pytest.Parser") -> None:
    """Add the options that say what ``criteria.contract.test_contract`` checks."""
    group = parser.getgroup("contract", "contract of pruning and growth criteria (--pyargs criteria.contract)")
    for kind in ("criterion", "growth"):
        group.addoption(
            f"--dst-{kind}", action="append", default=[], metavar="NAME", help=f"check this {kind} (may be repeated)"
        )
    group.addoption("--dst-examples", type=int, metavar="N", help="cases for each property")
    group.addoption("--dst-time-limit", type=float, metavar="SECONDS", help="the time that one case may take")


def pytest_configure(config: "pytest.Config") -> None:
    """Refuse what is not installed, in one line."""
    chosen = [(spec, kind) for kind in ("criterion", "growth") for spec in config.getoption(f"dst_{kind}")]
    if chosen:
        import pytest

        from dst_bench import shadowed

        if (problem := shadowed()) is not None:
            raise pytest.UsageError(problem)
        from criteria.errors import InputError, PluginError
        from criteria.plugins import load

        try:
            for spec, kind in chosen:
                load(spec, kind)
        except (InputError, PluginError) as error:
            raise pytest.UsageError(str(error)) from None
