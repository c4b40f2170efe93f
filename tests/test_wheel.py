"""What is installed is what the project says it is."""

from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed():
    """The paths of all files in the wheel."""
    return {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}


@pytest.mark.parametrize("package", ["criteria", "benchmark", "baselines"])
def test_the_types_of_a_package_count_for_whoever_imports_it(installed, package):
    assert f"{package}/py.typed" in installed


def test_the_command_the_pytest_plugin_and_the_expected_values_are_installed(installed):
    assert {"dst_bench.py", "dst_bench_pytest.py", "benchmark/expected_results/smoke.yaml"} <= installed
