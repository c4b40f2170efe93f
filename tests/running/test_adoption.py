"""What is reproduced is what the code does now: results of older code are adopted where the bits are the same."""

import inspect
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from benchmark.commands.cli import main
from benchmark.data.dataset import Split
from benchmark.experiments.cost import steps_per_epoch
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.results import ResultsFolder, parse_result
from benchmark.experiments.runs import expand
from benchmark.experiments.setup import TopologySettings
from benchmark.models.dropout import Dropout
from benchmark.models.flops import flops_per_weight
from benchmark.running import adoption, missing, plan
from benchmark.running.adoption import adopt
from benchmark.running.missing import train_missing
from benchmark.running.options import Options
from benchmark.system import communication
from benchmark.training import evaluation, fingerprint, fleet_training, updates
from criteria.plugins.code import plain_code
from criteria.training.selecting import by_name
from tests.running.tiny import TINY

SETTINGS = ("training.epochs=1", "training.batch_size=256", "topology.update_period=2", "model.widths=[16]")
AXES = {"criteria": ["magnitude", "snip"], "growths": ["gradient"], "densities": [0.2], "seeds": [1, 2]}
OPTIONS = Options(device="cpu", contract_skipped=True)


@pytest.fixture
def experiment():
    return load_experiment("smoke", SETTINGS, AXES, ["static"])


@pytest.fixture
def folder(tmp_path, experiment):
    """Results of all runs, trained by the code as it is."""
    folder = ResultsFolder(tmp_path, "smoke")
    train_missing(experiment, folder, OPTIONS)
    return folder


@pytest.fixture
def other_code(monkeypatch):
    """From now on today's code has another fingerprint than the code that trained before."""
    for module in (missing, adoption, fingerprint):
        monkeypatch.setattr(module, "code_of_setup", lambda _setup: "another code", raising=False)
    monkeypatch.setattr("benchmark.running.storing.code_of_setup", lambda _setup: "another code")


def test_results_of_older_code_with_the_same_bits_are_adopted_and_nothing_is_trained(
    folder, experiment, other_code, capsys
):
    before = folder.written()
    results = train_missing(experiment, folder, OPTIONS)
    assert {result.code for _, result in results} == {"another code"}
    assert "6 results of smoke are of older code" in capsys.readouterr().err
    assert folder.written().keys() == before.keys()
    assert not (folder.path / "older").exists()


def test_results_of_older_code_with_other_bits_are_set_aside_and_trained_again(
    folder, experiment, other_code, monkeypatch, capsys
):
    plain = updates.update_layers
    monkeypatch.setattr(
        updates, "update_layers", lambda layers, c, g, fraction, *rules: plain(layers, c, g, fraction / 2, *rules)
    )
    results = train_missing(experiment, folder, OPTIONS)
    said = capsys.readouterr().err
    assert "are trained again" in said
    assert "gave other bits within 3 steps, such as" in said
    assert len(results) == len(expand(experiment))
    assert {result.code for _, result in results} == {"another code"}
    assert len(list((folder.path / "older").rglob("*.json"))) == 6


def test_reproduce_takes_no_result_of_older_code_on_trust(folder, experiment, other_code, tmp_path, capsys):
    """A change of what happens late in a training shows in no early weight, and is what a regression check is for."""
    settings = [text for each in SETTINGS for text in ("--set", each)]
    part = ["--criteria", "magnitude,snip,static", "--growth", "gradient", "--density", "0.2", "--seeds", "1,2"]
    where = ["--results", str(folder.root), "--out", str(tmp_path / "report"), "--device", "cpu"]
    main(["reproduce", "smoke", *part, *settings, *where])
    said = capsys.readouterr().err
    assert "6 results of smoke are of older code and are trained again: a check of results takes none on trust" in said
    assert len(list((folder.path / "older").rglob("*.json"))) == 6
    assert {result.code for _, result in folder.read_all(expand(experiment))} == {"another code"}


def test_several_processes_that_train_together_adopt_nothing(folder, experiment, other_code, monkeypatch, capsys):
    """The first of them would try alone, and wait for the others in the first step that they share."""
    monkeypatch.setattr("benchmark.system.communication.size", lambda: 2)
    stock = missing.take_stock(expand(experiment), folder, fresh=False)
    left = missing._without_older(stock, folder, OPTIONS)
    assert len(left.missing) == len(stock.stored) == 6
    assert "several processes that train together try none" in capsys.readouterr().err


def now_with_other_classes(part, monkeypatch):
    """From now on the examples of a split of the data are of other classes."""
    plain = plan.load_dataset

    def load(*asked):
        dataset = plain(*asked)
        split = getattr(dataset, part)
        return replace(dataset, **{part: Split(split.inputs, split.targets.roll(1))})

    monkeypatch.setattr(plan, "load_dataset", load)
    plan.dataset_on.cache_clear()
    plan.digest_on.cache_clear()


