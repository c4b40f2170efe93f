"""A study: each stored result is read once, whichever engine computed it, and belongs to what it is judged by."""

import datetime
import json
import os
import signal
from collections import Counter
from dataclasses import replace

import pytest

from benchmark.experiments import results as results_module
from benchmark.experiments.archive import archive_beside
from benchmark.experiments.cells import Cell
from benchmark.experiments.part import Part
from benchmark.experiments.results import ResultsFolder
from benchmark.experiments.runs import expand
from benchmark.system import interruption
from benchmark.system.files import write_atomically
from benchmark.verdicts import study as study_module
from benchmark.verdicts.accepting import accept_study
from benchmark.verdicts.check import check_study
from benchmark.verdicts.expected import read_expected
from benchmark.verdicts.rendering import as_json, render
from benchmark.verdicts.study import Study, load_study, narrowed
from criteria.errors import InputError
from tests.report.made_up import changed, experiment, results_of, study_of

TODAY = datetime.date(2026, 3, 14)


@pytest.fixture
def made():
    return experiment(criteria=("magnitude", "set", "snip"), growths=("random",), densities=(0.1, 0.2), seeds=(1, 2, 3))


@pytest.fixture
def folder(tmp_path):
    return ResultsFolder(tmp_path / "results", "made-up")


def store(folder, results, engine="dense"):
    for run, result in results:
        other = run.on(engine)
        folder.store(result.model_copy(update={"id": other.id, "settings": other.settings}))


def expected_of(study, tmp_path):
    path = tmp_path / "expected" / "made-up.yaml"
    accept_study(study, path, TODAY)
    return read_expected(path)


def test_each_stored_result_is_read_exactly_once(made, folder, tmp_path, monkeypatch):
    store(folder, results_of(made))
    read = Counter()

    def counting(path, *rest):
        read[path] += 1
        return original(path, *rest)

    original = results_module.read_text
    monkeypatch.setattr(results_module, "read_text", counting)
    study = load_study(made, folder)
    study = replace(study, expected=expected_of(study, tmp_path))
    render(check_study(study))
    assert len(study.results) == len(expand(made)) == len(read)
    assert set(read.values()) == {1}


@pytest.fixture
def stored(made, tmp_path):
    """The files of stored values, with their contents, and a study with more results."""
    path = tmp_path / "made-up.yaml"
    accept_study(
        study_of(experiment(criteria=("magnitude",), growths=("random",), densities=(0.1,), seeds=(1,))), path, TODAY
    )
    files = (path, archive_beside(path))
    return {file: file.read_bytes() for file in files}, study_of(made)


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_a_signal_leaves_no_archive_beside_the_expected_values_of_another(stored, tmp_path, monkeypatch):
    before, study = stored
    accept_study(study, tmp_path / "undisturbed" / "made-up.yaml", TODAY)

    def signalled(*arguments):
        write_atomically(*arguments)
        if len(written) == 0:
            os.kill(os.getpid(), signal.SIGTERM)
        written.append(arguments[0])

    written = []
    monkeypatch.setattr("benchmark.verdicts.accepting.write_atomically", signalled)
    with interruption.interruptible(), pytest.raises(interruption.Interrupted):
        accept_study(study, next(iter(before)), TODAY)
    assert written[0].stat().st_size > written[1].stat().st_size  # or a full disk would part them
    assert set(written) == set(before)
    assert all(file.read_bytes() == (tmp_path / "undisturbed" / file.name).read_bytes() for file in before)


def test_values_that_cannot_be_written_down_leave_the_archive_as_it_was(stored, monkeypatch):
    before, study = stored

    def fails(_expected):
        raise MemoryError

    monkeypatch.setattr("benchmark.verdicts.accepting.expected_text", fails)
    with pytest.raises(MemoryError):
        accept_study(study, next(iter(before)), TODAY)
    assert {file: file.read_bytes() for file in before} == before


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
def test_a_result_that_is_a_link_to_itself_is_refused_before_anything_is_trained_for_it(made, folder):
    run = expand(made)[0]
    folder.runs.mkdir(parents=True)
    folder.file(run.id).symlink_to("not there")
    assert folder.read(run) is None
    folder.file(run.id).unlink()
    folder.file(run.id).symlink_to(f"{run.id}.json")
    with pytest.raises(InputError, match=f"{run.id}.json: cannot be read: "):
        folder.read(run)


