"""The work on a GPU: its budget, its order, going on, parts that fail, and the archive. Nothing here needs a GPU."""

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml

from benchmark.accelerator import conducting, health, networks, panel, truth
from benchmark.accelerator.archive import NAME
from benchmark.accelerator.checkout import checkout_metadata, missing_requirements
from benchmark.accelerator.compared import CPU, Case, devices_compared, fleets_compared
from benchmark.accelerator.conducting import Work, conduct
from benchmark.accelerator.health import report_of
from benchmark.accelerator.notes import Notes, notes_of
from benchmark.accelerator.one_part import find_out
from benchmark.accelerator.parts import PARTS, Asked, Item, Part, SkipItem, items_of
from benchmark.accelerator.truth import PERIOD, members_of
from benchmark.commands.cli import main
from benchmark.experiments.experiment import load_experiment
from benchmark.running.journal import read_journal
from criteria.errors import InputError
from tests.running.tiny import TINY

ROOT = Path(__file__).parents[2]
SCRIPT = """
import os, sys, time
from pathlib import Path
from benchmark.accelerator.notes import notes_of
from benchmark.accelerator.one_part import find_out
from benchmark.accelerator.parts import Asked, Item
part, folder, until, items = sys.argv[1:]
with (Path(folder) / "order").open("a") as order:
    order.write(f"{part}\\n")
deeds = {
    "works": lambda asked: {"answer": 42},
    "fails": lambda asked: 1 / 0,
    "deviates": lambda asked: {"deviates": True},
    "crashes": lambda asked: (print("it crashed", file=sys.stderr, flush=True), os._exit(7)),
    "hangs": lambda asked: time.sleep(600),
}
limits = {"hangs": 0.5} if "limited" in items else {}
named = [Item(name, deeds[name], limits.get(name, 600.0)) for name in items.split() if name in deeds]
find_out(named, Asked(Path(folder), None, None, float(until), notes_of(Path(folder), part)))
"""
PAIR = (Part("first", "", 0.5), Part("second", "", 0.5))
BUDGET = 6000.0
"""Seconds, of which a machine that does much else may need hundreds to start the processes."""


@pytest.fixture
def work(tmp_path):
    """Makes the work whose parts have these items; what is said of it is in ``said``."""

    def made(*items, budget=BUDGET, parts=PAIR, **options):
        script = tmp_path / "script.py"
        script.write_text(SCRIPT)
        by_part = dict(zip([part.name for part in parts], items, strict=True))

        def command(part, until):
            return [sys.executable, str(script), part.name, str(tmp_path), f"{until}", by_part[part.name]]

        return Work(tmp_path, budget, parts=parts, say=lambda _: None, command=command, **options)

    return made


def items_in(folder, part):
    return {key: item["state"] for key, item in notes_of(folder, part).items.items()}


def ran(folder):
    return (folder / "order").read_text().split()


def packed(folder):
    with tarfile.open(folder / NAME) as archive:
        return {name: archive.extractfile(name).read() for name in archive.getnames()}


def test_parts_run_in_order_each_in_a_process_of_its_own_and_are_packed(work, tmp_path):
    first, second = conduct(work("works", "works deviates"))
    assert ran(tmp_path) == ["first", "second"]
    assert (first.state, second.state) == ("done", "done")
    assert second.deviating == ["deviates"]
    content = packed(tmp_path)
    assert set(content) == {"summary.txt", *(f"{part}.{kind}" for part in ("first", "second")
                                             for kind in ("json", "txt", "log"))}  # fmt: skip
    assert json.loads(content["first.json"])["items"]["works"]["found"] == {"answer": 42}
    assert b"answer: 42" in content["first.txt"]
    assert b"not as it should be: deviates" in content["summary.txt"]


def test_a_part_that_is_done_is_not_begun_again(work, tmp_path):
    conduct(work("works", "works"))
    conduct(work("works", "works"))
    assert ran(tmp_path) == ["first", "second"]


