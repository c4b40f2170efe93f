"""Where each criterion stands among the others: its lead over a reference, its rank, and how sure either is.

A setting is what criteria that are compared share: a growth, a density and further axes. Criteria are compared within a
setting over the seeds that all of them have, since runs with one seed share initial weights and batch order. With one
seed only means are given, with two also differences, from three on probabilities. :mod:`benchmark.verdicts.calibration`
shows in simulated worlds that intervals cover and that probabilities mean what they say.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from types import MappingProxyType

import numpy as np

from benchmark.verdicts.contenders import (
    Contenders,
    Extra,
    Setting,
    Unranked,
    averages,
    common_seeds,
    comparable,
    densities,
    over_densities,
    over_experiments,
    panel,
    settings,
    unranked,
)
from benchmark.verdicts.limits import CHANCE, MARGIN
from benchmark.verdicts.remarks import Noted
from benchmark.verdicts.samples import Samples, grain
from benchmark.verdicts.statistics.arrays import Array
from benchmark.verdicts.statistics.confidence import CONFIDENCE
from benchmark.verdicts.statistics.places import FEWEST_FOR_PROBABILITIES, Places, places
from benchmark.verdicts.statistics.seeds_needed import seeds_needed
from benchmark.verdicts.statistics.unstable import unstable
from criteria.errors import InputError

REFERENCE = "magnitude"
NOTHING = Noted()
COLLAPSES = "some seeds collapse and others do not, so a mean and its interval say little"


@dataclass(frozen=True)
class StandingRow:
    """One criterion in one setting, in percentage points; None where there are too few seeds to say something."""

    growth: str | None
    density: float | None
    """None: over all densities, each seed's results averaged first."""
    extra: Extra
    criterion: str
    n: int
    """Seeds that all criteria of the setting have; over several experiments, experiments that they have."""
    mean: float
    difference: float | None
    """Mean minus the reference's; and its interval."""
    low: float | None
    high: float | None
    p_holm: float | None
    """Of no difference, corrected for the other criteria of the setting."""
    p_improves: float | None
    """Probability that the true mean is above the reference's."""
    p_equivalent: float | None
    """Probability that the true means are within the margin of each other."""
    rank: float
    """Of the mean, 1 is the highest."""
    contenders: int
    """Criteria of the setting."""
    rank_low: int | None
    rank_high: int | None
    p_best: float | None
    """Probability that the true mean is the highest of the setting."""
    dof: float | None
    """Degrees of freedom of the interval; above n - 1 by what other settings say of the spread."""
    seeds_needed: int | None
    """With which the interval would exclude zero or lie inside the margin, four times in five, if the difference and
    the spread are as measured; n where it does already, None where it is not known or above a thousand."""
    flags: tuple[str, ...]
    """What a reader must know beside the numbers."""

    @property
    def setting(self) -> Setting:
        """Where it was compared with the others."""
        return Setting(self.growth, self.density, self.extra)


@dataclass(frozen=True)
class Standing:
    """Where criteria stand, by setting; within one in the order of their means, best first."""

    reference: str
    margin: float
    confidence: float
    experiments: tuple[str, ...]
    rows: tuple[StandingRow, ...]
    unranked: tuple[Unranked, ...] = ()
    """What has results and no row, because there is nothing to compare it with."""
    left_out: tuple[str, ...] = ()
    """Criteria that have no row over several experiments, because one of these lacks them in some setting."""