def test_a_name_that_no_file_can_have_is_one_line(tmp_path):
    with pytest.raises(InputError, match="cannot be written: "):
        write_atomically(tmp_path / ("long" * 100), "text")


def test_a_result_of_another_engine_is_found_and_knows_its_engine(made, folder):
    found = results_of(made)
    store(folder, found[:4])
    store(folder, found[4:], "sparse")
    study = load_study(made, folder)
    assert [run.setup.engine for run, _ in study.results] == ["dense"] * 4 + ["sparse"] * (len(found) - 4)
    assert study.samples == study_of(made).samples


def test_the_engine_of_the_run_itself_comes_first(made, folder, monkeypatch):
    store(folder, results_of(made, accuracy=lambda run: 50.0), "sparse")
    store(folder, results_of(made, accuracy=lambda run: 80.0))
    monkeypatch.setattr(study_module, "ENGINE_NAMES", ("sparse", "dense"))
    study = load_study(made, folder)
    assert {run.setup.engine for run, _ in study.results} == {"dense"}
    assert {value for values in study.samples.values() for value in values.values()} == {80.0}


def test_results_are_grouped_by_cell_in_the_order_of_the_tables(made):
    gap = Cell("set", "random", 0.1)
    study = study_of(made, without=lambda cell: cell == gap)
    assert list(study.by_cell) == [cell for cell in study.cells if cell != gap]
    assert {len(results) for results in study.by_cell.values()} == {3}


def test_expected_values_of_another_metric_are_refused_in_one_line(made, folder, tmp_path):
    expected = expected_of(study_of(made), tmp_path)
    store(folder, results_of(made))
    with pytest.raises(InputError, match=r"are of test_accuracy_best, but .* metric is test_accuracy_last") as error:
        load_study(changed(made, metric="test_accuracy_last"), folder, expected)
    assert "\n" not in str(error.value)


def test_a_study_without_expected_values_cannot_be_checked(made):
    with pytest.raises(InputError, match="made-up: there are no expected values"):
        check_study(study_of(made))


def test_a_check_names_the_cells_that_were_trained_without_the_contract(made, tmp_path):
    expected = expected_of(study_of(made), tmp_path)
    outcome = check_study(replace(study_of(made, skipped=True), expected=expected))
    marked = [str(cell) for cell in sorted(study_of(made).cells) if cell.growth is not None]
    assert outcome.warnings == tuple(f"{cell}: trained with --no-contract" for cell in marked)
    assert check_study(study_of(made, expected)).warnings == ()


def test_a_part_is_checked_against_its_own_cells_and_without_verdicts_on_claims(made, tmp_path):
    expected = expected_of(study_of(made), tmp_path)
    assert expected.claims
    part = experiment(criteria=("set",), growths=("random",), densities=(0.1, 0.2))
    kept = narrowed(expected, part, Part(criteria="set"))
    assert {stored.cell.criterion for stored in kept.cells} == {"set", "static", "dense"}
    assert kept.claims == {}
    assert narrowed(expected, part, Part(seeds="1-3")) == expected  # a cell that is gone has to show as missing


def test_accepted_results_say_which_versions_and_devices_they_came_from(made, tmp_path):
    study = study_of(made)
    first, *rest = study.results
    other = first[1].model_copy(update={"environment": {**first[1].environment, "torch": "9.9"}})
    expected = expected_of(replace(study, results=((first[0], other), *rest)), tmp_path)
    source = expected.sources["measured"]
    assert (source.version, source.torch, source.date) == ("0.0", "0.0, 9.9", TODAY)
    assert {cell.cell: dict(cell.estimates["measured"].values) for cell in expected.cells} == {
        cell: {seed: round(value, 4) for seed, value in values.items()} for cell, values in study.samples.items()
    }
    assert check_study(study_of(made, expected)).overall == "reproduced"


