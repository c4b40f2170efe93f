"""What identifies a run: settings that came later leave the ids of runs that do not use them."""

import pytest

from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.runs import expand
from benchmark.experiments.setup import LATER

FIRST = {
    "topology": {
        "distribution",
        "update_period",
        "prune_fraction",
        "resurrection",
        "grown_momentum",
        "scope",
        "normalisation",
    },
    "training": {
        "epochs",
        "batch_size",
        "learning_rate",
        "momentum",
        "nesterov",
        "weight_decay",
        "milestones",
        "milestone_factor",
        "precision",
        "warmup_epochs",
        "label_smoothing",
    },
}
"""The settings that the first stored results were identified by."""


def test_a_run_of_the_first_experiments_is_identified_by_the_settings_of_its_time():
    for run in expand(load_experiment("smoke")):
        assert set(run.settings["training"]) == FIRST["training"]
        wanted = {"distribution"} if run.rule.baseline else FIRST["topology"]
        assert set(run.settings["topology"]) == wanted
        assert set(run.settings) - {"criterion", "growth", "baseline"} == {
            *("data", "model", "training", "topology", "engine", "density", "seed")
        }


VALUES = {
    "grown_value": "uniform",
    "density_schedule": "gmp",
    "exclude": ["fc1"],
    "fixed": ["last"],
    "fan_in": "constant",
    "update_until": 0.75,
    "weight_decay_on": "weights",
    "ablation": 0.3,
}


@pytest.mark.parametrize("name", [name for names in LATER.values() for name in names])
def test_a_later_setting_makes_another_run_where_it_is_used(name):
    part = next(part for part, names in LATER.items() if name in names)
    needed = ["topology.fan_in=constant"] if name == "ablation" else []
    one = expand(load_experiment("smoke", needed))[-1]
    other = expand(load_experiment("smoke", [*needed, f"{part}.{name}={VALUES[name]}"]))[-1]
    assert one.id != other.id
    assert name in other.settings[part]