def standing(
    samples: Samples,
    *,
    reference: str = REFERENCE,
    margin: float = MARGIN,
    noted: Noted = NOTHING,
    experiment: str = "",
    chance: float = CHANCE,
) -> Standing:
    """Where the criteria of one experiment stand in each setting, and over all densities of each growth.

    The runs that are ``noted`` count with the accuracy that they have and are named in the flags; ``chance`` is the
    accuracy of a constant answer. Baselines, which have no growth, are not compared. Raises :class:`InputError` where
    no setting has two criteria or more with a seed in common, or the reference has not been run.
    """
    single = settings(samples)
    criteria = sorted({name for contenders in single.values() for name in contenders})
    if reference not in criteria:
        if not criteria:
            raise InputError("standing: no criterion has a result with a growth here; ask for what has run, or run it")
        have = ", ".join(criteria)
        raise InputError(
            f"standing: the reference {reference!r} has no result with a growth; criteria that have: {have}"
        )
    step = grain(samples)
    groups = [comparable(single), comparable(over_densities(single))]
    if not groups[0]:
        raise InputError("standing: no setting has criteria that share a seed, all of them; run the same seeds")
    grains = [[step] * len(groups[0]), [step / math.sqrt(densities(single, each)) for each in groups[1]]]
    found = places(panel(groups, criteria), _padded(grains), criteria.index(reference), margin)
    asked = _Question(reference, margin, criteria, noted.flags, chance=chance)
    rows = [
        row
        for family, group in enumerate(groups)
        for index, (setting, contenders) in enumerate(group.items())
        for row in _rows(_at(found, family, index), setting, contenders, asked)
    ]
    named = (experiment,) if experiment else ()
    return Standing(reference, margin, CONFIDENCE, named, tuple(sorted(rows, key=_order)), unranked(single))


def standing_over(
    experiments: Mapping[str, Samples],
    *,
    reference: str = REFERENCE,
    margin: float = MARGIN,
    noted: Mapping[str, Noted] = MappingProxyType({}),
) -> Standing:
    """Where criteria stand over several experiments, of which each counts as one draw (a random effect).

    A criterion's result in an experiment is its mean over all densities, further axes and seeds, for each growth that
    all experiments have and over both. How much a lead varies from one experiment to the next, noise of seeds included,
    is what the interval is made of, so it speaks of experiments like these, and ``n`` counts experiments. Criteria that
    an experiment lacks in one of its settings are left out; runs that are ``noted`` in one are named in the flags.
    Raises :class:`InputError` for fewer than two experiments, or where the reference and another criterion are not in
    all of them.
    """
    if len(experiments) < 2:
        raise InputError("a standing over experiments needs at least two of them")
    found_averages = [averages(samples) for samples in experiments.values()]
    shared = over_experiments(found_averages)
    blocks = {setting: each for setting, each in shared.items() if reference in each and len(each) > 1}
    if not blocks:
        raise InputError(f"{reference!r} and another criterion must have run, with the same growth, in all experiments")
    criteria = sorted({name for each in blocks.values() for name in each})
    # Each growth is a family of its own: the same experiments over again say nothing new of the spread.
    groups = [{setting: each} for setting, each in blocks.items()]
    # Two coarse experiments whose leads happen to be equal would otherwise be certain of it.
    grains = [[math.sqrt(fmean(each[setting].step ** 2 for each in found_averages))] for setting in blocks]
    found = places(panel(groups, criteria), np.array(grains), criteria.index(reference), margin)
    asked = _Question(reference, margin, criteria, partial(_noted_over, noted), "experiment")
    rows = [
        row
        for family, (setting, contenders) in enumerate(blocks.items())
        for row in _rows(_at(found, family, 0), setting, contenders, asked)
    ]
    ordered = tuple(sorted(rows, key=_order))
    left_out = tuple(sorted({name for samples in experiments.values() for name in _ran(samples)}.difference(criteria)))
    return Standing(reference, margin, CONFIDENCE, tuple(experiments), ordered, left_out=left_out)


def _ran(samples: Samples) -> set[str]:
    """The criteria that have a result with a growth."""
    return {cell.criterion for cell, values in samples.items() if cell.growth is not None and values}


def _padded(rows: Sequence[Sequence[float]]) -> Array:
    width = max(map(len, rows))
    return np.array([[*row, *[0.0] * (width - len(row))] for row in rows])


def _noted_over(noted: Mapping[str, Noted], setting: Setting, criterion: str, _: int) -> list[str]:
    flags = {experiment: each.flags_of_all(setting.growth, criterion) for experiment, each in noted.items()}
    return [f"{experiment}: {flag}" for experiment, own in flags.items() for flag in own]