@pytest.mark.parametrize(
    ("engine", "depth", "overall"), [("dense", "bits", "deviates"), ("sparse", "paired", "reproduced")]
)
def test_results_of_another_engine_are_compared_by_seed_and_not_by_bits(made, tmp_path, engine, depth, overall):
    expected = expected_of(study_of(made), tmp_path)
    (run, result), *rest = study_of(made).results
    value = result.outcome.test_accuracy_best + 0.25
    moved = result.model_copy(update={"outcome": replace(result.outcome, test_accuracy_best=value)})
    results = tuple((run.on(engine), result) for run, result in ((run, moved), *rest))
    found = check_study(replace(study_of(made, expected), results=results))
    assert found.depths == {"measured": depth}
    assert found.overall == overall


@pytest.mark.parametrize(("key", "value"), [("torch", "9.9"), ("device", "another"), ("cpu", "another")])
def test_results_of_another_torch_or_machine_are_compared_by_seed_however_many_are_equal(made, tmp_path, key, value):
    results = [
        (run, result.model_copy(update={"environment": {**result.environment, "cpu": "one"}}))
        for run, result in study_of(made).results
    ]
    expected = expected_of(replace(study_of(made), results=tuple(results)), tmp_path)
    (run, result), *rest = results
    best = result.outcome.test_accuracy_best + 0.25
    moved = result.model_copy(update={"outcome": replace(result.outcome, test_accuracy_best=best)})
    here = [(run, moved), *rest]
    assert check_study(replace(study_of(made, expected), results=tuple(here))).overall == "deviates"
    there = [(run, r.model_copy(update={"environment": {**r.environment, key: value}})) for run, r in here]
    found = check_study(replace(study_of(made, expected), results=tuple(there)))
    assert (found.depths, found.overall) == ({"measured": "paired"}, "reproduced")


def with_environment(result, **changed):
    return result.model_copy(update={"environment": {**result.environment, **changed}})


def moved(run, result, by=0.25):
    best = result.outcome.test_accuracy_best + by
    return run, result.model_copy(update={"outcome": replace(result.outcome, test_accuracy_best=best)})


def test_one_run_of_another_version_frees_itself_alone_from_being_equal(made, tmp_path):
    results = [(run, with_environment(result, cpu="one")) for run, result in study_of(made).results]
    expected = expected_of(replace(study_of(made), results=tuple(results)), tmp_path)
    (run, result), (other, older), *rest = results
    mixed = ((other, with_environment(older, torch="9.9")), *rest)
    found = check_study(replace(study_of(made, expected), results=(moved(run, result), *mixed)))
    assert found.overall == "deviates"
    assert [(each.cell, each.seed) for each in found.bits[0].differing] == [(run.cell, run.seed)]
    assert f"{len(results) - 1} of {len(results)} runs have to be equal to the measured ones" in found.warnings[0]
    honest = check_study(replace(study_of(made, expected), results=((run, result), moved(*mixed[0]), *rest)))
    assert honest.overall == "reproduced"


def test_a_training_with_changed_settings_is_another_one_and_need_not_be_equal_to_any(made, tmp_path):
    results = [(run, with_environment(result, cpu="one")) for run, result in study_of(made).results]
    expected = expected_of(replace(study_of(made), results=tuple(results)), tmp_path)
    (run, result), *rest = results
    study = replace(study_of(made, expected), results=(moved(run, result), *rest))
    assert check_study(study).overall == "deviates"
    found = check_study(replace(study, changed=("topology.update_period=20",)))
    assert (found.bits, found.depths, found.overall) == ((), {"measured": "paired"}, "reproduced")