def test_an_item_that_fails_crashes_or_hangs_costs_itself_alone(work, tmp_path):
    first, second = conduct(work("limited hangs works", "fails crashes works"))
    assert items_in(tmp_path, "first") == {"hangs": "failed", "works": "done"}
    assert items_in(tmp_path, "second") == {"fails": "failed", "crashes": "failed", "works": "done"}
    assert "more than 0.5 s" in first.items["hangs"]["reason"]
    assert "ZeroDivisionError" in second.items["fails"]["reason"]
    assert "with status 7" in second.items["crashes"]["reason"]
    assert "it crashed" in second.items["crashes"]["reason"]
    assert ran(tmp_path) == ["first", "first", "second", "second"]
    assert first.state == second.state == "done"


def test_a_part_whose_process_cannot_begin_fails_and_the_others_go_on(work, tmp_path):
    plain = work("works", "works")

    def command(part, until):
        broken = [sys.executable, "-c", "raise SystemExit('no such module')"]
        return broken if part.name == "first" else plain.command(part, until)

    first, second = conduct(Work(tmp_path, BUDGET, parts=PAIR, say=lambda _: None, command=command))
    assert (first.state, second.state) == ("failed", "done")
    assert "no such module" in first.reason


def test_what_the_budget_cuts_off_goes_on_when_it_is_called_again(work, tmp_path, monkeypatch):
    """Half of the budget is over as soon as the item that hangs has begun, however long processes take to begin."""
    passed = []

    def looking(folder, part):
        notes = notes_of(folder, part)
        if not passed and notes.running is not None and notes.running["item"] == "hangs":
            passed.append(BUDGET / 2)
        return notes

    monkeypatch.setattr(conducting, "notes_of", looking)
    clock = SimpleNamespace(time=lambda: time.time() + sum(passed), sleep=time.sleep)
    monkeypatch.setattr(conducting, "time", clock)
    first, second = conduct(work("works hangs", "works"))
    assert first.state == "unfinished"
    assert first.reason == "its share of the time was over"
    assert items_in(tmp_path, "first") == {"works": "done"}
    assert second.state == "done"
    first, second = conduct(work("works", "works"))
    assert first.state == "done"
    assert ran(tmp_path) == ["first", "second", "first"]


def test_a_budget_that_is_too_small_skips_with_the_reason_and_still_packs(work, tmp_path):
    found = conduct(work("works", "works", budget=1.0))
    assert [(notes.state, notes.reason) for notes in found] == [("skipped", "the budget was spent before")] * 2
    assert not (tmp_path / "order").exists()
    assert {"first.json", "second.txt", "summary.txt"} <= packed(tmp_path).keys()
    assert [notes.state for notes in conduct(work("works", "works"))] == ["done", "done"]


def test_a_signal_ends_the_process_of_the_part_and_packs_what_is_there(work, tmp_path, monkeypatch):
    begun = []

    def interrupted(folder, part):
        notes = notes_of(folder, part)
        if not begun and notes.running is not None and notes.running["item"] == "hangs":
            begun.append(notes)
            raise KeyboardInterrupt
        return notes

    monkeypatch.setattr(conducting, "notes_of", interrupted)
    with pytest.raises(KeyboardInterrupt):
        conduct(work("works hangs", "works"))
    assert notes_of(tmp_path, "first").state == "unfinished"
    assert {"first.json", "second.json", "summary.txt"} <= packed(tmp_path).keys()
    assert ran(tmp_path) == ["first"]


