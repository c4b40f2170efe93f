"""Results of networks that were never trained, and what a report makes of them."""

from dataclasses import replace
from html.parser import HTMLParser

from matplotlib.figure import Figure

from benchmark.experiments.experiment import Experiment
from benchmark.experiments.outcome import Outcome
from benchmark.experiments.results import Result
from benchmark.experiments.runs import expand
from benchmark.report.figures.look import LIGHT
from benchmark.report.findings import Findings
from benchmark.report.page import page
from benchmark.report.sections import SECTIONS
from benchmark.verdicts.study import Study

DRAWN = ("lead", "figures", "standing", "leaderboard")
"""Sections whose drawings take seconds."""
CRITERIA = ("magnitude", "set", "mest", "snip", "random")


def experiment(criteria=CRITERIA, growths=("random", "gradient"), densities=(0.05, 0.1, 0.2, 0.5), seeds=(1, 2, 3)):
    return Experiment.model_validate(
        {
            "name": "made-up",
            "title": "Networks that were never trained",
            "data": "digits",
            "model": {"name": "mlp", "widths": [16]},
            "training": {"epochs": 2, "batch_size": 128, "learning_rate": 0.1},
            "topology": {"update_period": 5},
            "axes": {"criteria": criteria, "growths": growths, "densities": densities, "seeds": seeds},
        }
    )


def changed(experiment, **changes):
    """The experiment with other settings, validated anew, so that its setups follow."""
    return Experiment.model_validate({**experiment.model_dump(), **changes})


def study_of(experiment, expected=None, **made):
    """The experiment with a result of every run; ``made`` is as for ``results_of``."""
    return Study(experiment, tuple(results_of(experiment, **made)), expected)


def results_of(experiment, *, without=lambda cell: False, accuracy=None, skipped=False):
    """A result of every run whose cell is not ``without``; accuracies differ by cell and seed."""
    found = []
    for number, run in enumerate(expand(experiment)):
        if without(run.cell):
            continue
        value = accuracy(run) if accuracy else 80 + 10 * run.cell.density + (number * 7 % 11) / 4
        outcome = Outcome(
            test_accuracy_best=value,
            test_accuracy_last=value,
            best_epoch=1,
            validation_accuracy=[value],
            density={},
            diverged=False,
        )
        result = Result(
            id=run.id,
            experiment=experiment.name,
            settings=run.settings,
            outcome=outcome,
            contract_skipped=skipped and run.cell.growth is not None,
            environment={"dst-bench": "0.0", "torch": "0.0", "device": "a <very> special device"},
            time={"finished": "2026-01-01T00:00:00+00:00", "fleet_seconds": 60.0, "fleet_size": 2},
        )
        found.append((run, result))
    return found


def page_of(study, expected=None, *, figures=False):
    """The page, without the section of figures unless they are asked for, because they take seconds to draw."""
    shown = [section for section in SECTIONS if figures or section.name not in DRAWN]
    return page(Findings(replace(study, expected=expected)), shown)


def drawn(plot, theme=LIGHT) -> Figure:
    figure = plot.draw(theme)
    figure.draw_without_rendering()
    return figure


class Page(HTMLParser):
    """Texts, tags and attributes of a page; raises where tags do not match."""

    VOID = frozenset({"meta", "img", "source", "br"})

    def __init__(self, text):
        super().__init__()
        self.open, self.attributes, self.texts = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())