def test_a_part_of_what_two_engines_computed_is_still_compared_bit_for_bit(made, tmp_path):
    def computed(each):
        run, result = each
        engine = "dense" if run.cell.criterion == "set" else "sparse"
        return run.on(engine), with_environment(result, cpu="one")

    results = [computed(each) for each in study_of(made).results]
    expected = expected_of(replace(study_of(made), results=tuple(results)), tmp_path)
    (run, result), *rest = [each for each in results if each[0].cell.criterion == "magnitude"]
    part = experiment(criteria=("magnitude",), growths=("random",), densities=(0.1, 0.2), seeds=(1, 2, 3))
    stored = narrowed(expected, part, Part(criteria="magnitude"))
    honest = Study(part, ((run, result), *rest), stored)
    assert check_study(honest).depths == {"measured": "bits"}
    assert check_study(replace(honest, results=(moved(run, result), *rest))).bits[0].differing[0].seed == run.seed


def test_a_tolerance_that_is_not_the_experiments_is_named(made, tmp_path):
    expected = expected_of(study_of(made), tmp_path).model_copy(update={"tolerance": 20.0})
    said = "the tolerance of the expected values, 20 points, is not the experiment's, 1; compared is by the former"
    assert said in check_study(study_of(made, expected)).warnings


def test_a_check_names_the_data_where_they_are_others(made, tmp_path):
    def seen(data):
        return tuple(
            (run, result.model_copy(update={"environment": {**result.environment, "data": data}}))
            for run, result in study_of(made).results
        )

    expected = expected_of(replace(study_of(made), results=seen("one")), tmp_path)
    said = "trained on other data (digest another) than the measured values (one)"
    assert check_study(replace(study_of(made, expected), results=seen("another"))).warnings[0] == said
    assert check_study(replace(study_of(made, expected), results=seen("one"))).warnings == ()


def without(study, *gone):
    """The study without the results of some runs, by cell and seed."""
    return replace(study, results=tuple(each for each in study.results if (each[0].cell, each[0].seed) not in gone))


def test_one_run_without_a_result_is_named_and_is_missing_to_a_strict_check(made, tmp_path):
    study = study_of(made, expected_of(study_of(made), tmp_path))
    gone = Cell("set", "random", 0.1), 2
    outcome = check_study(without(study, gone))
    assert outcome.warnings == ("1 of 27 runs has no result: set · random · 0.1, seed 2",)
    assert (outcome.overall, outcome.exit_status(), outcome.exit_status(strict=True)) == ("reproduced", 0, 1)
    cell = {"criterion": "set", "growth": "random", "density": 0.1, "extra": {}}
    assert json.loads(as_json(outcome))["missing_runs"] == [{"cell": cell, "seed": 2}]
    assert check_study(study).exit_status(strict=True) == 0


def test_several_runs_without_a_result_are_one_warning(made, tmp_path):
    study = study_of(made, expected_of(study_of(made), tmp_path))
    gone = [(Cell("set", "random", 0.1), seed) for seed in (2, 3)] + [(Cell("snip", "random", 0.2), 1)]
    said = "3 of 27 runs have no result, such as set · random · 0.1, seed 2"
    assert check_study(without(study, *gone)).warnings == (said,)


def test_a_cell_without_any_result_is_missing_and_its_runs_are_not_named_beside_it(made, tmp_path):
    study = study_of(made, expected_of(study_of(made), tmp_path))
    outcome = check_study(without(study, *((Cell("set", "random", 0.1), seed) for seed in (1, 2, 3))))
    assert (outcome.overall, outcome.missing_runs, outcome.warnings) == ("missing", (), ())


def test_no_run_is_missing_beyond_the_part_that_is_asked_for(made, tmp_path):
    expected = expected_of(study_of(made), tmp_path)
    fewer = changed(made, axes={**made.axes.model_dump(), "seeds": (1, 2)})
    assert check_study(study_of(fewer, expected)).missing_runs == ()
    part = experiment(criteria=("set",), growths=("random",), densities=(0.1, 0.2), seeds=(1, 2))
    stored = narrowed(expected, part, Part(criteria="set", seeds="1-2"))
    assert check_study(study_of(part, stored)).missing_runs == ()


def test_no_run_is_missing_that_no_value_is_stored_of(made, tmp_path):
    expected = expected_of(without(study_of(made), (Cell("set", "random", 0.1), 2)), tmp_path)
    assert check_study(without(study_of(made, expected), (Cell("set", "random", 0.1), 2))).missing_runs == ()
