"""The command line as its users meet it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from benchmark.commands.cli import main
from tests.installed import unique
from tests.running.tiny import TINY

QUICK = {**TINY, "training": {**TINY["training"], "epochs": 2}}


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A folder of its own to run in, with an experiment that trains in a second."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(yaml.safe_dump(QUICK))
    return tmp_path


def results():
    return sorted(Path("results/tiny/runs").glob("*.json"))


def without_time(path):
    return {key: value for key, value in json.loads(path.read_text()).items() if key != "time"}


def test_a_run_trains_everything_once_and_a_second_one_nothing(tiny, capsys):
    assert main(["run", "tiny.yaml"]) == 0
    assert "0 runs stored, 8 to train" in capsys.readouterr().err
    first = {path: path.stat().st_mtime_ns for path in results()}
    assert len(first) == 8  # static, dense and two criteria, with two seeds each
    assert main(["run", "tiny.yaml"]) == 0
    assert "8 runs stored, 0 to train" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in results()} == first


def test_the_same_run_gives_the_same_bits_again_apart_from_times(tiny):
    main(["run", "tiny.yaml"])
    before = [without_time(path) for path in results()]
    main(["run", "tiny.yaml", "--fresh"])
    assert [without_time(path) for path in results()] == before


def test_a_run_has_the_same_bits_alone_as_with_others(tiny):
    main(["run", "tiny.yaml"])
    together = {path.name: without_time(path)["outcome"] for path in results()}
    main(["run", "tiny.yaml", "--criteria", "running_snip", "--seeds", "2", "--results", "alone"])
    (alone,) = Path("alone/tiny/runs").glob("*.json")
    assert without_time(alone)["outcome"] == together[alone.name]


def test_a_dry_run_says_how_much_and_how_long_and_trains_nothing(tiny, capsys):
    assert main(["run", "tiny.yaml", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "8 to train in 1 fleet on" in said
    assert ", about " in said
    assert not Path("results").exists()


def test_a_dry_search_for_parameters_says_how_much_there_is_to_train_and_trains_nothing(tiny, capsys):
    assert main(["tune", "mest(lambda_=tune(0.1,1))", "--on", "tiny.yaml", "--dry-run"]) == 0
    assert "4 to train" in capsys.readouterr().out  # two values with two seeds
    assert not Path("results").exists()


def test_a_dry_run_downloads_nothing_and_times_noise_where_the_data_are_not_there(tiny, capsys, monkeypatch):
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("something was asked for"))
    content = {**QUICK, "data": "cifar10", "model": {"name": "mlp", "widths": [4]}}
    Path("tiny.yaml").write_text(yaml.safe_dump(content))
    assert main(["run", "tiny.yaml", "--dry-run", "--data-dir", "nowhere"]) == 0
    said = capsys.readouterr()
    assert "8 to train in 1 fleet on" in said.out
    assert "timed on noise of the same shape, because CIFAR-10 is not in nowhere" in said.err
    assert not Path("nowhere").exists()


def test_accepted_values_are_reproduced_and_a_changed_one_is_found_by_name(tiny, capsys):
    main(["run", "tiny.yaml"])
    assert main(["accept", "tiny.yaml"]) == 0
    assert main(["check", "tiny.yaml"]) == 0
    path = Path("expected_results/tiny.yaml")
    content = yaml.safe_load(path.read_text())
    cell = next(c for c in content["cells"] if c["criterion"] == "running_snip")
    cell["measured"]["mean"] -= 5
    path.write_text(yaml.safe_dump(content))
    capsys.readouterr()
    assert main(["check", "tiny.yaml"]) == 1
    assert "deviates: running_snip · random · 0.2" in capsys.readouterr().out


def test_reproduce_is_not_strictly_fine_where_nothing_could_be_checked(tiny, capsys):
    assert main(["reproduce", "tiny.yaml", "--strict"]) == 1
    assert "nothing was checked: no expected values of 'tiny' in expected_results, " in capsys.readouterr().out


def test_a_check_of_other_settings_says_which_they_are(tiny, capsys):
    main(["run", "tiny.yaml"])
    main(["accept", "tiny.yaml"])
    main(["run", "tiny.yaml", "--set", "training.epochs=1"])
    capsys.readouterr()
    main(["check", "tiny.yaml", "--set", "training.epochs=1"])
    said = "trained with training.epochs=1; the expected values are those of the experiment as written"
    assert said in capsys.readouterr().out
    main(["check", "tiny.yaml"])
    assert said not in capsys.readouterr().out


def test_reproduce_ends_with_tables_in_a_folder(tiny, capsys):
    assert main(["reproduce", "tiny.yaml"]) == 0
    assert {path.name for path in Path("report/tiny").iterdir()} >= {"results.txt", "results.md", "results.csv"}
    assert "magnitude" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "smok"], "did you mean 'smoke'?"),
        (["run", "missing.yaml"], "missing.yaml: cannot be read"),
        (["run", "tiny.yaml", "--criteria", "magnitud"], "did you mean 'magnitude'?"),
        (["run", "tiny.yaml", "--criteria", "magnitude,,snip"], "single commas"),
        (["run", "tiny.yaml", "--growth", "gradiant"], "did you mean 'gradient'?"),
        (["run", "tiny.yaml", "--density", "0"], "--density 0: a density is"),
        (["run", "tiny.yaml", "--density", "1.5"], "--density 1.5: a density is"),
        (["run", "tiny.yaml", "--density", "nan"], "--density nan: a density is"),
        (["run", "tiny.yaml", "--seeds", "5-1"], "--seeds 5-1: expected a seed or a range"),
        (["run", "tiny.yaml", "--seeds", "-1"], "--seeds '-1': expected a seed or a range"),
        (["run", "tiny.yaml", "--results", "tiny.yaml"], "--results: tiny.yaml: expected a folder, found a file"),
        (["rank", "tiny.yaml", "--leaderboard", "board.png"], "board.png: it writes Markdown"),
        (["pack", "tiny.yaml", "--to", "tiny.xz"], "tiny.xz: name a file that ends in .runs.jsonl.xz"),
        *(
            ([command, "tiny.yaml", "--expected", "typo"], "--expected: typo: there is no such folder")
            for command in ("check", "reproduce", "report", "rank", "tune")
        ),
        (["run", "tiny.yaml", "--set", "training.epoch=1"], "did you mean 'epochs'?"),
        (
            ["run", "tiny.yaml", "--set", "training.epochs=ten"],
            "tiny.yaml with --set training.epochs=ten: training.epochs: expected a whole number, found 'ten'",
        ),
        (["run", "tiny.yaml", "--set", "training.learning_rate=0"], "expected a number above 0, found 0"),
        (["run", "tiny.yaml", "--set", "training.nesterov=maybe"], "expected true or false, found 'maybe'"),
        (["run", "tiny.yaml", "--set", "axes.growths=random"], "axes.growths: expected a list, found 'random'"),
        (["run", "tiny.yaml", "--set", "topology.scope=all"], "expected 'local', 'global' or 'global_prune', found"),
        (
            ["run", "tiny.yaml", "--set", "axes.criteria=[5]"],
            "axes.criteria.0: expected the name of a criterion",
        ),
        (["run", "tiny.yaml", "--set", "training=3"], "training: expected keys with values, found 3"),
        (["run", "tiny.yaml", "--set", "model.widths=wide"], "widths takes a list of whole numbers"),
        (["check", "tiny.yaml"], "no expected values of 'tiny'"),
        (["report", "tiny.yaml"], "no results in results"),
        (["accept", "tiny.yaml"], "8 of 8 runs of tiny have no result"),
        (["run", "tiny.yaml", "--device", "tpu"], "invalid choice"),
        (["run", "tiny.yaml", "--checkpoint", "0"], "--checkpoint: expected a finite number above 0"),
        (["run", "tiny.yaml", "--fleet", "1.5"], "--fleet: expected a whole number above 0"),
        (["status", "tiny"], "unknown experiment"),
        (["run", "tiny.yaml", "--tasks", "2"], "add --executor slurm"),
        (["run", "tiny.yaml", "--detach"], "add --executor slurm"),
        (["run", "tiny.yaml", "--slurm", "partition=gpu"], "add --executor slurm"),
        (["run", "tiny.yaml", "--executor", "slurm", "--slurm", "partition"], "expected KEY=VALUE"),
        (["contract", "--all", "magnitude"], "leave it out to check magnitude alone"),
        (["tune", "mest(lambda_=tune(0.1,1))", "--reference", "magnitud"], "did you mean 'magnitude'?"),
        (["tune", "mest(lambda_=tune(0.1,1))", "--dry-run", "--json"], "leave --json out"),
        (["run", "tiny.yaml", "--set", "model.widths=[1000000000000]"], "not enough memory"),
        (["run", "tiny.yaml", "--results", "/dev/null/here"], "/dev/null is not a folder"),
        (["run"], "EXPERIMENT"),
        (["run", "tiny.yaml", "--sead", "1"], "unrecognized arguments: --sead 1; see dst-bench run --help"),
        (["trane", "tiny.yaml"], "invalid choice"),
    ],
)
def test_bad_input_is_one_line_and_status_2_and_leaves_nothing_behind(tiny, capsys, arguments, said):
    try:
        status = main(arguments)
    except SystemExit as end:  # argparse ends the program itself
        status = end.code
    error = capsys.readouterr().err
    assert status == 2
    assert said in error
    assert error.count("\n") == 1
    assert sorted(path.name for path in Path().iterdir()) == ["tiny.yaml"]


def test_a_missing_data_set_is_one_line_that_says_where_it_was_looked_for(tiny, capsys):
    assert main(["run", "tiny.yaml", "--set", "data=tinyimagenet", "--data-dir", "elsewhere"]) == 2
    error = capsys.readouterr().err
    assert "elsewhere" in error
    assert error.count("\n") == 1
    assert not Path("results").exists()


def test_cuda_where_there_is_none_is_one_line(tiny, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert main(["run", "tiny.yaml", "--device", "cuda"]) == 2
    assert "no CUDA device" in capsys.readouterr().err


@pytest.mark.parametrize("damage", [lambda text: text[: len(text) // 2], lambda text: "[]", lambda text: "\0\xff"])
def test_a_damaged_result_is_named_and_not_believed(tiny, capsys, damage):
    main(["run", "tiny.yaml"])
    path = results()[3]
    path.write_text(damage(path.read_text()))
    capsys.readouterr()
    for command in ("run", "report", "accept"):
        assert main([command, "tiny.yaml"]) == 2
        error = capsys.readouterr().err
        assert path.name in error
        assert error.count("\n") == 1
    assert main(["run", "tiny.yaml", "--fresh"]) == 0


def test_a_result_under_another_runs_name_is_not_believed(tiny, capsys):
    main(["run", "tiny.yaml"])
    one, other, *_ = results()
    one.write_text(other.read_text())
    assert main(["run", "tiny.yaml"]) == 2
    assert one.name in capsys.readouterr().err


def test_help_needs_no_torch():
    code = "import sys, benchmark.commands.cli as cli; cli.build_parser().format_help(); print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"


def test_list_says_what_each_experiment_rebuilds_and_about_costs(capsys):
    assert main(["list", "experiments"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (panel,) = [line for line in lines if line.startswith("cifar10-resnet56 ")]
    assert panel.split()[1:7] == ["Figures", "1", "and", "10", "610", "4e+18"]  # 610 · 200 · 45,000 · 3 · 0.25e9
    (smoke,) = [line for line in lines if line.startswith("smoke ")]
    assert "< 1 min" in smoke
    assert "right to a factor of a few" in lines[-2]


def test_list_and_info_name_what_is_installed(capsys):
    assert main(["list"]) == 0
    said = capsys.readouterr().out
    for name in ("magnitude", "gradient", "static", "smoke"):
        assert name in said
    assert main(["info"]) == 0
    assert "torch" in capsys.readouterr().out


def test_a_package_of_another_distribution_that_hides_ours_is_named(tmp_path, monkeypatch):
    import dst_bench

    (tmp_path / "criteria").mkdir()
    (tmp_path / "criteria" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "criteria")
    assert f"Python finds it at {tmp_path / 'criteria'}" in (dst_bench.shadowed() or "")


GREEDY = """
    from criteria import Criterion, lowest

    class Greedy(Criterion):
        '''Prunes one weight too many.'''

        def score(self, layer):
            return layer.weight.abs()

        def select(self, layer, n):
            return lowest(self.score(layer), layer.mask, min(n + 1, int(layer.mask.sum())), layer.generator)