@dataclass(frozen=True)
class _Question:
    """What the rows of one standing have in common."""

    reference: str
    margin: float
    criteria: Sequence[str]
    noted: Callable[[Setting, str, int], list[str]]
    """The remarks on the runs of a criterion in a setting, where it has so many seeds or experiments."""
    paired: str = "seed"
    """What the contenders have in common, of which there are ``n``."""
    chance: float = CHANCE
    """Accuracy of a constant answer."""


def _rows(
    found: Mapping[str, Array], setting: Setting, contenders: Contenders, asked: _Question
) -> Iterable[StandingRow]:
    """The rows of one setting, of which ``found`` has the fields of :class:`Places`, each [criteria]."""
    n = len(common_seeds(contenders))
    collapsing = _collapsing(contenders, asked.chance) if setting.density is not None else ()
    needed = seeds_needed(found["difference"], found["error"], found["dof"], found["n"], asked.margin, CONFIDENCE)
    for name in contenders:
        index = asked.criteria.index(name)
        known = {key: _known(values[index]) for key, values in found.items()}
        if n == 1:
            known |= dict.fromkeys(("difference", "low", "high", "p_holm"))
        ranks = [known[key] if n >= FEWEST_FOR_PROBABILITIES else None for key in ("rank_low", "rank_high")]
        seeds = _known(needed[index])
        yield StandingRow(
            growth=setting.growth,
            density=setting.density,
            extra=setting.extra,
            criterion=name,
            n=n,
            mean=float(found["mean"][index]),
            difference=known["difference"],
            low=known["low"],
            high=known["high"],
            p_holm=known["p_holm"],
            p_improves=known["p_improves"],
            p_equivalent=known["p_equivalent"],
            rank=float(found["rank"][index]),
            contenders=len(contenders),
            rank_low=None if ranks[0] is None else int(ranks[0]),
            rank_high=None if ranks[1] is None else int(ranks[1]),
            p_best=known["p_best"],
            dof=known["dof"],
            seeds_needed=None if seeds is None else int(seeds),
            flags=((COLLAPSES,) if name in collapsing else ()) + _flags(contenders, name, n, asked, setting),
        )


def _collapsing(contenders: Contenders, chance: float) -> list[str]:
    """The criteria of which some seeds collapse and others do not, as a check finds them."""
    seeds = sorted({seed for values in contenders.values() for seed in values})
    values = np.array([[each.get(seed, np.nan) for seed in seeds] for each in contenders.values()])
    shaky = unstable(values, np.full((len(contenders), 1), np.nan), chance)
    return [name for name, found in zip(contenders, shaky, strict=True) if found]


def _flags(contenders: Contenders, name: str, n: int, asked: _Question, setting: Setting) -> tuple[str, ...]:
    flags = asked.noted(setting, name, len(contenders[name]))
    if n < FEWEST_FOR_PROBABILITIES:
        one, two = f"one {asked.paired}: no spread is known", f"two {asked.paired}s: too few for probabilities"
        flags.append(one if n == 1 else two)
    if (own := len(contenders[name])) > n:
        flags.append(f"{own - n} of its {own} {asked.paired}s are not used, because another criterion lacks them")
    if asked.reference not in contenders:
        where = "here" if setting.density is not None else "at each of these densities"
        flags.append(f"{asked.reference} has not been run {where}")
    return tuple(flags)


def _at(found: Places, family: int, index: int) -> dict[str, Array]:
    return {name: getattr(found, name)[family, index] for name in Places.__dataclass_fields__}


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _order(row: StandingRow) -> tuple[object, ...]:
    extra = tuple((name, isinstance(value, str), value) for name, value in row.extra)
    return (
        row.growth is None,
        row.growth or "",
        extra,
        row.density is None,
        row.density or 0.0,
        -row.mean,
        row.criterion,
    )
