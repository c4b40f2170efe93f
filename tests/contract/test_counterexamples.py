"""Counterexamples: what is printed to be pasted fails in a process of its own, and what does not says so."""

import os
import re
import subprocess
import sys
import textwrap

import pytest

from criteria.contract.alone import running_alone
from criteria.contract.asking import Broken
from criteria.contract.command import main, tried
from criteria.contract.results import Result
from criteria.contract.training_properties import Episode, Load, Save, Start, Train, Twins, Update, run_episode
from criteria.growth.random import RandomGrowth
from tests.contract.planted import Running
from tests.installed import Site, site, unique  # noqa: F401 - a fixture

PLUGINS = """
    import torch
    from criteria import Criterion
    from criteria.growth.random import RandomGrowth
    from criteria.pruning.magnitude import Magnitude

    class Seeds(Magnitude):
        def score(self, layer):
            torch.manual_seed(0)
            return super().score(layer)

    class ReadsTheGradient(Magnitude):
        def score(self, layer):
            return layer.weight.abs() if layer.grad is None else (layer.weight * layer.grad).abs()

    class Counting(Magnitude):
        def __init__(self):
            self.counts = {}

        def observe(self, layer):
            self.counts[layer.name] = self.counts.get(layer.name, 0) + 1

        def state_dict(self):
            return {f"{name}.count": count for name, count in self.counts.items()}

        def load_state_dict(self, state):
            for key, count in state.items():
                name, _ = key.split(".")  # layers are called fc1.weight
                self.counts[name] = count

    class OfTheClass(Criterion):
        means = {}

        def observe(self, layer):
            now = layer.weight.abs()
            self.means[layer.name] = 0.9 * self.means.get(layer.name, now) + 0.1 * now

        def score(self, layer):
            return self.means.get(layer.name, layer.weight.abs())

    class Tires(Magnitude):
        asked = 0

        def score(self, layer):
            Tires.asked += 1
            if Tires.asked > 300:
                raise ValueError("tired")
            return super().score(layer)

    class Strikes(RandomGrowth):
        def select(self, layer, n, candidates):
            grown = super().select(layer, n, candidates)
            candidates &= ~grown
            return grown
"""
BROKEN = ("Seeds", "ReadsTheGradient", "Counting", "OfTheClass", "Strikes")
INSTALLED = (*BROKEN, "Tires")


@pytest.fixture
def broken(site: Site) -> Site:  # noqa: F811
    """Broken plugins of several kinds, installed under the names of their classes."""
    module = unique("broken_plugins")
    criteria = "\n".join(f"{name} = {module}:{name}" for name in INSTALLED if name != "Strikes")
    entry_points = f"[dst_bench.criteria]\n{criteria}\n[dst_bench.growth]\nStrikes = {module}:Strikes\n"
    site.install(module, {f"{module}.py": PLUGINS}, entry_points)
    return site


def counterexamples(printed: str, how: str = "to be pasted and run") -> list[tuple[str, str]]:
    """What was found, and the code that shows it, of each that is printed under these words."""
    found = re.findall(rf"^found: (.*)\ncounterexample, {how}.*:\n\n((?: {{4}}.*\n|\n)+)", printed + "\n", re.M)
    return [(reason, textwrap.dedent(code)) for reason, code in found]


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_printed_to_be_pasted_fails_alone_as_it_says(
    broken: Site, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name], all_=False, max_examples=None, as_json=False, quick=True) == 3
    printed = counterexamples(capsys.readouterr().out)
    assert printed
    path = os.pathsep.join((str(broken.folder), os.getcwd()))
    processes = [
        subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, stderr=subprocess.PIPE)
        for _, code in printed
    ]
    for process in processes:
        said = process.communicate()[1].decode()
        assert process.returncode == 1
        assert re.search(r"criteria\.contract\.\w+\.Broken\w*: ", said)


def test_one_that_passes_alone_is_not_offered_to_be_pasted(broken: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """After many questions it fails at any; a process that has asked nothing else sees no failure."""
    assert main(["Tires"], all_=False, max_examples=10, as_json=False) == 3
    printed = capsys.readouterr().out
    assert not counterexamples(printed)
    (_, code), *_ = counterexamples(printed, "which does not fail when it is run alone")
    assert 'criteria.load("Tires")' in code


@pytest.mark.parametrize(
    ("reason", "alone"), [("the scores differ", "fails"), ("the scores differ (not every time)", "fails at times")]
)
def test_what_did_not_always_fail_in_the_search_is_not_said_to_fail_at_once(reason: str, alone: str) -> None:
    assert tried(Result("deterministic", "broken", reason, "some code"), lambda _: "fails").alone == alone


@pytest.mark.parametrize(
    ("code", "does"),
    [
        ("", "passes"),
        ("from criteria.contract.asking import Broken\nraise Broken('always')", "fails"),
        (
            "import os\nfrom criteria.contract.asking import Broken\nif os.getpid() % 2:\n    raise Broken('at times')",
            ("fails", "fails at times"),
        ),
        ("from criteria.contract.asking import Inapplicable\nraise Inapplicable('nothing to say')", "passes"),
        ("1 / 0", ""),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", ""),
        ("syntax error", ""),
        ("import criteria.contract.alone as alone\nalone.here = 1", "passes"),
    ],
)
def test_code_is_run_alone_whatever_it_does(code: str, does: str | tuple[str, ...]) -> None:
    with running_alone() as run:
        assert run(code) in does if isinstance(does, tuple) else run(code) == does
        assert run("") == "passes"  # it goes on after each of them


class Forgets(Running):
    def load_state_dict(self, state):
        self.__init__()


def test_behind_a_checkpoint_that_is_known_to_be_broken_nobody_asks_what_made_trainings_differ(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To train anew for every difference once took longer than a plugin may, and was called its hang."""
    asked: list[Twins] = []
    monkeypatch.setattr(Twins, "_replays", lambda self: asked.append(self) or True)
    steps = [Train(steps=3), Save(), Train(), Update(0.5), Load(), Train(steps=3), Update(0.5)]
    training = Episode(Start(1, (((3, 4), 5),) * 3), steps)
    with pytest.raises(Broken, match="in its twin"):
        run_episode(Forgets(), RandomGrowth(), training)
    assert len(asked) == 1
    asked.clear()
    assert run_episode(Forgets(), RandomGrowth(), training, passed_over=["checkpoint_replay"]) is None
    assert not asked
