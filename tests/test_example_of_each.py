"""A package with one rule of each kind is listed, checked and trained, by its entry points alone."""

import json

import pytest

from tests.test_example_plugin import ROOT, Environment

RULES = ("input_energy", "shared_outputs", "in_equal_steps", "static_saliency")


@pytest.mark.long
def test_one_rule_of_each_kind_is_listed_checked_and_trained_in_an_environment_of_its_own(tmp_path):
    here = Environment(tmp_path / "venv")
    here.create()
    listed = here.dst_bench("list")
    assert not any(rule in listed for rule in RULES)
    here.pip("install", "-q", "--no-index", "--no-deps", "--no-build-isolation", ROOT / "examples/of_each")
    listed = here.dst_bench("list")
    assert all(rule in listed for rule in RULES)
    told = json.loads(here.dst_bench("contract", *RULES[:3], "--quick", "--json"))
    assert [each["kind"] for each in told] == ["criterion", "growth", "schedule"]
    part = ("--density", "0.2", "--seeds", "1", "--set", "training.epochs=2", "--set", "topology.update_period=20")
    rules = ("--criteria", "input_energy,static_saliency", "--growth", "shared_outputs")
    schedule = ("--set", "topology.density_schedule=in_equal_steps")
    here.dst_bench("run", "smoke", *rules, *part, *schedule, "--results", str(tmp_path / "results"))
    stored = [json.loads(path.read_text()) for path in tmp_path.glob("results/smoke/runs/*.json")]
    assert len(stored) == 2
    moving = next(each for each in stored if "criterion" in each["settings"])
    assert moving["settings"]["topology"]["density_schedule"]["spec"] == "in_equal_steps"
