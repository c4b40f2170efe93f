"""Stored values that were tampered with: what a check says of each way to do it.

The first group is stored values against the runs that they were made from, the normal case in CI; the second is against
runs with other seeds, where only what is larger than noise can be found.
"""

from pathlib import Path

import numpy as np
import pytest

from benchmark.experiments.cells import Cell
from benchmark.verdicts.accepting import Evidence, revised
from benchmark.verdicts.calibration.worlds import DENSITIES
from benchmark.verdicts.check import check
from benchmark.verdicts.expected import Source, read_expected
from benchmark.verdicts.rendering import render

SOURCE = Source(kind="published", reference="tampered")
TOLERANCE = {"fmnist-lenet300": 0.3, "smoke": 1.0}


def stored(experiment):
    """The stored values at three densities, by cell."""
    found = read_expected(Path(__file__).parents[2] / "expected_results" / f"{experiment}.yaml")
    densities = (*DENSITIES[experiment], 1.0)
    return {
        each.cell: dict(each.estimates["measured"].values) for each in found.cells if each.cell.density in densities
    }


def expecting(samples, experiment):
    evidence = Evidence(samples, SOURCE, "measured")
    return revised(None, evidence, experiment=experiment, metric="accuracy", tolerance=TOLERANCE[experiment])


def renamed(samples, of):
    """The samples in which a cell has the values of the cell that ``of`` gives for it."""
    return {cell: samples[of(cell)] for cell in samples}


def exchanged(first, second, field):
    names = {first: second, second: first}

    def of(cell):
        values = {"criterion": cell.criterion, "growth": cell.growth, "density": cell.density}
        return Cell(**{**values, field: names.get(values[field], values[field])})

    return lambda samples: renamed(samples, of)


def static_instead(chosen):
    return lambda samples: renamed(samples, lambda cell: Cell("static", None, cell.density) if chosen(cell) else cell)


def lowered(samples):
    return {cell: {seed: round(value - 0.99, 4) for seed, value in values.items()} for cell, values in samples.items()}


WAYS = {
    "every value lowered by 0.99": lowered,
    "magnitude and set exchanged": exchanged("magnitude", "set", "criterion"),
    "magnitude and mest exchanged": exchanged("magnitude", "mest", "criterion"),
    "magnitude and snip exchanged": exchanged("magnitude", "snip", "criterion"),
    "random and gradient growth exchanged": exchanged("random", "gradient", "growth"),
    "magnitude never updates its topology": static_instead(lambda cell: cell.criterion == "magnitude"),
    "gradient growth never updates its topology": static_instead(lambda cell: cell.growth == "gradient"),
}
EXCHANGED = {"fmnist-lenet300": exchanged(0.1, 0.2, "density"), "smoke": exchanged(0.05, 0.2, "density")}


@pytest.mark.parametrize("experiment", TOLERANCE)
@pytest.mark.parametrize("way", [*WAYS, "two densities exchanged"])
def test_a_check_of_the_runs_that_values_were_made_from_fails(experiment, way):
    samples = stored(experiment)
    tampered = (WAYS | {"two densities exchanged": EXCHANGED[experiment]})[way](samples)
    outcome = check(samples, expecting(tampered, experiment))
    assert outcome.exit_status() == 1
    assert "deviates: " in render(outcome)


def test_the_untouched_values_pass():
    for experiment in TOLERANCE:
        samples = stored(experiment)
        assert check(samples, expecting(samples, experiment)).overall == "reproduced"


def test_the_sentence_names_how_many_runs_differ_and_the_first():
    samples = stored("fmnist-lenet300")
    text = render(check(samples, expecting(WAYS["magnitude and snip exchanged"](samples), "fmnist-lenet300")))
    told = " ".join(text.split())
    assert "deviates: 72 of 240 runs are not equal to 'measured' bit for bit; the first is magnitude · gradient" in told


def drawn(samples, generator, seeds=3):
    """An honest rerun with other seeds: stored means and spreads are the truth."""
    return {
        cell: {
            100 + seed: float(np.clip(round(mean + std * generator.standard_normal(), 2), 0, 100))
            for seed in range(seeds)
        }
        for cell, values in samples.items()
        for mean, std in [(np.mean(list(values.values())), np.std(list(values.values()), ddof=1))]
    }


ELSEWHERE = [
    "every value lowered by 0.99",
    "magnitude and snip exchanged",
    "random and gradient growth exchanged",
    "magnitude never updates its topology",
    "gradient growth never updates its topology",
    "two densities exchanged",
]


@pytest.mark.parametrize("way", ELSEWHERE)
def test_most_of_it_is_found_with_other_seeds_too(way):
    experiment = "fmnist-lenet300"
    samples, generator = stored(experiment), np.random.default_rng(1)
    tampered = expecting((WAYS | {"two densities exchanged": EXCHANGED[experiment]})[way](samples), experiment)
    found = sum(check(drawn(samples, generator), tampered).exit_status() for _ in range(5))
    assert found >= 4


def test_the_best_three_of_twenty_seeds_are_found():
    """In every cell, against three other seeds: the cells stay within the tolerance, all of them together do not."""
    samples, generator = stored("fmnist-lenet300"), np.random.default_rng(2)
    found = 0
    for _ in range(10):
        twenty = drawn(samples, generator, 20)
        best = {
            cell: {seed: values[seed] for seed in sorted(values, key=values.__getitem__)[-3:]}
            for cell, values in twenty.items()
        }
        fresh = {
            cell: {seed + 100: v for seed, v in values.items()} for cell, values in drawn(samples, generator).items()
        }
        found += check(fresh, expecting(best, "fmnist-lenet300")).exit_status()
    assert found >= 8
