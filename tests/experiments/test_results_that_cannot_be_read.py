"""Results that cannot be read are named, and never taken for results that are not there."""

import os
import re

import pytest

from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.results import ResultsFolder
from benchmark.experiments.runs import expand
from benchmark.running.status import status
from benchmark.system.files import append, read_text, require_writable, write_atomically
from benchmark.verdicts.study import load_study
from criteria.errors import InputError

SMOKE = load_experiment("smoke")


@pytest.fixture
def runs():
    return expand(SMOKE)


@pytest.fixture(params=[lambda place: status(expand(SMOKE), place), lambda place: load_study(SMOKE, place)])
def looks(request):
    """What looks at the results of an experiment."""
    return request.param


@pytest.mark.parametrize("file", ["smoke", "smoke/runs"])
def test_a_file_in_place_of_the_folder_of_results_is_said_to_be_one(tmp_path, looks, file):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).touch()
    with pytest.raises(InputError, match="cannot be read: ") as error:
        looks(ResultsFolder(tmp_path, "smoke"))
    assert str(tmp_path / file) in str(error.value)
    assert "other" not in str(error.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may read everything")
def test_a_folder_of_results_that_may_not_be_read_is_said_to_be_one(tmp_path, looks):
    place = ResultsFolder(tmp_path, "smoke")
    place.runs.mkdir(parents=True)
    place.runs.chmod(0)
    with pytest.raises(InputError, match="runs: cannot be read: Permission denied"):
        looks(place)


def test_a_folder_of_results_that_is_not_there_holds_none(tmp_path, runs):
    assert status(runs, ResultsFolder(tmp_path, "smoke")).done == 0


@pytest.mark.parametrize(
    ("damaged", "others"),
    [(1, ""), (2, "; 1 other result cannot be used either"), (4, "; 3 other results cannot be used either")],
)
def test_of_damaged_results_the_first_is_named_and_the_others_are_counted(tmp_path, runs, looks, damaged, others):
    place = ResultsFolder(tmp_path, "smoke")
    place.runs.mkdir(parents=True)
    for run in runs[:damaged]:
        place.file(run.id).write_text("{}")
    with pytest.raises(InputError, match=f"^{re.escape(str(place.file(runs[0].id)))}: not a whole result") as error:
        looks(place)
    assert str(error.value).endswith(f"run again with --fresh{others}")


@pytest.mark.parametrize(
    "deed",
    [
        lambda path: write_atomically(path, "text"),
        lambda path: append(path, "text"),
        require_writable,
        read_text,
    ],
)
@pytest.mark.parametrize("below", ["name", "folder/name"])
def test_a_file_where_a_folder_is_needed_is_named(tmp_path, deed, below):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=f": {re.escape(str(tmp_path / 'file'))} is not a folder$"):
        deed(tmp_path / "file" / below)
