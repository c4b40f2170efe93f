"""A race over trainings: seeds are added where something is undecided, and the budget ends it."""

import itertools
import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import yaml

from benchmark.commands.cli import main
from benchmark.experiments.cells import Cell
from benchmark.experiments.part import Part
from benchmark.experiments.results import ResultsFolder
from benchmark.running import racing
from benchmark.running.journal import read_journal
from benchmark.running.missing import train_missing
from benchmark.running.options import Options
from benchmark.running.racing import Race, Trained, race
from criteria.errors import InputError
from tests.running.tiny import TINY as TINY_EXPERIMENT

LEADS = {0.02: -60.0, 0.05: 0.0, 0.2: 0.4}
"""Of random over magnitude, by density; the spread of a difference is 0.14."""


@pytest.fixture
def asked_for(monkeypatch):
    """Races whose trainings are drawn at random; gives the seeds that each look asked for."""
    looks = []

    def trained(asked, wanted, done, root, options, train):
        looks.append({lane.setting.density: seeds for lane, seeds in wanted.items()})
        found = {}
        for setting, seeds in {lane.setting: seeds for lane, seeds in wanted.items()}.items():
            for name, lead in ((asked.mine, LEADS[setting.density]), *((other, 0.0) for other in asked.others)):
                values = (
                    80 + lead + 0.1 * np.random.default_rng([len(name), int(setting.density * 100)]).normal(size=200)
                )
                cell = Cell(name, setting.growth, setting.density, setting.extra)
                found[cell] = dict(enumerate(values[:seeds].round(2).tolist(), start=1))
        return Trained(found, {})

    monkeypatch.setattr(racing, "_trained", trained)
    return looks


def run(tmp_path, **asked):
    told = []
    options = {"part": Part(growth="random"), **asked}
    race_ = Race("smoke", "random", ("magnitude",), **options)
    found = race(race_, ResultsFolder(tmp_path, "smoke"), Options(), lambda lane, decision: told.append(lane))
    return {lane.setting.density: decision for lane, decision in found.items()}, told


def test_every_density_is_decided_and_told_once(asked_for, tmp_path):
    found, told = run(tmp_path)
    assert {density: each.outcome for density, each in found.items()} == {
        0.02: "worse",
        0.05: "equivalent",
        0.2: "better",
    }
    assert len(told) == 3


def test_seeds_go_where_something_is_undecided(asked_for, tmp_path):
    run(tmp_path)
    assert asked_for[0] == {0.02: 3, 0.05: 3, 0.2: 3}
    assert 0.02 not in asked_for[-1]
    for before, now in itertools.pairwise(asked_for):
        assert all(seeds > before[density] for density, seeds in now.items())


def test_a_budget_of_seeds_leaves_the_rest_undecided_and_says_how_many_more(asked_for, tmp_path):
    found, _ = run(tmp_path, most_seeds=3, margin=0.1)
    assert found[0.05].outcome == "undecided"
    assert found[0.05].n == 3
    assert found[0.05].more > 0


def test_a_spent_budget_of_time_ends_the_race_after_the_look_that_spent_it(asked_for, tmp_path):
    found, _ = run(tmp_path, budget=0.0, margin=0.01)
    assert len(asked_for) == 1
    assert {each.n for each in found.values()} == {3}


def test_a_race_of_one_is_refused(asked_for, tmp_path):
    with pytest.raises(InputError, match="two different criteria"):
        race(Race("smoke", "magnitude", ("magnitude",)), ResultsFolder(tmp_path, "smoke"), Options(), lambda *_: None)


def test_a_race_of_too_few_seeds_is_refused(asked_for, tmp_path):
    with pytest.raises(InputError, match="decides from 3 seeds on; a setting cannot have at most 2"):
        run(tmp_path, most_seeds=2)
    assert not asked_for


@pytest.mark.parametrize("names", [("static", "magnitude"), ("magnitude", "static"), ("static", "dense")])
def test_a_race_with_a_baseline_is_refused_before_anything_trains(asked_for, tmp_path, names):
    with pytest.raises(InputError, match="a race is between criteria"):
        race(Race("smoke", names[0], names[1:], Part()), ResultsFolder(tmp_path, "smoke"), Options(), lambda *_: None)
    assert not asked_for


@pytest.mark.parametrize(
    ("mine", "other", "lanes"),
    [
        ("mest( lambda_ = 1 )", "magnitude", ["magnitude"]),
        ("magnitude", "mest(lambda_=1.0)", ["mest"]),
        ("mest(lambda_=.5)", "mest(lambda_=1)", ["mest"]),
    ],
)
def test_a_criterion_may_be_written_in_any_form_that_means_it(tmp_path, mine, other, lanes):
    asked = Race("smoke", mine, (other,), TINY, budget=0.0)
    options = Options(device="cpu", contract_skipped=True)
    found = race(asked, ResultsFolder(tmp_path, "smoke"), options, lambda *_: None)
    assert [lane.other for lane in found] == lanes
    assert [each.n for each in found.values()] == [3]


def test_a_criterion_in_two_forms_is_no_race(asked_for, tmp_path):
    asked = Race("smoke", "mest", ("mest(lambda_=1.0)",))
    with pytest.raises(InputError, match="two different criteria"):
        race(asked, ResultsFolder(tmp_path, "smoke"), Options(), lambda *_: None)
    assert not asked_for


