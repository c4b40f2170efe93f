"""The JSON that commands print has the keys that docs/json.md says, each of them and no other."""

import datetime
import json
import re
from dataclasses import replace

import pytest

from benchmark.commands.cli import main
from benchmark.experiments.cells import Cell
from benchmark.running.racing import Lane
from benchmark.running.status import Failure, Status, Unfinished, WorkerStatus
from benchmark.timing.comparison import Comparison, Skipped
from benchmark.verdicts.check import check
from benchmark.verdicts.claims import ClaimOutcome, Interval
from benchmark.verdicts.claims.changes import ClaimChange
from benchmark.verdicts.contenders import Setting
from benchmark.verdicts.json_output import plain
from benchmark.verdicts.race import Decision
from benchmark.verdicts.remarks import Noted
from benchmark.verdicts.standing import standing
from benchmark.verdicts.tuning import Choice
from benchmark.verdicts.verdict import Bits, DifferingRun
from tests.docs_scripts import DOCS
from tests.verdicts.test_check import PUBLISHED, elsewhere, expecting, grid

PAGE = (DOCS / "json.md").read_text()
EXTRA = (("update_period", 25),)


def documented(title):
    """The keys in the table below a title."""
    lines = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0].splitlines()
    cells = [line.split("|")[1] for line in lines if line.startswith("| `")]
    return {key for cell in cells for key in re.findall("`([^`]+)`", cell)}


def printed(value, known, path=""):
    """The paths of all keys; what is told elsewhere on the page (a cell, a standing), or has names as keys, is one."""
    if f"{path}{{}}" in known:
        assert isinstance(value, dict), path
        return {f"{path}{{}}"}
    if path.rpartition(".")[2] == "cell":
        assert printed(value, documented("A cell")) == documented("A cell")
        return {path}
    if path in ("newcomers", "standing") and value is not None:
        assert printed(value, documented("rank")) == documented("rank") - {"version", "source"}
        return {path}
    if isinstance(value, dict):
        return set().union(*(printed(each, known, f"{path}.{key}".lstrip(".")) for key, each in value.items()))
    if isinstance(value, list):
        return set().union(*(printed(each, known, f"{path}[]") for each in value))
    return {path}


def told(capsys, *arguments):
    """What a command prints; its first key is its version, and nothing in it is infinite or not a number."""
    main([*arguments, "--json"])
    content = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert next(iter(content.items())) == ("version", 1)
    return content


def in_other_settings(samples):
    return {replace(cell, extra=EXTRA): values for cell, values in samples.items()}


def a_standing():
    """A standing with remarks, and with a setting in which there is nothing to compare."""
    samples = in_other_settings(grid()) | {Cell("set", "gradient", 0.5, EXTRA): {1: 90.0}}
    noted = Noted(unproven=[(cell, 1) for cell in samples])
    return replace(standing(samples, noted=noted, experiment="example"), left_out=("snip",))


def every_kind_of_finding():
    """A check that found something of every kind."""
    expected = expecting(grid(), before=expecting(grid()), name="paper", provenance=PUBLISHED)
    _, *measured = elsewhere(snip=-3.0).items()
    outcome = check(in_other_settings(elsewhere()) | dict(measured), expected)
    cell = Cell("snip", "random", 0.05, EXTRA)
    unbounded = Interval(1.0, float("-inf"), 2.0)
    judged = [
        ClaimOutcome("one", "It is", "a talk", "supported", unbounded, "So", 1.0, {"a": "undecided"}),
        ClaimOutcome("two", "It may", "a talk", "undecided", None, "So", 1.0, seeds_unknown="One seed"),
    ]
    return replace(
        outcome,
        claims=tuple(judged),
        changes=(ClaimChange("one", "undecided", "supported", deviates=False),),
        warnings=("a warning",),
        bits=(Bits("measured", 3, (DifferingRun(cell, 1, 90.0, 91.0),)),),
        newcomers=a_standing(),
        missing_runs=((cell, 2),),
    )


