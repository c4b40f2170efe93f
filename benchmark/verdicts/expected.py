"""Expected values: ``expected_results/<experiment>.yaml``, in which each number has its source."""

import datetime
import math
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any

import yaml
from pydantic import Field, model_validator

from benchmark.experiments.archive import archive_beside
from benchmark.experiments.cells import Cell, Value
from benchmark.experiments.setup import Settings
from benchmark.system.yamlfile import read_as_core_schema, read_yaml, validate
from benchmark.verdicts.claims import ClaimId, ClaimVerdict
from benchmark.verdicts.samples import Samples
from benchmark.verdicts.statistics.summary import Summary
from benchmark.verdicts.value_source import Source
from criteria.errors import InputError

HERE = Path("expected_results")
"""The folder in which expected values are written and first looked for, below the one that a command runs in."""
RELEASED = tuple(Path(__file__).parents[level] / "expected_results" for level in (2, 1))
"""The folders in which they are looked for next: of a source checkout, and of an installed distribution."""
MEASURED = "measured"
"""The source that ``dst-bench accept`` writes."""
DECIMALS = 4
"""Stored decimals of a percentage; one test image in a million changes the last one."""

Percent = Annotated[float, Field(ge=0, le=100)]


def as_stored(values: Mapping[int, float]) -> dict[int, float]:
    """Percentages by seed with the decimals that are stored, so that equal results are equal."""
    return {seed: round(float(value), DECIMALS) for seed, value in values.items()}


class Estimate(Settings, strict=True):
    """The metric of one cell in percent: mean, standard deviation and n, which are compared, and every seed's value."""

    mean: Percent
    std: Percent | None = None
    """Sample standard deviation over seeds (n - 1 in the denominator), or what the source says that its spreads are;
    None for one seed, or if it was not printed."""
    n: int = Field(ge=1)
    """Number of seeds."""
    values: dict[Annotated[int, Field(ge=0)], Percent] = Field(default_factory=dict)
    """Seed → metric; may be left out if only mean and standard deviation were printed."""
    digests: dict[Annotated[int, Field(ge=0)], str] = Field(default_factory=dict)
    """Seed → digest of the run's outcome (:func:`~benchmark.verdicts.outcome_digest.outcome_digest`)."""

    @model_validator(mode="after")
    def _one_seed_does_not_vary(self) -> "Estimate":
        if self.n == 1 and self.std is not None:
            raise ValueError(f"std must be left out for n = 1, one seed has none (found {self.std})")
        return self

    @classmethod
    def from_values(cls, values: Mapping[int, float], digests: Mapping[int, str] | None = None) -> "Estimate":
        """The estimate from every seed's value, rounded to the decimals that are stored, and from runs' digests."""
        n, mean = len(values), fmean(values.values())
        squares = math.fsum((value - mean) ** 2 for value in values.values())
        std = round(math.sqrt(squares / (n - 1)), DECIMALS) if n > 1 else None
        kept = dict(sorted(as_stored(values).items()))
        bits = {seed: digests[seed] for seed in sorted(values) if seed in digests} if digests else {}
        return cls(mean=round(mean, DECIMALS), std=std, n=n, values=kept, digests=bits)

    @property
    def summary(self) -> Summary:
        """Mean, standard deviation and n alone."""
        return Summary(self.mean, self.std, self.n)


class StoredCell(Settings, extra="allow"):
    """A cell with the estimate of each source; every key beyond the cell's own is the name of a source."""

    criterion: str
    growth: str | None = None
    density: float
    extra: dict[str, Value] = Field(default_factory=dict)
    __pydantic_extra__: dict[str, Estimate]

    @model_validator(mode="before")
    @classmethod
    def _keys(cls, content: Any) -> Any:
        if isinstance(content, dict):  # a key that does not hold the estimate of a source must be one of the cell's own
            Cell.from_mapping({k: v for k, v in content.items() if k == "extra" or not isinstance(v, dict | Estimate)})
        return content

    @cached_property
    def cell(self) -> Cell:
        """The cell."""
        return Cell(self.criterion, self.growth, self.density, tuple(self.extra.items()))

    @property
    def estimates(self) -> dict[str, Estimate]:
        """Source → estimate."""
        return self.__pydantic_extra__