@pytest.fixture
def nothing_loaded():
    """No data of this test are taken for those of another one."""
    yield
    plan.dataset_on.cache_clear()
    plan.digest_on.cache_clear()


def without_digest_of_data(folder, experiment):
    """Let results be those of a version that kept no digest of the data."""
    for _, result in folder.read_all(expand(experiment)):
        environment = {key: value for key, value in result.environment.items() if key != "data"}
        folder.store(result.model_copy(update={"environment": environment}))


@pytest.mark.parametrize("part", ["validation", "test"])
def test_results_of_other_data_are_trained_again_though_their_weights_are_the_same(
    folder, experiment, other_code, nothing_loaded, monkeypatch, capsys, part
):
    now_with_other_classes(part, monkeypatch)
    results = train_missing(experiment, folder, OPTIONS)
    assert "are trained again: they were trained and tested on other data than digits is now" in capsys.readouterr().err
    assert len(list((folder.path / "older").rglob("*.json"))) == len(results) == 6
    assert len({result.environment["data"] for _, result in results}) == 1


def test_results_that_do_not_say_on_which_data_are_adopted_where_a_whole_training_gives_the_same(
    folder, experiment, other_code, capsys
):
    without_digest_of_data(folder, experiment)
    train_missing(experiment, folder, OPTIONS)
    assert "so all are adopted" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("part", "words"), [("validation", "gave other validation accuracies"), ("test", "gave another test accuracy")]
)
def test_results_that_do_not_say_on_which_data_are_trained_again_where_it_gives_another_accuracy(
    folder, experiment, other_code, nothing_loaded, monkeypatch, capsys, part, words
):
    without_digest_of_data(folder, experiment)
    now_with_other_classes(part, monkeypatch)
    train_missing(experiment, folder, OPTIONS)
    said = capsys.readouterr().err
    assert "are trained again" in said
    assert words in said


def test_results_are_trained_again_where_today_s_code_evaluates_the_same_weights_otherwise(
    folder, experiment, other_code, monkeypatch, capsys
):
    monkeypatch.setattr(fleet_training, "evaluate", lambda *asked: evaluation.evaluate(*asked) / 2)
    train_missing(experiment, folder, OPTIONS)
    said = capsys.readouterr().err
    assert "gave other validation accuracies within" in said
    assert len(list((folder.path / "older").rglob("*.json"))) == 6


def test_what_another_command_has_trained_again_meanwhile_is_taken_and_what_it_set_aside_stays_there(
    folder, experiment, other_code, monkeypatch, capsys
):
    runs, compare = expand(experiment), adoption._changed

    def slowly(group, *rest):
        for _, result in group.results[:1]:  # all that a second command did while this one compared bits
            folder.set_aside(result)
            folder.store(result.model_copy(update={"code": "another code"}))
        for _, result in group.results[1:2]:
            folder.set_aside(result)
        compare(group, *rest)
        return "some reason"

    monkeypatch.setattr(adoption, "_changed", slowly)
    before = {result.id for _, result in folder.read_all(runs)}
    train_missing(experiment, folder, OPTIONS)
    kept = {path.stem: parse_result(path.read_text(), str(path), "").code for path in folder.path.glob("older/*/*")}
    assert kept.keys() == before
    assert "another code" not in kept.values()
    assert {result.code for _, result in folder.read_all(runs)} == {"another code"}


def test_results_of_another_machine_are_not_compared_with_bits_of_this_one(
    folder, experiment, other_code, capsys, monkeypatch
):
    monkeypatch.setattr(adoption, "environment", lambda _device: {"torch": "0.1", "device": "abacus"})
    train_missing(experiment, folder, OPTIONS)
    assert "so their bits cannot be compared here" in capsys.readouterr().err


def test_every_result_keeps_digests_of_the_first_step_and_of_those_around_the_first_update(folder, experiment):
    for run, result in folder.read_all(expand(experiment)):
        assert sorted(map(int, result.outcome.digests)) == [1, 2, 3], run


def test_digests_are_of_a_runs_own_steps_whoever_trains_beside_it(tmp_path):
    written = tmp_path / "periods.yaml"
    axes = {**AXES, "seeds": [1], "settings": {"topology.update_period": [2, 3]}}
    written.write_text(yaml.safe_dump({**TINY, "topology": {}, "axes": axes}))
    periods = load_experiment(str(written), ("training.epochs=1",))
    together = train_missing(periods, ResultsFolder(tmp_path / "together", "periods"), OPTIONS)
    alone = train_missing(periods, ResultsFolder(tmp_path / "alone", "periods"), replace(OPTIONS, most=1))
    assert {run.setup.topology.update_period for run, _ in together} == {2, 3}
    for (run, result), (same, other) in zip(together, alone, strict=True):
        period = run.setup.topology.update_period
        assert run == same
        assert sorted(map(int, result.outcome.digests)) == [1, period, period + 1]
        assert result.outcome == other.outcome