def test_check_prints_the_keys_of_the_page(monkeypatch, tmp_path, capsys):
    found = every_kind_of_finding()
    monkeypatch.setattr("benchmark.verdicts.check.check_study", lambda study: found)
    content = told(capsys, "check", "smoke", "--results", str(tmp_path))
    assert printed(content, documented("check")) == documented("check")
    assert {json.dumps(row["cell"]["extra"]) for row in content["rows"]} == {"{}", '{"update_period": 25}'}
    assert content["claims"][0]["effect"]["low"] is None


def test_rank_prints_the_keys_of_the_page(monkeypatch, tmp_path, capsys):
    found = a_standing()
    monkeypatch.setattr("benchmark.verdicts.standing.standing", lambda *_, **__: found)
    content = told(capsys, "rank", "smoke", "--results", str(tmp_path))
    assert printed(content, documented("rank")) == documented("rank")
    assert all(row["extra"] == {"update_period": 25} for row in (*content["rows"], *content["unranked"]))


def test_status_prints_the_keys_of_the_page(monkeypatch, tmp_path, capsys):
    now = datetime.datetime.now(datetime.UTC)
    worker = WorkerStatus(host="a", pid=1, device="cpu", alive=True, since=now, runs=1, step=2, total_steps=3)
    found = Status(
        experiment="smoke",
        runs=4,
        done=1,
        diverged=0,
        running=1,
        waiting=2,
        failed=1,
        workers=[worker],
        unfinished=[Unfinished(runs=1, step=2, total_steps=3)],
        failures=[Failure(runs=1, error="an error", time="now")],
    )
    monkeypatch.setattr("benchmark.running.status.status", lambda *_: found)
    content = told(capsys, "status", "smoke", "--results", str(tmp_path))
    assert printed(content, documented("status")) == documented("status")


def test_compare_prints_the_keys_of_the_page(monkeypatch, tmp_path, capsys):
    decision = Decision("undecided", 1, 0.5, float("-inf"), float("inf"), 2)
    lanes = {Lane("set", Setting("random", 0.05, EXTRA)): decision}
    monkeypatch.setattr("benchmark.running.racing.race", lambda *_: lanes)
    content = told(capsys, "compare", "magnitude", "set", "--results", str(tmp_path))
    assert printed(content, documented("compare")) == documented("compare")
    (comparison,) = content["comparisons"]
    assert (comparison["extra"], comparison["low"], comparison["high"]) == ({"update_period": 25}, None, None)


def test_tune_prints_the_keys_of_the_page(monkeypatch, tmp_path, capsys):
    choice = Choice(Setting("random", 0.05, EXTRA), "mest", {"mest": 90.0}, {1: 91.0}, (1,), 3, 1.5)
    monkeypatch.setattr("benchmark.running.missing.train_missing", lambda *_: ())
    monkeypatch.setattr("benchmark.verdicts.tuning.tuned", lambda *_: [choice])
    monkeypatch.setattr("benchmark.verdicts.newcomers.of_criteria", lambda *_: a_standing())
    content = told(capsys, "tune", "mest(lambda_=tune(0.1,1))", "--results", str(tmp_path))
    assert printed(content, documented("tune")) == documented("tune")
    assert content["choices"][0]["setting"]["extra"] == {"update_period": 25}


def test_bench_prints_the_keys_of_the_page(monkeypatch, capsys):
    found = [Comparison("smoke", "dense", "sparse", 2.0, 1.0, 2.0, 1.5, 2.5), Skipped("engines", "no processor")]
    monkeypatch.setattr("benchmark.timing.comparisons_of", lambda *_: iter(found))
    content = told(capsys, "bench", "engines")
    assert printed(content, documented("bench")) == documented("bench")


def test_contract_prints_the_keys_of_the_page(capsys):
    assert main(["contract", "random", "--quick", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    with_notes = [{**each, "notes": ["a note"]} for each in content]  # a quick pass has none
    assert printed(with_notes, documented("contract")) == documented("contract")


def test_a_setting_without_further_ones_has_an_empty_object_for_them():
    assert plain(Setting("random", 0.05)) == {"growth": "random", "density": 0.05, "extra": {}}
