"""Use cases take typed values: each result is read once, and nothing of a command line travels further."""

import pickle
from collections import Counter
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
import yaml

from benchmark.commands.arguments import options_of, part_of
from benchmark.commands.cli import build_parser, main
from benchmark.experiments.part import Part
from benchmark.experiments.results import ResultsFolder
from benchmark.running.options import Options
from benchmark.running.slurm import ArrayTask
from tests.running.tiny import TINY


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(yaml.safe_dump(TINY | {"training": TINY["training"] | {"epochs": 1}}))


@pytest.fixture
def read(monkeypatch):
    """How often the result of each run has been read and found."""
    plain, counted = ResultsFolder.read, Counter()

    def counting(folder, run):
        found = plain(folder, run)
        counted[run.id] += found is not None
        return found

    monkeypatch.setattr(ResultsFolder, "read", counting)
    return counted


@pytest.mark.parametrize("stored", ["none", "some", "all"])
@pytest.mark.parametrize("command", ["run", "reproduce"])
def test_each_stored_result_is_read_once(command, stored, tiny, read):
    parts = {"none": None, "some": ["--seeds", "1"], "all": []}
    if parts[stored] is not None:
        assert main(["run", "tiny.yaml", "--no-contract", *parts[stored]]) == 0
    read.clear()
    assert main([command, "tiny.yaml", "--no-contract"]) == 0
    assert sorted(read.values()) == [1] * 8


@pytest.mark.parametrize("command", ["check", "report", "status", "accept"])
def test_other_commands_read_each_result_once_too(command, tiny, read):
    assert main(["run", "tiny.yaml", "--no-contract"]) == 0
    assert main(["accept", "tiny.yaml"]) == 0
    read.clear()
    assert main([command, "tiny.yaml"]) == 0
    assert sorted(read.values()) == [1] * 8


ARGUMENTS = [
    *("run", "tiny.yaml", "--criteria", "magnitude", "--growth", "random", "--density", "0.1", "--seeds", "1-3"),
    *("--set", "training.epochs=2", "--set", "topology.update_period=7", "--device", "cpu", "--data-dir", "data"),
    *("--fleet", "3", "--processes", "2", "--checkpoint", "5", "--fresh", "--no-contract", "--no-wait"),
]


def test_a_command_line_becomes_typed_values():
    args = build_parser().parse_args(ARGUMENTS)
    settings = ("training.epochs=2", "topology.update_period=7")
    assert part_of(args) == Part("magnitude", None, "random", "0.1", "1-3", settings)
    assert options_of(args) == Options(
        "cpu", Path("data"), "auto", 3, 5.0, wait=False, fresh=True, contract_skipped=True, processes=2
    )
    defaults = build_parser().parse_args(["run", "smoke"])
    assert options_of(defaults) == Options()
    assert part_of(defaults) == Part()


def test_what_is_sent_to_slurm_is_plain_data():
    args = build_parser().parse_args(ARGUMENTS)
    task = ArrayTask(args.experiment, part_of(args), args.results, options_of(args))
    sent = pickle.dumps(task)
    assert b"argparse" not in sent
    assert pickle.loads(sent) == task
    with pytest.raises(AttributeError):
        task.experiment = "another"
    plain = (str, int, float, bool, Path, tuple, type(None))
    for value in (getattr(task, field.name) for field in fields(task)):
        parts = [getattr(value, field.name) for field in fields(value)] if is_dataclass(value) else [value]
        assert all(isinstance(part, plain) for part in parts)