class Expected(Settings):
    """Expected values of one experiment."""

    experiment: str
    metric: str
    tolerance: float = Field(gt=0)
    """Difference that counts as the same result, in percentage points."""
    sources: dict[str, Source] = Field(min_length=1)
    claims: dict[ClaimId, ClaimVerdict] = Field(default_factory=dict)
    """The verdict of our own runs on each claim, also on one that somebody has installed elsewhere."""
    cells: tuple[StoredCell, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> "Expected":
        for name in StoredCell.model_fields.keys() & self.sources:
            raise ValueError(f"sources: {name!r} is a key of every cell and cannot name a source")
        seen: set[Cell] = set()
        for number, stored in enumerate(self.cells):
            if stored.cell in seen:
                raise ValueError(f"cells.{number}: {stored.cell} is given twice")
            seen.add(stored.cell)
            if not stored.estimates:
                raise ValueError(f"cells.{number}: {stored.cell} has no estimate from any source")
            for name in stored.estimates:
                if name not in self.sources:
                    known = ", ".join(self.sources)
                    raise ValueError(f"cells.{number}: {name!r} is not among the sources, which are: {known}")
                if (n := self.sources[name].n) not in (None, stored.estimates[name].n):
                    raise ValueError(f"cells.{number}: source {name!r} says n: {n}, and {stored.cell} has another n")
        return self

    @cached_property
    def by_cell(self) -> dict[Cell, dict[str, Estimate]]:
        """Cell → source → estimate, every spread as the standard deviation of single runs."""
        return {
            stored.cell: {name: self._in_deviations(name, estimate) for name, estimate in stored.estimates.items()}
            for stored in self.cells
        }

    def _in_deviations(self, source: str, estimate: Estimate) -> Estimate:
        deviation = self.sources[source].standard_deviation(estimate.std, estimate.n)
        return estimate if deviation == estimate.std else estimate.model_copy(update={"std": deviation})


def expected_file(experiment: str, folder: Path | None = None, named: str = "") -> Path:
    """The file of an experiment's expected values: in ``folder`` if given, else in :data:`HERE`, else as released.

    Where the experiment is ``named`` by the path of its YAML file, a folder beside that comes after the one here.
    Raises :class:`InputError` if there is no such file.
    """
    folders = [folder] if folder else list(dict.fromkeys([HERE, Path(named).parent / HERE, *RELEASED]))
    for place in folders:
        if (path := place / f"{experiment}.yaml").is_file():
            return path
    places = ", ".join(map(str, folders))
    raise InputError(f"no expected values of {experiment!r} in {places}; `dst-bench accept` stores some")


def stored_archive(experiment: str, folder: Path | None = None, named: str = "") -> Path:
    """The archive of the results that an experiment's expected values were made of, found as :func:`expected_file`.

    Raises :class:`InputError` if there are no such values or no such archive.
    """
    path = archive_beside(expected_file(experiment, folder, named))
    if not path.is_file():
        raise InputError(f"{path}: there is no such archive of results; `dst-bench accept {experiment}` writes it")
    return path


def read_expected(path: Path) -> Expected:
    """The expected values in a file named after its experiment; raises :class:`InputError` naming file and place."""
    expected = validate(Expected, read_yaml(path), str(path))
    if expected.experiment != path.stem:
        raise InputError(f"{path}: holds values of {expected.experiment!r}; a file is named after its experiment")
    return expected


def expected_text(expected: Expected) -> str:
    """The text of a file of expected values: a line per key of a cell, so that a change shows as a changed line."""
    content = {
        "experiment": expected.experiment,
        "metric": expected.metric,
        "tolerance": expected.tolerance,
        "sources": {name: source.model_dump(exclude_none=True) for name, source in expected.sources.items()},
        **({"claims": expected.claims} if expected.claims else {}),
        "cells": [
            stored.cell.to_mapping()
            | {
                name: _OneLine(estimate.model_dump(exclude_defaults=True))
                for name, estimate in stored.estimates.items()
            }
            for stored in expected.cells
        ],
    }
    text: str = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=math.inf)
    return text


def estimates(samples: Samples, digests: Mapping[Cell, Mapping[int, str]] | None = None) -> dict[Cell, Estimate]:
    """The estimate of every cell that has run, with the digests of its runs if they are known.

    Raises :class:`InputError` for a metric that is not a percentage.
    """
    for cell, values in samples.items():
        for seed, value in values.items():
            if not 0 <= value <= 100:  # also refuses NaN
                raise InputError(f"{cell}, seed {seed}: the metric must be between 0 and 100 percent, not {value}")
    bits = digests or {}
    return {cell: Estimate.from_values(values, bits.get(cell)) for cell, values in samples.items() if values}


class _OneLine(dict[str, Any]):
    """A mapping to be written on one line."""


class _Dumper(yaml.SafeDumper):
    """PyYAML's safe dumper, which can also write a mapping on one line; it quotes texts that would read as numbers."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  (equal values are written out, not referred to)
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # Unquoted, PyYAML folds Unicode's own line breaks and does not read them back.
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


read_as_core_schema(_Dumper)
_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(datetime.date, lambda dumper, date: _represent_text(dumper, date.isoformat()))
_Dumper.add_representer(
    _OneLine, lambda dumper, data: dumper.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=True)
)
