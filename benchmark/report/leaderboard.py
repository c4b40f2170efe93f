"""The leaderboard: every method of an experiment at every density, with its accuracy, its rank and what it costs.

A method is a criterion with a growth and the settings that vary, or a baseline. Only results make a row, because stored
values have no cost; a method without a result is named as missing, and one that leaves a layer without weights as such.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from scipy import special

from benchmark.experiments.cells import Cell
from benchmark.experiments.results import Result
from benchmark.report.numbers import SHORT
from benchmark.report.references import baselines_at
from benchmark.report.tables import DIVERGED_MARK, MARK, METRICS
from benchmark.system.markdown import escaped, table
from benchmark.system.quantity import quantity
from benchmark.verdicts.standing import StandingRow, standing
from benchmark.verdicts.statistics.confidence import CONFIDENCE
from benchmark.verdicts.study import Study

READING = (
    "Rank: of the mean among the methods of one density that have all seeds, with its 95% interval; a dense network "
    "stands beside them without one. Accuracy: mean over seeds in percent, with the 95% interval of that mean "
    "(Student's t). FLOPs: of a whole training and of one example at its end, if zeros cost nothing; the share of the "
    "dense network's in brackets. Seconds: of a fleet, divided by its networks, on each engine that trained some."
)
TOGETHER = "all"
"""Stands for every growth where methods are ranked whatever their growth is."""


@dataclass(frozen=True)
class Entry:
    """A method at one density."""

    cell: Cell
    values: Mapping[int, float]
    """Seed → accuracy in percent."""
    rank: StandingRow | None
    """Its place among the methods of its density; None for a dense network, where it lacks a seed that ranks are of,
    or is alone."""
    flops: tuple[float, float, float, float] | None
    """Of training and of inference, each with its share of the dense network's; None where nothing was measured."""
    seconds: Mapping[str, float]
    """Engine → seconds of one run."""
    emptied: Mapping[str, int]
    """Layer → runs that end without any weight in it (layer collapse); other layers are left out."""
    diverged: int
    """Runs that diverged; they count with the accuracy that they have."""
    unproven: int
    """Runs that were trained with ``--no-contract``."""

    @property
    def marks(self) -> str:
        """The marks that its name has in tables, which :func:`notes` explain."""
        return MARK * (self.unproven > 0) + DIVERGED_MARK * (self.diverged > 0)

    @property
    def mean(self) -> float:
        """Mean accuracy in percent."""
        return fmean(self.values.values())

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95% interval of the mean in percent, cut at what an accuracy can be; None for one seed."""
        n = len(self.values)
        if n < 2:
            return None
        reach = float(special.stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * stdev(self.values.values()) / math.sqrt(n)
        return max(0.0, self.mean - reach), min(100.0, self.mean + reach)


@dataclass(frozen=True)
class Board:
    """The entries of one density, best first, and the methods of it that have no result."""

    density: float
    entries: Sequence[Entry]
    missing: Sequence[str]
    seeds: Sequence[int] = ()
    """Those that ranks are of."""

    @property
    def methods(self) -> Sequence[Entry]:
        """The entries that can have a rank, with or without the seeds for it."""
        return [entry for entry in self.entries if entry.cell.density == self.density]


def boards(study: Study) -> list[Board]:
    """A board for each density that methods have results at; a dense network is on each of them."""
    found = []
    for density in sorted({cell.density for cell in study.cells} - {1.0}):
        cells = [cell for cell in study.cells if cell.density == density]
        there = [cell for cell in cells if cell in study.by_cell]
        dense = [cell for cell in baselines_at(study.cells, density) if cell.density == 1 and cell in study.by_cell]
        samples = {cell: study.samples[cell] for cell in there}
        seeds = _compared_seeds(samples.values())
        ranks = _ranks(samples, seeds)
        entries = [_entry(cell, study, ranks.get(cell)) for cell in (*there, *dense)]
        if there:
            entries.sort(key=lambda entry: (-entry.mean, entry.cell))
            missing = [cell.label for cell in cells if cell not in study.by_cell]
            found.append(Board(density, entries, missing, seeds))
    return found


def _compared_seeds(samples: Collection[Mapping[int, float]]) -> list[int]:
    """The seeds of one of the methods with which most runs can be compared: those of the methods that have them all.

    So a method with more seeds than the others, or with fewer, takes the rank from none of them.
    """

    def runs(seeds: frozenset[int]) -> int:
        having = sum(seeds <= values.keys() for values in samples)
        return len(seeds) * having if having > 1 else 0

    asked = {frozenset(values) for values in samples}
    return sorted(max(asked, key=lambda seeds: (runs(seeds), len(seeds), sorted(seeds)), default=()))


def _ranks(samples: Mapping[Cell, Mapping[int, float]], seeds: Sequence[int]) -> dict[Cell, StandingRow]:
    """The standing with these seeds of the cells that have them all, whatever their growth, by cell."""
    full = {
        cell: {seed: values[seed] for seed in seeds} for cell, values in samples.items() if set(seeds) <= values.keys()
    }
    if len(full) < 2:
        return {}
    together = {Cell(cell.label, TOGETHER, cell.density): values for cell, values in full.items()}
    found = standing(together, reference=min(each.criterion for each in together))
    by_label = {row.criterion: row for row in found.rows if row.density is not None}
    return {cell: by_label[cell.label] for cell in full}


def _entry(cell: Cell, study: Study, rank: StandingRow | None) -> Entry:
    results = study.by_cell[cell]
    seconds: dict[str, list[float]] = {}
    for result in results:
        seconds.setdefault(str(result.settings["engine"]), []).append(
            result.time.fleet_seconds / result.time.fleet_size
        )
    return Entry(
        cell,
        study.samples[cell],
        rank,
        _flops(results),
        {engine: fmean(each) for engine, each in seconds.items()},
        Counter(name for result in results for name, density in result.outcome.density.items() if density == 0),
        sum(result.outcome.diverged for result in results),
        sum(result.contract_skipped for result in results),
    )


def _flops(results: Sequence[Result]) -> tuple[float, float, float, float] | None:
    flops = [result.outcome.measured.flops for result in results if result.outcome.measured is not None]
    if not flops:
        return None
    return (
        fmean(each.training for each in flops),
        fmean(each.training / each.training_dense for each in flops),
        fmean(each.inference for each in flops),
        fmean(each.inference / each.inference_dense for each in flops),
    )


def engines(found: Sequence[Board]) -> list[str]:
    """The engines that trained something on the boards."""
    return sorted({engine for board in found for entry in board.entries for engine in entry.seconds})


def headers(trained_on: Sequence[str]) -> list[str]:
    """The columns of a board."""
    seconds = [f"seconds, {engine}" for engine in trained_on]
    return ["method", "rank", "accuracy", "95% interval", "training FLOPs", "inference FLOPs", *seconds, "seeds"]


def texts(entry: Entry, trained_on: Sequence[str]) -> list[str]:
    """An entry under :func:`headers`."""
    row, interval, flops = entry.rank, entry.interval, entry.flops
    rank = "–" if row is None else f"{row.rank:g}"
    if row is not None and row.rank_low is not None:
        rank += f" ({row.rank_low}–{row.rank_high})"
    return [
        entry.cell.label + entry.marks,
        rank,
        f"{entry.mean:.2f}",
        "–" if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}",
        *(["–", "–"] if flops is None else [f"{SHORT(flops[i])} ({flops[i + 1]:.3f})" for i in (0, 2)]),
        *(f"{entry.seconds[engine]:.1f}" if engine in entry.seconds else "–" for engine in trained_on),
        str(len(entry.values)),
    ]


def notes(board: Board) -> list[str]:
    """What to know of a board, in sentences: what has no result or empties a layer, and what the marks mean."""
    found = [f"{len(board.missing)} without a result: {', '.join(board.missing)}."] if board.missing else []
    found += _uneven(board)
    for entry in board.entries:
        of = f"of {quantity(len(entry.values), 'run')}"
        layers = ", ".join(f"{name} (in {count} {of})" for name, count in entry.emptied.items())
        found += [f"Layer collapse: {entry.cell.label} leaves no weight in {layers}."] if layers else []
    if unproven := _counted(board, lambda entry: entry.unproven):
        shows = "Nothing shows that such a criterion keeps the contract."
        found.append(f"{MARK} Trained with --no-contract: {unproven}. {shows}")
    if diverged := _counted(board, lambda entry: entry.diverged):
        found.append(f"{DIVERGED_MARK} Diverged: {diverged}. These are no results of a training that worked.")
    return found


def _uneven(board: Board) -> list[str]:
    """What ranks are of, where methods do not all have the same seeds; nothing where they have."""
    seeds = set(board.seeds)
    more = [entry.cell.label for entry in board.methods if seeds < entry.values.keys()]
    without = [entry.cell.label for entry in board.methods if not seeds <= entry.values.keys()]
    if not more and not without:
        return []
    if all(entry.rank is None for entry in board.methods):
        return ["No method has a rank, since no other has all of its seeds."]
    parts = [
        f"Methods have different seeds, and ranks are of {', '.join(map(str, board.seeds))}, which compare most runs"
    ]
    parts += [f"the accuracy of {', '.join(more)} is of more seeds than that"] if more else []
    parts += [f"{', '.join(without)} lack{'s' * (len(without) == 1)} some, and so a rank"] if without else []
    return ["; ".join(parts) + "."]


def _counted(board: Board, count: Callable[[Entry], int]) -> str:
    """The methods of which some runs are counted, each with how many of how many."""
    counts = [(each.cell.label, count(each), len(each.values)) for each in board.entries]
    return ", ".join(f"{label} ({n} of {quantity(runs, 'run')})" for label, n, runs in counts if n)


def machines(study: Study) -> str:
    """What the seconds are of."""
    found = {str(result.environment.get("cpu") or result.environment["device"]) for _, result in study.results}
    return f"Seconds are of: {'; '.join(sorted(found))}."


def markdown(study: Study, found: Sequence[Board]) -> str:
    """The boards of a study as Markdown, with how to read them."""
    trained_on = engines(found)
    runs = quantity(len(study.cells) * len(study.experiment.axes.seeds), "run")
    parts = [
        f"**{escaped(study.experiment.title)}** (`{study.experiment.name}`): {len(study.results)} of {runs}; "
        f"accuracy is the {METRICS[study.experiment.metric]}.",
        f"{READING} {escaped(machines(study))}",
    ]
    for board in found:
        rows = [texts(entry, trained_on) for entry in board.entries]
        right = ("left", *["right"] * (len(headers(trained_on)) - 1))
        parts += [
            f"#### Density {board.density:g}",
            table(headers(trained_on), rows, right),
            *map(escaped, notes(board)),
        ]
    return "\n\n".join(parts) + "\n"