def test_a_race_where_the_experiment_leaves_one_of_both_out_is_refused_before_anything_trains(asked_for, tmp_path):
    part = Part(settings=('axes.leave_out=[{"criterion": "random", "density": 0.05}]',))
    with pytest.raises(InputError, match=r"smoke leaves random out at density 0\.05 with random growth"):
        run(tmp_path, part=part)
    assert not asked_for


def test_runs_that_diverged_are_counted_on_their_side(tmp_path):
    wild = ("training.learning_rate=1e30", "training.epochs=1")
    part = Part(growth="random", density="0.05", settings=wild)
    asked = Race("smoke", "random", ("magnitude",), part, budget=0.0)
    found = race(asked, ResultsFolder(tmp_path, "smoke"), Options(contract_skipped=True), lambda *_: None)
    assert [each.diverged for each in found.values()] == [(3, 3)]


TINY = Part(
    growth="random",
    density="0.1234567891",
    settings=("training.epochs=1", "training.batch_size=512", "model.widths=[8]"),
)


def test_that_the_contract_is_kept_is_said_once_in_a_race(tmp_path, capsys):
    asked = Race("smoke", "magnitude", ("random",), TINY, margin=0.01, most_seeds=8)
    race(asked, ResultsFolder(tmp_path, "smoke"), Options(device="cpu"), lambda _lane, _decision: None)
    said = capsys.readouterr().err
    assert said.count("contract: all 3 criteria, growths and schedules keep it") == 1
    assert said.count(" to train in ") > 1


def test_a_fresh_race_trains_every_run_once(tmp_path):
    asked = Race("smoke", "magnitude", ("random",), TINY, margin=0.01, most_seeds=8)
    options = Options(device="cpu", contract_skipped=True)
    folder = ResultsFolder(tmp_path, "smoke")
    race(asked, folder, options, lambda _lane, _decision: None)
    before = folder.written()
    race(asked, folder, replace(options, fresh=True), lambda _lane, _decision: None)
    stored = Counter(run for entry in read_journal(folder.path) if entry.event == "stored" for run in entry.runs)
    assert stored.keys() == before.keys()
    assert set(stored.values()) == {2}


@pytest.mark.parametrize("names", [("dst_ee", "magnitude"), ("magnitude", "dst_ee"), ("dst_ee", "gradient")])
def test_a_race_with_a_growth_is_refused_and_says_what_ranks_it(asked_for, tmp_path, names):
    race_ = Race("smoke", names[0], names[1:], Part())
    with pytest.raises(InputError, match="dst_ee is a growth, and a race is between criteria") as refused:
        race(race_, ResultsFolder(tmp_path, "smoke"), Options(), lambda *_: None)
    assert "`dst-bench rank smoke --add 'dst_ee' --leaderboard FILE.md`" in str(refused.value)
    assert not asked_for


def test_a_race_that_ends_undecided_tells_the_difference_and_its_interval(asked_for, tmp_path, capsys):
    asked = ["random", "magnitude", "--growth", "random", "--density", "0.05", "--most-seeds", "4", "--margin", "0.01"]
    compare = ["compare", *asked, "--results", str(tmp_path)]
    assert main(compare) == 0
    assert (
        " are undecided at density 0.05 with random growth after 4 seeds (mean difference " in capsys.readouterr().out
    )
    assert main([*compare, "--json"]) == 0
    (lane,) = json.loads(capsys.readouterr().out)["comparisons"]
    assert lane["outcome"] == "undecided"
    assert lane["low"] < lane["difference"] < lane["high"]


VARIED = TINY_EXPERIMENT | {
    "training": {"epochs": 1, "batch_size": 512},
    "axes": TINY_EXPERIMENT["axes"] | {"settings": {"training.learning_rate": [0.1, 1e30]}},
}


@pytest.fixture
def varied(tmp_path):
    """A race on an experiment one of whose settings varies; in one of its two values all runs diverge."""
    path = tmp_path / "varied.yaml"
    path.write_text(yaml.safe_dump(VARIED))
    return Race(str(path), "magnitude", ("random", "snip"), margin=0.01)


def looked(asked, wanted, tmp_path):
    """What a look at lanes, with so many seeds each, finds; and how many runs of each cell are stored then."""
    folder = ResultsFolder(tmp_path / "results", "varied")
    options = Options(device="cpu", contract_skipped=True)
    found = racing._trained(asked, wanted, {}, folder, options, train_missing)
    return found, len(folder.written())


def test_settings_with_different_numbers_of_seeds_keep_their_own(varied, tmp_path):
    """One that needs fewer seeds took those of the other one away, and runs that diverged counted for each of them."""
    wanted = {lane: 4 if dict(lane.setting.extra)["learning_rate"] == 0.1 else 3 for lane in racing._lanes(varied)}
    found, trained = looked(varied, wanted, tmp_path)
    assert {(dict(cell.extra)["learning_rate"], len(seeds)) for cell, seeds in found.samples.items()} == {
        (0.1, 4),
        (1e30, 3),
    }
    assert set(found.diverged.values()) == {3}
    assert trained == 3 * (4 + 3)


def test_another_criterion_is_not_trained_where_it_is_decided(varied, tmp_path):
    first = racing._lanes(varied)[0]
    found, trained = looked(varied, {first: 3}, tmp_path)
    assert {cell.criterion for cell in found.samples} == {"magnitude", first.other}
    assert trained == 2 * 3
