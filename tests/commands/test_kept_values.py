"""Expected values count for the experiment whose runs are archived beside them, and for no other one of its name."""

from pathlib import Path

import pytest
import yaml

from benchmark.commands.cli import main
from benchmark.experiments.archive import archive_beside
from benchmark.experiments.experiment import experiment_files
from benchmark.experiments.part import Part
from benchmark.system.files import write_atomically
from benchmark.verdicts import accepting
from benchmark.verdicts.values import read_values
from tests.running.tiny import TINY

RELEASED = Path(__file__).parents[2] / "expected_results"
VALUES = Path("expected_results/tiny.yaml")
QUICK = {**TINY, "training": {**TINY["training"], "epochs": 1}}
APART = "are of different runs, as where `dst-bench accept` was ended between the two; `dst-bench accept tiny` writes"


def written(content, name="tiny.yaml"):
    Path(name).write_text(yaml.safe_dump(content))
    return name


@pytest.fixture
def accepted(tmp_path, monkeypatch, capsys):
    """A folder of its own with an experiment and its expected values."""
    monkeypatch.chdir(tmp_path)
    written(QUICK)
    assert main(["run", "tiny.yaml"]) == 0
    assert main(["accept", "tiny.yaml"]) == 0
    capsys.readouterr()


@pytest.fixture
def smoke(tmp_path, monkeypatch):
    """The content of the experiment ``smoke``, in a folder without results."""
    monkeypatch.chdir(tmp_path)
    return yaml.safe_load(experiment_files()["smoke"].read_text())


def said(capsys):
    """All that was printed, on one line."""
    return " ".join(" ".join(capsys.readouterr()).split())


@pytest.mark.parametrize(
    ("part", "setting", "now", "then"),
    [("training", "epochs", 2, 1), ("topology", "update_period", 7, 5), ("topology", "ablation", 0.3, "unset")],
)
def test_a_check_says_where_the_experiment_is_not_the_one_that_the_expected_values_are_of(
    accepted, capsys, part, setting, now, then
):
    more = {"fan_in": "constant"} if setting == "ablation" else {}
    edited = {**QUICK, part: {**QUICK[part], setting: now, **more}}
    main(["run", written(edited)])
    capsys.readouterr()
    main(["check", "tiny.yaml"])
    found = said(capsys)
    assert f"warning: trained with {part}.{setting}={now} instead of {then}" in found
    assert "the expected values are of another experiment with the name tiny" in found
    main(["check", written(QUICK)])
    assert "another experiment" not in said(capsys)


def test_an_edited_copy_is_not_ranked_with_the_values_of_what_it_was_copied_from(smoke, capsys):
    assert main(["rank", written(smoke, "smoke.yaml")]) == 0
    assert "smoke (expected values)" in said(capsys)
    smoke["training"]["epochs"] = 3
    assert main(["rank", written(smoke, "smoke.yaml")]) == 2
    found = said(capsys)
    assert "warning: trained with training.epochs=3 instead of 60" in found
    assert "there are no results" in found


def test_a_criterion_of_ones_own_alone_has_no_stored_values_beside_it_in_an_edited_copy(smoke):
    smoke["training"]["learning_rate"] = 0.5
    own = Part(criteria="grasp")
    found = read_values(RELEASED / "smoke.yaml", own.select(written(smoke, "smoke.yaml")), own)
    assert found.stored is None
    assert "trained with training.learning_rate=0.5 instead of" in found.doubts[0]


def test_no_claim_is_compared_with_the_verdict_on_another_experiment(smoke):
    smoke["topology"]["update_period"] = 7
    found = read_values(RELEASED / "smoke.yaml", Part().select(written(smoke, "smoke.yaml")), Part())
    assert read_values(RELEASED / "smoke.yaml", Part().select("smoke"), Part()).expected.claims
    assert not found.expected.claims


def test_what_is_added_to_an_experiment_leaves_it_the_one_that_it_was(smoke):
    smoke["axes"]["densities"] += [0.7]
    smoke["axes"]["criteria"] = ["magnitude", "grasp"]
    smoke["tolerance"] = 2.0
    smoke["measure"] = {"jaccard": {"criteria": ["magnitude", "set"]}}
    found = read_values(RELEASED / "smoke.yaml", Part().select(written(smoke, "smoke.yaml")), Part())
    assert found.stored is not None
    assert found.doubts == ()


def test_settings_that_vary_are_those_of_the_cells_and_not_of_the_experiment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    varied = {"topology.update_period": [5, 7]}
    content = {**QUICK, "topology": {}, "axes": {**TINY["axes"], "criteria": ["magnitude"], "settings": varied}}
    main(["run", written(content)])
    main(["accept", "tiny.yaml"])
    varied["topology.update_period"] = [7, 9]
    assert read_values(VALUES, Part().select(written(content)), Part()).doubts == ()
    content["training"] = {**QUICK["training"], "epochs": 2}
    (doubt,) = read_values(VALUES, Part().select(written(content)), Part()).doubts
    assert doubt.startswith("trained with training.epochs=2 instead of 1;")


@pytest.mark.parametrize("path", sorted(RELEASED.glob("*.yaml")), ids=lambda path: path.stem)
def test_released_values_are_of_the_experiments_as_they_are_and_of_the_runs_beside_them(path):
    found = read_values(path, Part().select(path.stem), Part())
    assert found.doubts == ()
    assert found.stored is not None


def test_values_and_runs_that_an_ended_accept_left_apart_are_noticed_until_it_is_repeated(
    accepted, monkeypatch, capsys
):
    main(["run", "tiny.yaml", "--seeds", "1-3"])
    written = []

    def ends_before_the_second(place, content):
        if written:
            raise KeyboardInterrupt
        written.append(place)
        write_atomically(place, content)

    with monkeypatch.context() as ended:
        ended.setattr(accepting, "write_atomically", ends_before_the_second)
        main(["accept", "tiny.yaml", "--seeds", "1-3"])
    assert written
    capsys.readouterr()
    for command in (["check", "tiny.yaml"], ["rank", "tiny.yaml"], ["report", "tiny.yaml", "--stored"]):
        main(command)
        assert f"expected_results/tiny.yaml and tiny.runs.jsonl.xz beside it {APART}" in said(capsys), command
    assert main(["accept", "tiny.yaml", "--seeds", "1-3"]) == 0
    main(["check", "tiny.yaml"])
    assert APART not in said(capsys)


def test_values_are_compared_with_results_though_the_archive_beside_them_is_damaged(accepted, capsys):
    archive_beside(VALUES).write_bytes(b"nothing that xz has packed")
    assert main(["check", "tiny.yaml"]) == 0
    assert "warning: expected_results/tiny.runs.jsonl.xz: not a whole archive of results" in said(capsys)


def test_values_without_an_archive_have_nothing_to_be_compared_with(accepted, capsys):
    archive_beside(VALUES).unlink()
    main(["check", written({**QUICK, "training": {**QUICK["training"], "learning_rate": 0.2}})])
    assert "warning" not in said(capsys)


def test_a_report_of_stored_results_says_why_an_edited_experiment_has_none(accepted, capsys):
    written({**QUICK, "training": {**QUICK["training"], "epochs": 2}})
    assert main(["report", "tiny.yaml", "--stored"]) == 2
    assert "warning: trained with training.epochs=2 instead of 1" in said(capsys)
