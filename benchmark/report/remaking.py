"""The commands that make a page again, wherever they are typed."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.experiments.runs import expand
from benchmark.verdicts.study import Study


@dataclass(frozen=True)
class Asked:
    """What somebody asked for who made a page, in the words of the command line."""

    experiment: str
    """Its name, or the path of its file."""
    options: tuple[str, ...] = ()
    """Those that choose a part of it or change its settings."""
    against: tuple[str, ...] = ()
    """The experiments that it is compared with, each as :attr:`experiment`."""
    expected: str | None = None
    """The folder of expected values; None for the one that is taken without saying so."""


def commands(study: Study, others: Sequence[Study], asked: Asked) -> list[str]:
    """The commands, each of which a shell can read, that make the page of a study beside ``others`` again.

    Stored results are there already, others are trained; folders of results are left to whoever types them.
    """
    beside = [word for other in asked.against for word in ("--against", other)]
    expected = ["--expected", asked.expected] if asked.expected else []
    report = ["report", asked.experiment, *asked.options, *beside]
    if study.is_stored:
        return [_line([*report, "--stored", *expected])]
    trained = ["reproduce", asked.experiment, *asked.against, *asked.options, *_training([study, *others]), *expected]
    return [_line(trained), *([_line([*report, *expected])] if beside else [])]


def _training(studies: Sequence[Study]) -> list[str]:
    """The options with which the results were trained, as far as these would be others without them."""
    contract = ["--no-contract"] if any(study.unproven for study in studies) else []
    return [*_engine(studies), *contract]


def _engine(studies: Sequence[Study]) -> list[str]:
    """The engine, if it is one of all results and not that which every run would have had."""
    used = {run.setup.engine for study in studies for run, _ in study.results}
    own = {
        run.setup.engine
        for study in studies
        for run in expand(study.experiment)
        if run.seed in study.samples.get(run.cell, {})
    }
    return ["--engine", *used] if len(used) == 1 and used != own else []


def _line(words: Sequence[str]) -> str:
    return shlex.join(["dst-bench", *words])
