"""Expected values: ``expected_results/<experiment>.yaml``, each cell with where its numbers came from."""

import datetime
import math
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, model_validator

from benchmark.experiments.cells import Cell, Value
from benchmark.experiments.experiment import Settings
from benchmark.system.files import write_atomically
from benchmark.system.yamlfile import read_yaml, validate
from benchmark.verdicts.claims import ClaimId, ClaimVerdict
from benchmark.verdicts.samples import Samples
from benchmark.verdicts.statistics.differences import Summary
from criteria.errors import InputError

HERE = Path("expected_results")
"""Where expected values are written, and looked for first: in the folder that a command runs in."""
RELEASED = tuple(Path(__file__).parents[level] / "expected_results" for level in (2, 1))
"""Where they are looked for next: in a source checkout, and in an installed distribution."""
MEASURED = "measured"
"""The source that ``dst-bench accept`` writes."""
DECIMALS = 4
"""Stored decimals of a percentage; one test image in a million changes the last one."""

Percent = Annotated[float, Field(ge=0, le=100)]


class Estimate(Settings, strict=True):
    """The metric of one cell in percent: what is compared, and every seed's value beside it."""

    mean: Percent
    std: Percent | None = None
    """Sample standard deviation over seeds (n - 1 in the denominator); None for one seed or where not printed."""
    n: int = Field(ge=1)
    """Number of seeds."""
    values: dict[Annotated[int, Field(ge=0)], Percent] = Field(default_factory=dict)
    """Seed → metric; may be left out where only mean and standard deviation were printed."""

    @model_validator(mode="after")
    def _one_seed_does_not_vary(self) -> "Estimate":
        if self.n == 1 and self.std is not None:
            raise ValueError(f"std must be left out for n = 1, one seed has none (found {self.std})")
        return self

    @classmethod
    def of(cls, values: Mapping[int, float]) -> "Estimate":
        """The estimate from every seed's value, rounded to what is stored."""
        n, mean = len(values), fmean(values.values())
        squares = math.fsum((value - mean) ** 2 for value in values.values())
        std = round(math.sqrt(squares / (n - 1)), DECIMALS) if n > 1 else None
        kept = {seed: round(float(values[seed]), DECIMALS) for seed in sorted(values)}
        return cls(mean=round(mean, DECIMALS), std=std, n=n, values=kept)

    @property
    def summary(self) -> Summary:
        """Mean, standard deviation and n alone."""
        return Summary(self.mean, self.std, self.n)


class Source(Settings):
    """Where numbers came from."""

    kind: Literal["measured", "authors_code", "published"]
    """Our own run; a run of the authors' released code; or printed somewhere."""
    reference: str | None = None
    """What to cite."""
    code: str | None = None
    """The code that ran: repository and commit."""
    version: str | None = None
    """Version of dst-bench."""
    torch: str | None = None
    device: str | None = None
    date: datetime.date | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> "Source":
        needed = {"measured": ["version", "torch", "device", "date"], "authors_code": ["code"]}
        lacking = [key for key in needed.get(self.kind, ["reference"]) if getattr(self, key) is None]
        if lacking:
            raise ValueError(f"a source of kind {self.kind} also needs: {', '.join(lacking)}")
        return self


class StoredCell(Settings, extra="allow"):
    """A cell and what each source says of it; every key beyond the cell's own is the name of a source."""

    criterion: str
    growth: str | None = None
    density: float
    extra: dict[str, Value] = Field(default_factory=dict)
    __pydantic_extra__: dict[str, Estimate]

    @model_validator(mode="before")
    @classmethod
    def _keys(cls, content: Any) -> Any:
        if isinstance(content, dict):  # what is no estimate of a source must be a key of the cell itself
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
    """What the paper's claims came out as with our own runs."""
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
        return self


def expected_file(experiment: str, folder: Path | None = None) -> Path:
    """The file of an experiment's expected values: in ``folder``, else here, else as they were released with dst-bench.

    Raises :class:`InputError` where there is none.
    """
    folders = [folder] if folder else [HERE, *RELEASED]
    for place in folders:
        if (path := place / f"{experiment}.yaml").is_file():
            return path
    places = ", ".join(map(str, folders))
    raise InputError(f"no expected values of {experiment!r} in {places}; `dst-bench accept {experiment}` stores some")


