"""Comparing runs with stored ones of the same seed bit for bit, where the same arithmetic computed both."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from benchmark.experiments.cells import Cell
from benchmark.verdicts.compared import StoredAndMeasured
from benchmark.verdicts.outcome_digest import unnamed_values
from benchmark.verdicts.value_source import Source
from benchmark.verdicts.verdict import Bits, DifferingRun

Digests: TypeAlias = Mapping[Cell, Mapping[int, str]]
"""Of the outcome of each run, by cell and seed."""
FIRST_ENGINE = "dense"
"""What computed the sources that name no engine: there was no other one."""


@dataclass(frozen=True)
class Arithmetic:
    """How a run was computed, beside the values of a source."""

    engine: str
    equal: bool | None
    """Whether it has to be equal bit for bit to the source's run with its seed; None where that is not known."""


UNKNOWN = Arithmetic("", equal=None)


def arithmetic(source: Source, engine: str, environment: Mapping[str, Any], changed: Sequence[str] = ()) -> Arithmetic:
    """How a run on an engine in an environment was computed, beside the values of a source.

    Another engine adds up in another order, and another torch, kind of device or processor may round otherwise: then a
    run need not be equal, though some are by chance. Where the source names several, which of them computed which run
    is not known. A source that does not name its processor is of an unknown machine: two of the same instruction set
    may round differently. With ``changed`` settings a run is another training, which need not be equal to any.
    """
    engines = (source.engine or FIRST_ENGINE).split(", ")
    named = {"torch": source.torch, "device": source.device, "cpu": source.cpu}
    if (
        changed
        or engine not in engines
        or any(unnamed_values(value, key, [environment]) for key, value in named.items())
    ):
        return Arithmetic(engine, equal=False)
    wanted = {**named, "python": source.python}
    alike = all(str(environment.get(key)) == value for key, value in wanted.items() if value is not None)
    return Arithmetic(engine, equal=True if alike and engines == [engine] and source.cpu is not None else None)


@dataclass(frozen=True)
class SameSeed:
    """A run and a stored one of the same cell and seed; their values in percent are rounded as stored ones are."""

    pair: StoredAndMeasured
    seed: int

    @property
    def stored(self) -> float:
        """The value that is stored."""
        return self.pair.expected.values[self.seed]

    @property
    def measured(self) -> float:
        """The value of the run."""
        return self.pair.measured.values[self.seed]

    @property
    def differs(self) -> bool:
        """Whether the values are not the same."""
        return self.stored != self.measured


def bits(
    source: str,
    pairs: Sequence[StoredAndMeasured],
    digests: Digests,
    computed: Mapping[tuple[Cell, int], Arithmetic],
) -> Bits | None:
    """The runs that differ from a source although their seed and arithmetic are the same; None if no arithmetic is.

    ``computed`` says how each run was computed, by its cell and seed; where that is not known, and most of those on an
    engine are equal, all of them have to be.
    """
    kinds: dict[Arithmetic, list[SameSeed]] = defaultdict(list)
    for each in (SameSeed(pair, seed) for pair in pairs for seed in pair.common):
        kinds[computed.get((each.pair.cell, each.seed), UNKNOWN)].append(each)
    runs, differing = 0, []
    for how, some in kinds.items():
        changed = [each for each in some if each.differs or _other_digest(each, digests)]
        # Where it is not known what computed a source, this is a guess: another machine's rounding changes most runs,
        # because a training is chaotic, and two different trainings are seldom equal to all stored decimals.
        if how.equal or (how.equal is None and 2 * len(changed) <= len(some)):
            runs += len(some)
            differing += [DifferingRun(each.pair.cell, each.seed, each.stored, each.measured) for each in changed]
    return Bits(source, runs, tuple(differing)) if runs else None


def _other_digest(each: SameSeed, digests: Digests) -> bool:
    """Whether both sides have a digest of the run, and these differ."""
    before, now = each.pair.expected.digests.get(each.seed), digests.get(each.pair.cell, {}).get(each.seed)
    return bool(before and now and before != now)
