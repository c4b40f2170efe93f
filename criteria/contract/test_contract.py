"""The contract as pytest tests, one for each check of what ``--dst-criterion`` and ``--dst-growth`` name."""

import pytest

from criteria.contract.asking import Plugin
from criteria.contract.checks import DEFAULT_EXAMPLES, Check, parametrize_with_checks
from criteria.contract.search import TIME_LIMIT
from criteria.plugins import load, usable


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of every check of every plugin that was asked for."""
    chosen = {kind: metafunc.config.getoption(f"dst_{kind}") for kind in ("criterion", "growth")}
    if not any(chosen.values()):
        chosen = {kind: usable(kind) for kind in chosen}
    mark = parametrize_with_checks(load(spec, kind) for kind, specs in chosen.items() for spec in specs).mark
    metafunc.parametrize(*mark.args, **mark.kwargs)


def test_contract(plugin: Plugin, check: Check, request: pytest.FixtureRequest) -> None:
    """The plugin keeps its promises."""
    asked = request.config.getoption
    check(plugin, asked("dst_examples") or DEFAULT_EXAMPLES, asked("dst_time_limit") or TIME_LIMIT)
