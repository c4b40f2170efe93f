"""The pytest plugin behind ``pytest --pyargs criteria.contract --dst-criterion NAME``: its options.

Every pytest session of an environment with dst-bench imports this. So it imports nothing but what pytest has, before
it is asked to, it is in no package (a project may have one of the same name), and its options have a prefix: two
plugins with an option of one name end every session at its start.
"""

import argparse
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

LONGEST = 86_400
"""Seconds that one case may take at most."""


def pytest_addoption(parser: "pytest.Parser") -> None:
    """Add the options that say what ``criteria.contract.test_contract`` checks."""
    group = parser.getgroup("contract", "contract of pruning and growth criteria (--pyargs criteria.contract)")
    for kind in ("criterion", "growth"):
        group.addoption(
            f"--dst-{kind}", action="append", default=[], metavar="NAME", help=f"check this {kind} (may be repeated)"
        )
    group.addoption("--dst-examples", type=_examples, metavar="N", help="cases for each property")
    group.addoption("--dst-time-limit", type=_seconds, metavar="SECONDS", help="the time that one case may take")


def _examples(text: str) -> int:
    """A number of cases; of 0 or fewer the search would silently make another one."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, found {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    """A time that the system's timer takes."""
    with suppress(ValueError):
        if 0 < (seconds := float(text)) <= LONGEST:
            return seconds
    raise argparse.ArgumentTypeError(f"expected seconds, above 0 and at most {LONGEST} (a day), found {text!r}")


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
