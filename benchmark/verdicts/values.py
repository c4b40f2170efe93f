"""The expected values that results are compared with, and what is to be known before they are."""

from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.experiments.archive import archive_beside, glance
from benchmark.experiments.experiment import Experiment
from benchmark.experiments.part import Part
from benchmark.verdicts.archived_runs import are_of, otherwise
from benchmark.verdicts.expected import Expected, read_expected
from benchmark.verdicts.study import narrowed
from criteria.errors import InputError

MOST_SHOWN = 3
"""Settings that differ, which a line names."""


@dataclass(frozen=True)
class Values:
    """The expected values of an experiment: of the part that is asked for, and all of the experiment as written."""

    expected: Expected | None = None
    stored: Expected | None = None
    """None for a variation, and for another experiment of this name, which other settings have trained."""
    doubts: tuple[str, ...] = ()
    """What the runs that are archived beside the values say against them, a line for each."""
    lacking: str = ""
    """Where they were looked for, in words, if there are none."""


def read_values(path: Path, experiment: Experiment, part: Part) -> Values:
    """The expected values in a file, for the part of an experiment; raises :class:`InputError` as reading them does."""
    stored = read_expected(path)
    expected = narrowed(stored, experiment, part)
    found = Values(expected, None if part.settings else stored)
    archive = archive_beside(path)
    if not archive.is_file():
        return found
    try:
        runs = glance(archive)
    except InputError as error:  # the values are whole without it
        return replace(found, doubts=(str(error),))
    settings, outcomes = zip(*runs, strict=True) if runs else ((), ())
    apart = () if are_of(stored, outcomes) else (_apart(path, archive),)
    if not part.settings and (differing := otherwise(experiment, settings)):  # settings of a part are said to differ
        of_another = expected.model_copy(update={"claims": {}})
        return Values(of_another, None, (*apart, _of_another(experiment, differing)))
    return replace(found, doubts=apart)


def _apart(path: Path, archive: Path) -> str:
    return (
        f"{path} and {archive.name} beside it are of different runs, as where `dst-bench accept` was ended between "
        f"the two; `dst-bench accept {path.stem}` writes both"
    )


def _of_another(experiment: Experiment, differing: list[str]) -> str:
    shown = ", ".join(differing[:MOST_SHOWN])
    more = f" and {len(differing) - MOST_SHOWN} more" if len(differing) > MOST_SHOWN else ""
    return (
        f"trained with {shown}{more}; the expected values are of another experiment with the name {experiment.name}, "
        "so give this one a name of its own"
    )