"""


@pytest.fixture
def greedy(site, monkeypatch, tmp_path):
    """An installed criterion that breaks the contract, and an empty cache of contracts.

    It has a module of its own: in this one its identity would depend on all that tests of commands import.
    """
    module = unique("greedy")
    site.install("greedy", {f"{module}.py": GREEDY}, f"[dst_bench.criteria]\ngreedy = {module}:Greedy\n")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("benchmark.running.gate.QUICK_EXAMPLES", 3)  # the fault is in nearly every case


def test_a_criterion_that_breaks_the_contract_is_refused_by_the_name_of_the_property(tiny, greedy, capsys):
    assert main(["run", "tiny.yaml", "--criteria", "greedy"]) == 3
    said = capsys.readouterr().err
    assert "greedy breaks exact_count" in said
    assert "--no-contract" in said
    assert not Path("results").exists()


def test_a_criterion_that_is_only_compared_has_to_keep_the_contract_too(tiny, greedy, capsys):
    compared = "measure.jaccard.criteria=[magnitude, greedy]"
    assert main(["run", "tiny.yaml", "--criteria", "magnitude", "--set", compared]) == 3
    assert "greedy breaks exact_count" in capsys.readouterr().err.lower()
    assert not Path("results").exists()


BASELINES = """
    import sys
    from baselines import Baseline

    class Nothing(Baseline):
        def densities(self, grid):
            return None

    class Thick(Baseline):
        def densities(self, grid):
            return [3.0]

    class Leaves(Baseline):
        def model(self, model):
            sys.exit(0)

    class Nameless(Baseline):
        def model(self, model):
            return {}