def test_baselines_of_older_code_that_were_trained_beside_updates_of_another_period_are_adopted(
    folder, other_code, capsys
):
    """Their id does not depend on the period, and the steps of their digests do."""
    settings = (*SETTINGS, "topology.update_period=3")
    beside_others = load_experiment("smoke", settings, {**AXES, "criteria": []}, ["static"])
    results = train_missing(beside_others, folder, OPTIONS)
    assert "2 of them gave the same bits" in capsys.readouterr().err
    assert {result.code for _, result in results} == {"another code"}
    assert not (folder.path / "older").exists()


def test_of_many_results_some_of_every_kind_are_tried(folder, experiment):
    group = adoption.Older(folder.read_all(expand(experiment)))
    assert {run.rule for run, _ in group.sample} == {run.rule for run, _ in group.results}
    run, result = next(pair for pair in group.results if pair[0].rule.growth)
    topology = run.setup.topology
    others = [
        replace(run, setup=run.setup.model_copy(update={"topology": topology.model_copy(update={"update_period": n})}))
        for n in range(2, 2 + 2 * adoption.SAMPLE)
    ]
    many = adoption.Older([(each, result) for each in others for _ in range(3)])
    assert len(many.sample) == len(others)
    assert {each.setup.topology.update_period for each, _ in many.sample} == {*range(2, 2 + len(others))}


def test_results_of_another_machine_are_not_adopted_with_those_of_this_one(folder, experiment, other_code, capsys):
    foreign = [pair for pair in folder.read_all(expand(experiment)) if pair[0].seed == 2]
    for _, result in foreign:
        folder.store(result.model_copy(update={"environment": {**result.environment, "torch": "0.1"}}))
    adopt(folder.read_all(expand(experiment)), folder, torch.device("cpu"), None, print)
    kept = {run.id for run, _ in folder.read_all(expand(experiment))}
    assert kept == {run.id for run in expand(experiment) if run.seed == 1}
    assert "they were trained with torch 0.1" in capsys.readouterr().out


STEP = """
    def step(weights, gradients, rate):
        return [w - rate * g for w, g in zip(weights, gradients)]
"""


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (lambda code: "# a comment\n" + code, True),
        (lambda code: '"""A docstring."""\nimport os\n\n\n' + code, True),
        (lambda code: code.replace("w - rate * g", "(w - (rate * g))"), True),
        (lambda code: code.replace("w - rate * g", "w - rate * g * 1.0001"), False),
        (lambda code: code.replace("rate)", "rate=0.1)"), False),
    ],
    ids=["comment", "docstring and import", "layout", "statement", "default"],
)
def test_a_fingerprint_sees_statements_and_nothing_else(change, same):
    code = textwrap.dedent(STEP)
    assert (plain_code(change(code)) == plain_code(code)) == same


def test_a_fingerprint_sees_that_a_name_stands_for_another_function():
    code = "from math import {} as wave\n\nprint(wave(1))"
    assert plain_code(code.format("sin")) != plain_code(code.format("cos"))


def test_a_fingerprint_is_the_same_in_every_version_of_python():
    """Versions write f-strings with other quotes, and keep empty parts of them or not."""
    code = """message = f'{name!r:>{2 * width}} {"layer" + f"{number}"}'"""
    assert plain_code(code) == "message = f((name, 114, '>', (2 * width, -1)), ' ', ('layer' + f'{number}', -1))"


@pytest.mark.parametrize("engine", ["dense", "sparse"])
@pytest.mark.parametrize(
    "decides", [steps_per_epoch, TopologySettings, by_name, flops_per_weight, communication.share, Dropout]
)
def test_a_fingerprint_holds_what_decides_a_training_from_other_packages(decides, engine):
    """How many steps there are, what settings mean, which layers stay dense, how batches are shared, what is drawn."""
    assert Path(inspect.getfile(decides)) in list(fingerprint._modules(engine))


def test_the_fingerprint_of_the_training_changes_with_any_of_its_modules(monkeypatch, tmp_path):
    now = fingerprint.training_code.__wrapped__("dense", "digits", "mlp")
    modules = list(fingerprint._modules("dense"))
    assert {"updates.py", "dense.py", "topology.py", "batches.py"} <= {path.name for path in modules}
    assert {"data/dataset.py", "models/__init__.py"} <= {f"{path.parent.name}/{path.name}" for path in modules}
    changed = tmp_path / "updates.py"
    changed.write_text(next(path for path in modules if path.name == "updates.py").read_text() + "\nLATE = True\n")
    monkeypatch.setattr(
        fingerprint, "_modules", lambda _: [changed if path.name == "updates.py" else path for path in modules]
    )
    assert fingerprint.training_code.__wrapped__("dense", "digits", "mlp") != now
    monkeypatch.setattr(fingerprint, "_modules", lambda _: modules[::-1])
    assert fingerprint.training_code.__wrapped__("dense", "digits", "mlp") == now
