"""Putting a leaderboard into a page of Markdown that people write the rest of."""

from pathlib import Path

from benchmark.report.figures.leaderboard import leaderboard_plot
from benchmark.report.figures.look import png
from benchmark.report.leaderboard import boards, markdown
from benchmark.report.marks import between_marks
from benchmark.system.files import read_text, write_atomically
from benchmark.verdicts.study import Study
from criteria.errors import InputError


def write_leaderboard(path: Path, study: Study) -> list[Path]:
    """Write the leaderboard between the marks of its experiment in ``path``, or at its end; returns what was written.

    The figure is written beside it. What else the file has stays. Raises :class:`InputError` for a file that has the
    first mark and not the second, and for a study with no method below density 1.
    """
    name, found = study.experiment.name, boards(study)
    if not found:
        raise InputError(f"{name}: no method has a result at a density below 1, so there is no leaderboard")
    written = [path]
    block = markdown(study, found)
    plot = leaderboard_plot(found)
    if plot is not None:
        figure = path.with_name(f"{name}-leaderboard.png")
        write_atomically(figure, png(plot))
        written.append(figure)
        block = f"![{plot.title}]({figure.name})\n\n{plot.caption}\n\n{block}"
    before = read_text(path) if path.exists() else f"# Leaderboard\n\n{_first(name)}\n{_last(name)}\n"
    if _first(name) not in before:
        before = f"{before.rstrip()}\n\n{_first(name)}\n{_last(name)}\n"
    write_atomically(path, between_marks(before, _first(name), _last(name), block, path))
    return written


def _first(name: str) -> str:
    return f"<!-- leaderboard of {name}: written by `dst-bench rank {name} --leaderboard` -->"


def _last(name: str) -> str:
    return f"<!-- end of the leaderboard of {name} -->"
