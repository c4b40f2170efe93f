"""What a check can find: the verdict on each cell, on each criterion over all its cells, and on a whole experiment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from benchmark.experiments.cells import Cell
from benchmark.verdicts.claims import ClaimOutcome
from benchmark.verdicts.claims.changes import ClaimChange
from benchmark.verdicts.compared import Depth, Kind
from benchmark.verdicts.standing import Standing
from benchmark.verdicts.statistics.summary import Summary

Verdict: TypeAlias = Literal[
    "deviates", "missing", "inconclusive", "unstable", "unexpected", "consistent", "reproduced", "new"
]
"""From worst to best; :data:`MEANINGS` explains each of them."""
MEANINGS: dict[Verdict, str] = {
    "reproduced": "the whole interval of the difference is inside the tolerance, or every seed gave its stored value",
    "consistent": "the difference is inside the tolerance, but its interval is wider: more seeds would tell",
    "new": "a criterion of which this experiment stores no value; its standing says how it compares with the others",
    "unexpected": "the cell has been run, but no value is stored",
    "unstable": "some seeds of the cell collapse and others do not, so a difference of means says nothing",
    "inconclusive": "the difference is outside the tolerance, perhaps by chance",
    "missing": "a value is stored, but the cell has not been run",
    "deviates": (
        "the difference is outside the tolerance, and not by chance, or from a stored mean that its own seeds' values "
        "contradict; or a run that must be equal bit for bit is not"
    ),
}
"""The meaning of every verdict, best first."""


@dataclass(frozen=True)
class CheckRow:
    """One cell against one source. Difference and interval are measured minus expected, in percentage points."""

    cell: Cell
    source: str | None
    expected: Summary | None
    measured: Summary | None
    verdict: Verdict
    difference: float | None = None
    interval: tuple[float, float] | None = None
    p: float | None = None
    p_adjusted: float | None = None
    """The p-value after Holm's correction over the experiment, which compares with ``FAMILY_LEVEL`` of the check."""


@dataclass(frozen=True)
class Shift:
    """A change of several cells together against one source, in percentage points.

    A criterion is compared with the other cells, so its ``difference`` is by how much more it moved than they did.
    """

    kind: Kind
    name: str
    source: str
    cells: int
    difference: float
    interval: tuple[float, float] | None
    p: float
    p_adjusted: float = 1.0
    deviates: bool = False

    @property
    def words(self) -> str:
        """What was compared, such as ``snip, all its 6 cells, against the others``."""
        if self.kind == "criterion":
            return f"{self.name}, all its {self.cells} cells, against the others"
        return self.name


@dataclass(frozen=True)
class DifferingRun:
    """A run that should be equal to a stored one and is not; values in percent, equal ones differ in their digest."""

    cell: Cell
    seed: int
    stored: float
    measured: float


@dataclass(frozen=True)
class Bits:
    """The runs with a stored seed whose bits a source has, and which of them differ."""

    source: str
    runs: int
    differing: tuple[DifferingRun, ...]


@dataclass(frozen=True)
class CheckOutcome:
    """What a check found in one experiment."""

    experiment: str
    metric: str
    tolerance: float
    rows: tuple[CheckRow, ...]
    shifts: tuple[Shift, ...]
    claims: tuple[ClaimOutcome, ...]
    changes: tuple[ClaimChange, ...]
    warnings: tuple[str, ...]
    bits: tuple[Bits, ...] = ()
    depths: Mapping[str, Depth] = field(default_factory=dict)
    """How sharp the comparison with each source is."""
    newcomers: Standing | None = None
    """Where the criteria stand of which no value is stored, among all that is known; None if there are none."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """What is known of each source that is not our own, in one line."""
    missing_runs: tuple[tuple[Cell, int], ...] = ()
    """The runs without a result whose value is stored, by cell and seed, in cells that have other results."""

    @property
    def overall(self) -> Verdict:
        """The worst verdict of all cells and criteria, and of claims whose verdict is not the stored one."""
        found = {row.verdict for row in self.rows} | {"deviates" for shift in self.shifts if shift.deviates}
        found |= {"deviates" if change.deviates else "inconclusive" for change in self.changes}
        return next(verdict for verdict in get_args(Verdict) if verdict in found)

    def exit_status(self, *, strict: bool = False) -> int:
        """1 if something deviates, otherwise 0.

        With ``strict`` it is 1, too, if something is missing, be it one run, or inconclusive, or if nothing of what
        should have been compared was.
        """
        if not strict:
            return int(self.overall == "deviates")
        old = [row for row in self.rows if row.verdict != "new"]
        nothing = bool(old) and all(row.expected is None or row.measured is None for row in old)
        return int(self.overall in ("deviates", "missing", "inconclusive") or bool(self.missing_runs) or nothing)