def test_all_that_a_process_has_started_ends_with_it(tmp_path):
    script = "import subprocess, sys, time; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid, flush=True); time.sleep(600)"  # noqa: E501
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    grandchild = int(child.stdout.readline())
    conducting.end(child, 5.0)
    for _ in range(6000):
        try:
            state = Path(f"/proc/{grandchild}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            break
        if state == "Z":
            break
        time.sleep(0.05)
    else:
        os.kill(grandchild, signal.SIGKILL)
        raise AssertionError("it still runs")
    child.stdout.close()


def test_failed_items_are_tried_again_only_where_that_is_asked_for(work, tmp_path):
    conduct(work("fails works", "works"))
    notes_of(tmp_path, "first").forget(failed_only=True)
    assert items_in(tmp_path, "first") == {"works": "done"}
    assert notes_of(tmp_path, "first").state == "unfinished"
    notes_of(tmp_path, "second").forget(failed_only=True)
    assert notes_of(tmp_path, "second").state == "done"
    notes_of(tmp_path, "second").forget(failed_only=False)
    assert items_in(tmp_path, "second") == {}


def test_a_part_for_gpus_alone_is_skipped_on_a_cpu_without_a_process(work, tmp_path):
    parts = (PAIR[0], Part("second", "", 0.5, "something else does it there"))
    _, second = conduct(work("works", "works", parts=parts, device="cpu"))
    assert (second.state, ran(tmp_path)) == ("skipped", ["first"])
    assert "something else does it there" in second.reason


def test_results_of_runs_are_packed_where_a_run_takes_them_up(work, tmp_path):
    stored = tmp_path / "results" / "fmnist-cnn" / "runs" / "0123456789abcdef.json"
    stored.parent.mkdir(parents=True)
    stored.write_text("{}")
    checkpoint = stored.parents[1] / "checkpoints" / "0.pt"
    checkpoint.parent.mkdir()
    checkpoint.write_bytes(b"large")
    conduct(work("works", "works"))
    content = packed(tmp_path)
    assert content["results/fmnist-cnn/runs/0123456789abcdef.json"] == b"{}"
    assert not any(name.endswith(".pt") for name in content)
    assert b"results of runs: 1" in content["summary.txt"]


def test_parts_that_are_not_asked_for_again_stay_in_the_archive(work, tmp_path, monkeypatch):
    monkeypatch.setattr(conducting, "PARTS", PAIR)
    conduct(work("works", "works"))
    conduct(work("works", parts=PAIR[1:]))
    content = packed(tmp_path)
    assert {"first.json", "first.txt", "first.log", "second.json"} <= content.keys()
    assert b"first: done" in content["summary.txt"]


def test_packages_on_a_path_of_the_user_are_found_in_every_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "site")
    paths = conducting._environment(Work(tmp_path / "out", 600.0))["PYTHONPATH"].split(os.pathsep)
    assert str(tmp_path / "site") in paths
    assert all(Path(path).is_absolute() for path in paths)


def test_tests_that_do_not_begin_fail_though_an_earlier_report_is_there(tmp_path, monkeypatch):
    report = tmp_path / "scratch" / "tests.xml"
    report.parent.mkdir()
    report.write_text('<testsuites><testsuite tests="9" failures="0" errors="0" skipped="2"/></testsuites>')
    monkeypatch.setattr(Asked, "require_cuda", lambda *_: None)
    ended = SimpleNamespace(returncode=-11, stdout="", stderr="it crashed")
    monkeypatch.setattr("benchmark.accelerator.health.subprocess.run", lambda *_, **__: ended)
    with pytest.raises(RuntimeError, match="pytest ended with status -11: it crashed"):
        health._tests(Asked(tmp_path, CPU, None, 0.0, Notes(tmp_path / "health.json", "health")))


def test_verdicts_that_are_found_out_again_are_of_trainings_of_now(tmp_path, monkeypatch):
    tiny = load_experiment(write_tiny(tmp_path))
    monkeypatch.setattr(truth, "load_experiment", lambda _: tiny)
    monkeypatch.setattr(truth, "read_expected", lambda _: None)
    monkeypatch.setattr(truth, "check_study", lambda _: SimpleNamespace(exit_status=lambda strict: 0))
    monkeypatch.setattr(truth, "render", str)
    monkeypatch.setattr(Asked, "require_cuda", lambda *_: None)
    asked = Asked(tmp_path, CPU, None, 0.0, Notes(tmp_path / "truth.json", "truth"))
    assert truth._smoke(asked)["runs"] == truth._smoke(asked)["runs"] == 8
    stored = Counter(run for entry in read_journal(tmp_path / "scratch" / "results" / "tiny")
                     if entry.event == "stored" for run in entry.runs)  # fmt: skip
    assert set(stored.values()) == {2}