def read_expected(path: Path) -> Expected:
    """The expected values in a file named after its experiment; raises :class:`InputError` naming file and place."""
    expected = validate(Expected, read_yaml(path), str(path))
    if expected.experiment != path.stem:
        raise InputError(f"{path}: holds values of {expected.experiment!r}; a file is named after its experiment")
    return expected


def write_expected(expected: Expected, path: Path) -> None:
    """Write expected values by atomic rename: a line per key of a cell, so that a change shows as a changed line."""
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
    write_atomically(path, yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=math.inf))


def accept(
    samples: Samples,
    provenance: Source,
    path: Path,
    *,
    metric: str,
    tolerance: float,
    name: str = MEASURED,
    claims: Mapping[ClaimId, ClaimVerdict] | None = None,
) -> Expected:
    """Make ``samples`` all that the source ``name`` says in the experiment's file, and keep its other sources.

    Raises :class:`InputError`, and leaves the file as it is, where :func:`revised` refuses.
    """
    before = read_expected(path) if path.exists() else None
    expected = revised(
        before,
        samples,
        provenance,
        experiment=path.stem,
        metric=metric,
        tolerance=tolerance,
        name=name,
        claims=claims,
    )
    write_expected(expected, path)
    return expected


def revised(
    before: Expected | None,
    samples: Samples,
    provenance: Source,
    *,
    experiment: str,
    metric: str,
    tolerance: float,
    name: str = MEASURED,
    claims: Mapping[ClaimId, ClaimVerdict] | None = None,
) -> Expected:
    """Expected values in which ``samples`` are all that the source ``name`` says; other sources stay.

    So do the verdicts on claims, unless new ones are given.

    Raises :class:`InputError` without any sample, and where ``before`` is of another metric or has values of ``name``
    for cells that are not among ``samples``: what ``provenance`` says is not true of them, and they must not vanish
    unnoticed.
    """
    where = f"expected values of {experiment}"
    cells: dict[Cell, dict[str, Estimate]] = {cell: {name: estimate} for cell, estimate in estimates(samples).items()}
    if not cells:
        raise InputError(f"{where}: there is no result to store; run the experiment first")
    if before is not None:
        if before.metric != metric:
            raise InputError(f"{where}: they are {before.metric}, not {metric}; move their file away to start anew")
        lost = [stored.cell for stored in before.cells if name in stored.estimates and stored.cell not in cells]
        if lost:
            raise InputError(
                f"{where}: {len(lost)} of the cells that {name!r} has values of were not run, such as {lost[0]}; "
                "run them, or delete their values from the file"
            )
        for stored in before.cells:
            cells[stored.cell] = stored.estimates | cells.get(stored.cell, {})
    content = {
        "experiment": experiment,
        "metric": metric,
        "tolerance": tolerance,
        "sources": {**(before.sources if before else {}), name: provenance},
        "claims": before.claims if before and claims is None else claims or {},
        "cells": [cells[cell] | cell.to_mapping() for cell in sorted(cells)],
    }
    return validate(Expected, content, where)


def estimates(samples: Samples) -> dict[Cell, Estimate]:
    """The estimate of every cell that has run; raises :class:`InputError` for a metric that is not a percentage."""
    for cell, values in samples.items():
        for seed, value in values.items():
            if not 0 <= value <= 100:  # NaN too
                raise InputError(f"{cell}, seed {seed}: the metric must be between 0 and 100 percent, not {value}")
    return {cell: Estimate.of(values) for cell, values in samples.items() if values}


class _OneLine(dict[str, Any]):
    """A mapping to be written on one line."""


class _Dumper(yaml.SafeDumper):
    """PyYAML's safe dumper, which can also write a mapping on one line."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  (equal values are written out, not referred to)
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # Unquoted, PyYAML folds Unicode's own line breaks and does not read them back.
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(
    _OneLine, lambda dumper, data: dumper.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=True)
)
