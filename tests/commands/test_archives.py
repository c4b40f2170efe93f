"""Results travel in one file, and what expected values were made of can be looked at without training."""

import json
import lzma
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from benchmark.commands.cli import main
from benchmark.experiments.archive import read_archive, write_archive
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.outcome import Flops, Overlap
from benchmark.experiments.results import parse_result, result_text
from benchmark.experiments.runs import expand, id_of
from benchmark.running import workers
from benchmark.running.workers import Worker
from tests.running.tiny import TINY

RELEASED = Path(__file__).parents[2] / "expected_results"
ARCHIVE = Path("tiny.runs.jsonl.xz")


@pytest.fixture
def trained(tmp_path, monkeypatch, capsys):
    """A folder of its own with an experiment and all of its results."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(yaml.safe_dump({**TINY, "training": {**TINY["training"], "epochs": 1}}))
    assert main(["run", "tiny.yaml"]) == 0
    capsys.readouterr()


def files(folder="results"):
    return {path.name: path.read_bytes() for path in Path(folder, "tiny", "runs").glob("*.json")}


def test_results_are_the_same_files_on_the_machine_that_they_are_taken_to(trained, capsys):
    assert main(["pack", "tiny.yaml"]) == 0
    assert "packed 8 results of tiny" in capsys.readouterr().out
    assert main(["unpack", str(ARCHIVE), "--results", "there"]) == 0
    assert "8 results added, 0 were there" in capsys.readouterr().out
    assert files("there") == files()
    assert main(["run", "tiny.yaml", "--results", "there"]) == 0
    assert "8 runs stored, 0 to train" in capsys.readouterr().err


def test_an_archive_is_known_by_what_it_is_where_somebody_renamed_it(trained, capsys):
    assert main(["pack", "tiny.yaml"]) == 0
    ARCHIVE.rename("mine")
    assert main(["unpack", "mine", "--results", "there"]) == 0
    assert files("there") == files()


@pytest.mark.parametrize("command", ["pack", "report"])
def test_where_only_others_were_trained_it_is_not_said_that_there_are_no_results(command, trained, capsys):
    assert main([command, "tiny.yaml", "--criteria", "snip"]) == 2
    assert "of what is asked for; run it first, or choose" in capsys.readouterr().err


def test_unpacking_leaves_what_is_there_as_it_is(trained, capsys):
    assert main(["pack", "tiny.yaml"]) == 0
    mine = sorted(Path("results/tiny/runs").glob("*.json"))
    mine[0].unlink()
    before = {path: path.stat().st_mtime_ns for path in mine[1:]}
    capsys.readouterr()
    assert main(["unpack", str(ARCHIVE)]) == 0
    assert "1 result added, 7 were there" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_what_is_unpacked_while_it_is_trained_stays_as_it_is(trained, monkeypatch, capsys):
    assert main(["pack", "tiny.yaml"]) == 0
    capsys.readouterr()
    plain, unpacked = Worker.at, []

    def at(worker, step, total):
        if not unpacked:
            assert main(["unpack", str(ARCHIVE), "--results", "there"]) == 0
            unpacked.append(files("there"))
        plain(worker, step, total)

    monkeypatch.setattr(Worker, "at", at)
    assert main(["run", "tiny.yaml", "--results", "there", "--seeds", "1"]) == 0
    assert unpacked == [files()]
    assert files("there") == files()


def test_what_is_trained_while_it_is_unpacked_stays_as_it_is(trained, monkeypatch, capsys):
    assert main(["pack", "tiny.yaml"]) == 0
    plain, looked = workers.alone, []

    def alone(folder):
        if not looked:  # another command stores all results before this one has the lock
            shutil.copytree("results", "there")
            looked.append({path: path.stat().st_mtime_ns for path in Path("there").rglob("*.json")})
        return plain(folder)

    monkeypatch.setattr(workers, "alone", alone)
    capsys.readouterr()
    assert main(["unpack", str(ARCHIVE), "--results", "there"]) == 0
    assert "0 results added, 8 were there" in capsys.readouterr().out
    assert looked == [{path: path.stat().st_mtime_ns for path in Path("there").rglob("*.json")}]


def test_an_archive_of_the_same_results_has_the_same_bytes(trained):
    assert main(["pack", "tiny.yaml"]) == 0
    assert main(["pack", "tiny.yaml", "--to", "again.runs.jsonl.xz"]) == 0
    assert ARCHIVE.read_bytes() == Path("again.runs.jsonl.xz").read_bytes()


def test_what_expected_values_were_made_of_is_reported_without_any_result_of_ones_own(trained, capsys):
    assert main(["report", "tiny.yaml", "--out", "own"]) == 0
    assert main(["accept", "tiny.yaml"]) == 0
    assert main(["report", "tiny.yaml", "--out", "after", "--results", "nothing", "--stored"]) == 0
    assert not Path("nothing").exists()
    assert Path("after/tiny/results.csv").read_text() == Path("own/tiny/results.csv").read_text()
    assert "Expected values" in Path("after/tiny/index.html").read_text()
    assert not Path("after/tiny/check.txt").exists()
    assert main(["unpack", "tiny", "--results", "there"]) == 0
    assert files("there") == files()


def test_a_kept_result_is_found_whatever_the_code_of_its_criterion_was(trained):
    assert main(["pack", "tiny.yaml"]) == 0
    archive = read_archive(ARCHIVE)

    def older(result):
        edited = {**result.settings, "criterion": {**result.settings["criterion"], "code": "0" * 12}}
        return result.model_copy(update={"settings": edited, "id": id_of(edited)})

    run = next(run for run in expand(load_experiment("tiny.yaml")) if run.rule.criterion is not None)
    found = archive.read(run) or archive.read(run.on("sparse"))
    write_archive([(run, older(found))], Path("older.runs.jsonl.xz"))
    assert read_archive(Path("older.runs.jsonl.xz")).read(run.on(found.settings["engine"])).outcome == found.outcome


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a whole archive of results"),
        (lzma.compress(b""), "it is empty, expected a line for each result"),
        (b"no archive", "not a whole archive of results"),
        (lzma.compress(b"{}\n"), "line 1: not a whole result"),
        (lzma.compress(b"\xff"), "not a whole archive of results"),
    ],
    ids=["no byte", "empty", "another file", "no result", "no text"],
)
def test_what_is_no_archive_is_one_line(tmp_path, monkeypatch, capsys, content, said):
    monkeypatch.chdir(tmp_path)
    ARCHIVE.write_bytes(content)
    assert main(["unpack", str(ARCHIVE)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not Path("results").exists()


@pytest.mark.parametrize("name", ["nope.xz", "nope.runs.jsonl.xz", "there/nope"])
def test_an_archive_that_is_not_there_is_said_so_and_not_taken_for_an_experiment(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    assert main(["unpack", name]) == 2
    assert capsys.readouterr().err == f"dst-bench: {name}: cannot be read: No such file or directory\n"


def test_an_edited_or_cut_archive_is_not_believed(trained, capsys):
    assert main(["pack", "tiny.yaml"]) == 0
    content = ARCHIVE.read_bytes()
    text = lzma.decompress(content).decode()
    ARCHIVE.write_bytes(lzma.compress(text.replace('"diverged": false', '"diverged": true', 1).encode()))
    capsys.readouterr()
    assert main(["unpack", str(ARCHIVE), "--results", "there"]) == 2
    assert "was changed since it was written" in capsys.readouterr().err
    ARCHIVE.write_bytes(content[:-20])
    assert main(["unpack", str(ARCHIVE), "--results", "there"]) == 2
    assert "not a whole archive" in capsys.readouterr().err
    assert not Path("there").exists()


def test_archives_that_were_joined_are_an_archive_and_a_cut_one_among_them_is_seen(trained, capsys):
    for number in ("1", "2"):
        assert main(["pack", "tiny.yaml", "--seeds", number, "--to", f"{number}.runs.jsonl.xz"]) == 0
    first, second = (Path(f"{number}.runs.jsonl.xz").read_bytes() for number in ("1", "2"))
    ARCHIVE.write_bytes(first + second[:-20])
    assert main(["unpack", str(ARCHIVE), "--results", "there"]) == 2
    assert "not a whole archive" in capsys.readouterr().err
    ARCHIVE.write_bytes(first + second)
    assert main(["unpack", str(ARCHIVE), "--results", "there"]) == 0
    assert files("there") == files()


def test_values_stay_as_they_are_where_their_archive_cannot_be_written(trained, capsys):
    assert main(["accept", "tiny.yaml"]) == 0
    values, archive = Path("expected_results/tiny.yaml"), Path("expected_results/tiny.runs.jsonl.xz")
    values.write_text(before := values.read_text().replace("date: ", "note: mine\n    date: "))
    archive.unlink()
    archive.mkdir()
    assert main(["accept", "tiny.yaml"]) == 2
    assert values.read_text() == before


def test_results_that_were_copied_from_another_experiment_with_the_same_runs_are_packed_as_its_own(trained):
    shutil.copytree("results/tiny", "results/same")
    shutil.copy("tiny.yaml", "same.yaml")
    assert main(["pack", "same.yaml"]) == 0
    assert {result.experiment for result in read_archive(Path("same.runs.jsonl.xz")).results.values()} == {"same"}


def test_a_result_whose_id_is_not_that_of_its_settings_is_not_believed(trained, capsys):
    assert main(["pack", "tiny.yaml"]) == 0
    results = list(read_archive(ARCHIVE).results.values())
    write_archive([(None, result.model_copy(update={"id": "0" * 16})) for result in results], ARCHIVE)
    assert main(["unpack", str(ARCHIVE), "--results", "there"]) == 2
    assert "line 1: not a result that a run wrote" in capsys.readouterr().err


def test_an_archive_that_asks_for_gigabytes_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    ARCHIVE.write_bytes(lzma.compress(b"{}", filters=[{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 2**28}]))
    assert main(["unpack", str(ARCHIVE)]) == 2
    assert "not a whole archive of results" in capsys.readouterr().err


def measuring(**changed):
    return lambda outcome: replace(outcome, measured=replace(outcome.measured, **changed))


IMPOSSIBLE = {
    "no layer": lambda outcome: replace(outcome, density={}),
    "another layer": measuring(weights={"fc9.weight": 3}),
    "a layer without weights": lambda outcome: measuring(weights=dict.fromkeys(outcome.density, 0))(outcome),
    "twice all weights": lambda outcome: measuring(ever_active=dict.fromkeys(outcome.density, 2.0))(outcome),
    "no dense network": measuring(flops=Flops(1, 0, 1, 1)),
    "a training for ever": measuring(flops=Flops(1, 1, 10**400, 1)),
    "more shared than pruned": measuring(overlaps=[Overlap(5, 0.3, {"fc1.weight": 3}, {"fc1.weight": [4]})]),
    "pairs of one layer alone": measuring(overlaps=[Overlap(5, 0.3, {"a": 3, "b": 3}, {"a": [1], "b": [1, 2, 3]})]),
}


@pytest.mark.parametrize("impossible", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_a_measurement_that_no_training_makes_is_not_believed(trained, capsys, impossible):
    path = next(Path("results/tiny/runs").glob("*.json"))
    result = parse_result(path.read_text(), "", "")
    path.write_text(result_text(result.model_copy(update={"outcome": impossible(result.outcome)})))
    assert main(["report", "tiny.yaml"]) == 2
    assert f"{path}: not a whole result" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../outside", "..", "", "nu\0ll", "es\x1bcape", "two\nlines"])
def test_an_archive_writes_nothing_outside_of_the_results_folder(trained, capsys, name):
    assert main(["pack", "tiny.yaml"]) == 0
    results = list(read_archive(ARCHIVE).results.values())
    escaped = [(None, result.model_copy(update={"experiment": name})) for result in results]
    write_archive(escaped, ARCHIVE)
    assert main(["unpack", str(ARCHIVE), "--results", "there/here"]) == 2
    assert "line 1: not a result that a run wrote" in capsys.readouterr().err
    assert not Path("there").exists()


@pytest.mark.parametrize("code", ["/outside", "../../../outside", "..", "nu\0ll", "two\nlines", "a" * 300])
def test_a_result_whose_code_would_lead_out_of_the_folder_of_older_ones_is_not_believed(trained, capsys, code):
    assert main(["pack", "tiny.yaml"]) == 0
    results = list(read_archive(ARCHIVE).results.values())
    write_archive([(None, result.model_copy(update={"code": code})) for result in results], ARCHIVE)
    assert main(["unpack", str(ARCHIVE), "--results", "there/here"]) == 2
    assert "line 1: not a whole result (code: " in capsys.readouterr().err
    assert not Path("there").exists()


def test_values_without_an_archive_are_said_so(trained, capsys):
    assert main(["report", "tiny.yaml", "--stored"]) == 2
    assert "no expected values of 'tiny'" in capsys.readouterr().err


@pytest.mark.parametrize("path", sorted(RELEASED.glob("*.runs.jsonl.xz")), ids=lambda path: path.name.partition(".")[0])
def test_every_result_that_is_kept_is_of_a_run_that_would_be_trained_today(path):
    """An edited criterion is another criterion: its kept results have to be trained again, or the edit undone."""
    archive = read_archive(path)
    runs = expand(load_experiment(archive.experiment))
    today = {each.id for run in runs for each in (run, run.on("sparse"), run.on("dense"))}
    assert {result.id for result in archive.results.values()} <= today


def test_two_results_of_one_run_in_an_archive_have_to_be_the_same(trained, capsys):
    assert main(["pack", "tiny.yaml"]) == 0
    results = list(read_archive(ARCHIVE).results.values())
    changed = replace(results[0].outcome, test_accuracy_best=12.5)
    once_more = lzma.compress(result_text(results[0]).replace("\n", "").encode())
    Path("twice.runs.jsonl.xz").write_bytes(ARCHIVE.read_bytes() + once_more)
    assert len(read_archive(Path("twice.runs.jsonl.xz")).results) == len(results)
    other = json.dumps(json.loads(result_text(results[0].model_copy(update={"outcome": changed}))))
    Path("other.runs.jsonl.xz").write_bytes(ARCHIVE.read_bytes() + lzma.compress(other.encode()))
    capsys.readouterr()
    assert main(["unpack", "other.runs.jsonl.xz", "--results", "there"]) == 2
    assert "line 9: another result of a run that an earlier line has" in capsys.readouterr().err
    assert not Path("there").exists()


def test_a_page_of_stored_results_names_the_cells_whose_runs_are_not_all_in_the_archive(trained, capsys):
    assert main(["accept", "tiny.yaml"]) == 0
    archive = Path("expected_results", "tiny.runs.jsonl.xz")
    lines = lzma.decompress(archive.read_bytes()).decode().splitlines()
    archive.write_bytes(lzma.compress("\n".join(lines[1:]).encode()))
    capsys.readouterr()
    assert main(["report", "tiny.yaml", "--stored"]) == 0
    lost = parse_result(lines[0], "a line", "")
    page = Path("report", "tiny", "index.html").read_text()
    cell = next(run.cell for run in expand(load_experiment("tiny.yaml")) if run.id == lost.id)
    assert "1 of the expected values are not those of the runs that are kept beside them" in page
    assert f"the first is {cell}." in page