"""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", "densities(): TypeError"),
        ("thick", "it gives [3.0], and a density is above 0 and at most 1"),
        ("leaves", "model(): it ends the program (SystemExit 0)"),
        ("nameless", "it gives {}, and should give a model"),
    ],
)
def test_a_baseline_that_fails_is_named(tiny, site, capsys, name, said):
    module = unique("faulty_baselines")
    point = f"[dst_bench.baselines]\n{name} = {module}:{name.title()}\n"
    site.install("faulty-baselines", {f"{module}.py": BASELINES}, point)
    assert main(["run", "tiny.yaml", "--criteria", name]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert f"baseline {name!r} failed in " in line
    assert said in line


def test_a_criterion_that_cannot_be_copied_is_named(tiny, site, monkeypatch, capsys):
    module = unique("locked")
    text = "import threading\nfrom criteria import Criterion\n\nclass Locked(Criterion):\n"
    text += "    def __init__(self):\n        self.lock = threading.Lock()\n\n"
    text += "    def score(self, layer):\n        return layer.weight.abs()\n"
    site.install("locked", {f"{module}.py": text}, f"[dst_bench.criteria]\nlocked = {module}:Locked\n")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tiny / "cache"))
    assert main(["run", "tiny.yaml", "--criteria", "locked"]) == 3
    assert "criterion 'locked' cannot be checked: TypeError" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["contract", "--quick"], ["run", "tiny.yaml", "--criteria"]], ids=lambda c: c[0])
def test_a_criterion_that_raises_no_ordinary_exception_is_named(tiny, site, monkeypatch, capsys, command):
    module = unique("leaving")
    text = "from criteria import Criterion\n\nclass Leaving(Criterion):\n    def score(self, layer):\n"
    text += "        raise GeneratorExit\n"
    site.install("leaving", {f"{module}.py": text}, f"[dst_bench.criteria]\nleaving = {module}:Leaving\n")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tiny / "cache"))
    assert main([*command, "leaving"]) == 3
    said = "".join(capsys.readouterr())
    assert "leaving" in said
    assert "score() raised GeneratorExit" in said


def test_without_the_contract_tables_mark_the_criterion(tiny, capsys):
    assert main(["run", "tiny.yaml", "--criteria", "running_snip", "--no-contract"]) == 0
    assert "¹ trained with --no-contract" in capsys.readouterr().out
    main(["accept", "tiny.yaml", "--criteria", "running_snip"])
    capsys.readouterr()
    assert main(["check", "tiny.yaml", "--criteria", "running_snip"]) == 0
    assert "running_snip · random · 0.2: trained with --no-contract" in capsys.readouterr().out


def test_a_criterion_that_breaks_its_promise_in_a_training_ends_it_in_one_line(tiny, greedy, capsys):
    assert main(["run", "tiny.yaml", "--criteria", "greedy", "--no-contract"]) == 3
    error = capsys.readouterr().err
    assert "criterion Greedy selected" in error
    assert "Traceback" not in error


def test_what_a_plugin_prints_does_not_spoil_json(site, capsys):
    module = unique("talks")
    text = "from criteria import Criterion\n\nclass Talks(Criterion):\n    def score(self, layer):\n"
    text += "        print('[')\n        return layer.weight.abs()\n"
    site.install("talks", {f"{module}.py": text}, f"[dst_bench.criteria]\ntalks = {module}:Talks\n")
    assert main(["contract", "talks", "--quick", "--max-examples", "1", "--json"]) == 0
    told = capsys.readouterr()
    assert [each["name"] for each in json.loads(told.out)] == ["talks"]
    assert told.err.startswith("[\n")
