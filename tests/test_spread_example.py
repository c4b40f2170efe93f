"""The study of what the spread between seeds comes from, in examples/spread."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.part import Part
from benchmark.experiments.runs import expand
from benchmark.running.plan import dataset_on
from benchmark.training.fleet_training import train_fleet
from benchmark.training.members import member_of
from examples.spread import training
from examples.spread.starts import DRAWS, RULES, Start, tasks
from examples.spread.tables import tables

SMOKE = load_experiment("smoke").setups[0][1]
SETUP = SMOKE.model_copy(
    update={
        "training": SMOKE.training.model_copy(update={"epochs": 1}),
        "topology": SMOKE.topology.model_copy(update={"update_period": 5}),
    }
)
CPU = torch.device("cpu")


def outcomes(rule, draw, *starts):
    return training.outcomes(rule, draw, starts, SETUP, dataset_on(SETUP.data, None, CPU))


@pytest.mark.parametrize("rule", RULES)
def test_with_one_seed_for_all_draws_it_trains_what_a_run_of_that_seed_trains(rule):
    part = Part(criteria=rule, growth="random", density=str(training.DENSITY), seeds="7")
    (run,) = expand(part.select("smoke"))
    (found,) = train_fleet([member_of(replace(run, setup=SETUP))], SETUP, dataset_on(SETUP.data, None, CPU), CPU)
    assert outcomes(rule, "exact", Start.of(3), Start.of(7))[1] == found


def test_each_draw_that_is_made_anew_gives_another_training_and_those_that_a_rule_does_not_make_do_not():
    anew = [Start.of(1).anew(draw) for draw in DRAWS["magnitude"]]
    for rule in RULES:
        found = outcomes(rule, "exact", Start.of(1), *anew)
        assert len({tuple(each.digests.values()) for each in found}) == 1 + len(DRAWS[rule])


def test_coin_flips_vary_the_number_of_weights_that_exact_counts_keep():
    starts = [Start.of(seed) for seed in (1, 2, 3)]
    assert len({tuple(each.density.values()) for each in outcomes("static", "exact", *starts)}) == 1
    assert len({tuple(each.density.values()) for each in outcomes("static", "coin flips", *starts)}) == 3


def test_the_tables_give_a_draw_the_share_of_the_variance_that_it_has():
    normal = np.random.default_rng(1).normal
    parts = {(name, seed): normal() for name, seed in product(DRAWS["magnitude"], [*range(1, 301), *range(1001, 1301)])}
    luck = normal(size=301)
    size = {"mask": 3.0, "weights": 1.0, "batches": 0.0, "growth": 0.0}

    def accuracy(task):
        shift = 5 + luck[task.start.mask] if task.draw == "coin flips" else 0.0
        return 80 + shift + sum(size[name] * parts[name, getattr(task.start, name)] for name in size)

    text = tables({task: accuracy(task) for task in tasks(300, 300)})
    shares = {row.split("|")[2].strip(): row.split("|")[5].strip() for row in text.splitlines() if "static" in row[:10]}
    assert 80 <= int(shares["initial mask"].rstrip("%")) <= 100  # 90% of it, known to a twelfth with 300 pairs
    assert 5 <= int(shares["initial weights"].rstrip("%")) <= 15
    assert shares["order of batches"] == "0%"
    difference = next(row.split("|")[5] for row in text.splitlines() if row.startswith("| static"))
    centre, half = map(float, difference.split("±"))
    assert 4.6 < centre - half < centre + half < 5.4