def test_a_file_of_something_else_is_named_and_not_overwritten(tmp_path):
    (tmp_path / "health.json").write_text('{"part": "truth"}')
    with pytest.raises(InputError, match=r"health\.json: no file of the part health"):
        notes_of(tmp_path, "health")


def test_items_are_skipped_with_their_reason_and_those_with_a_note_are_left_alone(tmp_path):
    def skipped(_asked):
        raise SkipItem("there is none")

    notes = Notes(tmp_path / "x.json", "x", items={"known": {"state": "done", "seconds": 0.0, "found": {}}})
    asked = Asked(tmp_path, CPU, None, 0.0, notes)
    find_out([Item("known", lambda _: 1 / 0), Item("new", skipped)], asked)
    assert notes.items["known"]["state"] == "done"
    assert notes.items["new"]["reason"] == "there is none"
    assert "there is none" in notes.path.with_suffix(".txt").read_text()


@pytest.mark.parametrize("part", [part.name for part in PARTS])
def test_every_part_has_items_with_keys_of_their_own(part):
    keys = [item.key for item in items_of(part)]
    assert keys
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--budget", "soon"], "'soon' is no time of at most a year; write it as 90s, 10m or 2h"),
        (["--budget", "0s"], "is no time"),
        (["helth"], "did you mean 'health'"),
        ([], "there is no GPU here that torch can use; --device cpu tries the command out"),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("benchmark.accelerator.presence.gpu_is_here", lambda: False)
    assert main(["gpu", "--out", str(tmp_path / "out"), *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_command_needs_no_torch_to_keep_the_time():
    code = "import sys; import benchmark.accelerator.conducting; raise SystemExit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_checkout_that_is_not_installed_gets_the_entry_points_of_its_pyproject(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmark.accelerator.checkout._is_installed", lambda: False)
    (folder,) = checkout_metadata(ROOT, tmp_path)
    code = "from criteria import names; from importlib.metadata import version; print(*names(), version('dst-bench'))"
    environment = {"PYTHONPATH": os.pathsep.join([folder, str(ROOT)]), "PATH": os.environ["PATH"]}
    packages = [path for path in sys.path if path.endswith("site-packages")]
    found = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path += {packages!r}; {code}"],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "magnitude" in found.stdout
    assert found.stdout.split()[-1] == "0.1.0"
    assert missing_requirements(ROOT) == []


CASE = Case({"name": "mlp", "widths": [8]}, (6,), examples=40, batch_size=20, epochs=3)
IMAGES = Case({"name": "lenet5"}, (1, 28, 28), examples=10, batch_size=5, epochs=2)


def test_masks_that_differ_between_devices_are_found_with_their_member_and_step(monkeypatch):
    def members():
        return members_of(["magnitude"], "local", "forbid")

    same = devices_compared(members, CASE, CPU, CPU)
    count = len(members())
    assert (same["members"], same["the same masks after every update"], same["deviates"]) == (count, count, False)
    calls = []

    def skewed(training):
        calls.append(training)
        found = [training.engine.masks(index) for index in range(count)]
        if len(calls) == 2:  # the second device, after the first update
            found[1] = {name: ~mask for name, mask in found[1].items()}
        return found

    monkeypatch.setattr("benchmark.accelerator.compared.masks_of", skewed)
    differing = devices_compared(members, CASE, CPU, CPU)
    assert differing["deviates"]
    assert differing["the same masks after every update"] == count - 1
    assert f"at step {PERIOD}" in differing["parted"]
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.parametrize("case", [CASE, IMAGES], ids=["rows", "images"])
def test_a_member_is_compared_alone_and_in_fleets_in_both_precisions(case):
    found = fleets_compared(lambda index: members_of(["snip"], "local", "forbid")[index % 3], case, (1, 2), CPU)
    assert found["the same masks in float64"] == found["the same masks in float32"] == "1 of 1"
    assert not found["deviates"]


def speeds(tmp_path, rates):
    notes = Notes(tmp_path / "speed.json", "speed")
    for size, rate in rates.items():
        found = {"state": "done", "seconds": 0.0, "found": {networks.RATE: rate}}
        notes.items[networks.key(panel.NETWORK, networks.DEFAULT, size)] = found
    return notes


def test_the_panel_takes_the_largest_fleet_that_ends_in_time_or_else_the_most_efficient(tmp_path):
    setup = load_experiment("fmnist-cnn").setups[0][1]  # 42,200 steps
    notes = speeds(tmp_path, {1: 500.0, 8: 3000.0, 64: 12_000.0, 256: 11_000.0})
    assert panel.fleet_for(notes, setup, left=300.0) == 64
    assert panel.fleet_for(notes, setup, left=2000.0) == 256
    assert panel.fleet_for(notes, setup, left=60.0) == 64
    assert panel.fleet_for(speeds(tmp_path, {}), setup, left=60.0) is None


def write_tiny(tmp_path):
    tiny = tmp_path / "tiny.yaml"
    tiny.write_text(yaml.safe_dump(TINY | {"training": TINY["training"] | {"epochs": 1}}))
    return str(tiny)


def test_the_panel_trains_both_rules_into_a_results_folder_and_keeps_its_plan(tmp_path, monkeypatch):
    monkeypatch.setattr(panel, "EXPERIMENT", write_tiny(tmp_path))
    monkeypatch.setattr(Asked, "require_cuda", lambda *_: None)
    monkeypatch.setattr("benchmark.running.gate.require_contract", lambda _: "")
    asked = Asked(tmp_path, CPU, None, time.time() + 3600, Notes(tmp_path / "panel.json", "panel"))
    items = list(panel.items())
    find_out(items, asked)
    assert [asked.notes.found(item.key)["runs"] for item in items] == [8, 8]  # of which 4 are of baselines
    stored = [json.loads(path.read_text()) for path in tmp_path.glob("results/tiny/runs/*.json")]
    rules = [each["settings"]["topology"].get("resurrection", "") for each in stored]
    assert sorted(rules) == [""] * 4 + ["allow"] * 4 + ["forbid"] * 4
    plan = json.loads((tmp_path / "scratch" / "panel-plan.json").read_text())
    assert plan["most"] is None
    assert plan["execution"] is None


def test_the_best_way_is_the_fastest_and_in_float32_unless_any_precision_will_do(tmp_path):
    notes, network = speeds(tmp_path, {1: 500.0, 64: 12_000.0}), panel.NETWORK
    assert networks.best_size(network, notes) == 64
    assert networks.best_way(network, notes) == (networks.DEFAULT, 12_000.0)
    for way, rate in zip(networks.WAYS[:3], (9_000.0, 20_000.0, 15_000.0), strict=True):
        notes.items[networks.key(network, way)] = {"state": "done", "seconds": 0.0, "found": {networks.RATE: rate}}
    assert networks.best_way(network, notes) == (networks.WAYS[2], 15_000.0)
    assert networks.best_way(network, notes, any_precision=True) == (networks.WAYS[1], 20_000.0)


def test_a_cuda_test_that_failed_deviates(tmp_path):
    path = tmp_path / "tests.xml"
    path.write_text('<testsuites><testsuite tests="9" failures="1" errors="0" skipped="2"/></testsuites>')
    assert report_of(path) == {"tests": 9, "failures": 1, "errors": 0, "skipped": 2, "deviates": True}


@pytest.mark.long
def test_a_minute_on_a_cpu_gives_an_archive_with_every_part_and_the_reasons_of_what_is_skipped(tmp_path, capsys):
    assert main(["gpu", "--device", "cpu", "--budget", "60s", "--out", str(tmp_path / "out")]) == 0
    content = packed(tmp_path / "out")
    for part in PARTS:
        notes = json.loads(content[f"{part.name}.json"])
        assert notes["items"] or notes["reason"]
        assert all(item.get("found") or item.get("reason") for item in notes["items"].values())
    assert json.loads(content["panel.json"])["state"] == "skipped"
    assert b"it needs a GPU" in content["panel.txt"]
