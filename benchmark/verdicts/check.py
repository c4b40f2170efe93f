"""Judging measured cells against expected values: each cell alone, contrasts between cells, and many cells together.

A check is as sharp as its seeds allow (:data:`~benchmark.verdicts.compared.DEPTHS`). Where a source has the same seeds
and the same arithmetic every run must be equal bit for bit. Else each seed is compared with itself, or, for other
seeds, means with means. Everything that chance may move is one family: an honest rerun fails a whole experiment less
than one time in a hundred, whatever the seeds have in common (``python -m benchmark.verdicts.calibration`` shows it).
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from benchmark.experiments.cells import Cell
from benchmark.system.quantity import quantity
from benchmark.verdicts.bit_for_bit import Arithmetic, Digests, arithmetic, bits
from benchmark.verdicts.claims import Judged, judge_claims
from benchmark.verdicts.claims.changes import claim_changes, not_installed
from benchmark.verdicts.compared import Compared, Depth, Kind, StoredAndMeasured, compare, is_edited
from benchmark.verdicts.expected import MEASURED, Estimate, Expected, estimates
from benchmark.verdicts.limits import CHANCE
from benchmark.verdicts.newcomers import newcomers_standing
from benchmark.verdicts.outcome_digest import digests_of, unnamed_values
from benchmark.verdicts.samples import Samples, capped_grain
from benchmark.verdicts.statistics.multiplicity import holm
from benchmark.verdicts.study import Study
from benchmark.verdicts.value_source import EPOCHS
from benchmark.verdicts.verdict import Bits, CheckOutcome, CheckRow, Shift, Verdict
from criteria.errors import InputError

FAMILY_LEVEL = 0.01
"""How often an honest rerun may fail a whole experiment."""
SHARES: Mapping[str, float] = {"cell": 0.32, "criterion": 0.12, "contrast": 0.16, "together": 0.15, "collapse": 0.25}
"""The part of the level that each kind of comparison has. They are families of their own, because in one family the few
criteria would pay for the many cells. Most experiments have no cell that collapses, and the last share is then kept in
reserve for what seeds have in common."""
TOGETHER = 1 / 3
"""The part of the tolerance that the mean over all cells may move: what one cell may do, not all of them do."""


def check_study(study: Study) -> CheckOutcome:
    """The check of an experiment's results against its expected values.

    Runs that are missing are named in the warnings, and so are runs that diverged and cells that were trained without
    the contract, because nothing shows that their criterion keeps it. Raises :class:`InputError` if the study has no
    expected values or no result.
    """
    if study.expected is None:
        raise InputError(f"{study.experiment.name}: there are no expected values to check against")
    outcome = check(
        study.samples,
        study.expected,
        computed={
            name: {
                (run.cell, run.seed): arithmetic(source, run.setup.engine, result.environment, study.changed)
                for run, result in study.results
            }
            for name, source in study.expected.sources.items()
        },
        digests=digests_of(study.results),
        chance=study.chance,
        newcomers=study.newcomers,
    )
    diverged = [f"{cell}: the run with seed {seed} diverged" for cell, seed in study.diverged]
    told = (*_missing(study), *_trained_otherwise(study, study.expected))
    warnings = (*told, *outcome.warnings, *study.proofless, *diverged)
    return replace(outcome, warnings=warnings, newcomers=newcomers_standing(study), missing_runs=tuple(study.missing))


def _missing(study: Study) -> Iterator[str]:
    """The runs that are missing, of those of the cells that have a result."""
    if study.missing:
        (cell, seed), *others = study.missing
        total = sum(map(len, study.by_cell.values())) + len(study.missing)
        have = "have no result, such as" if others else "has no result:"
        yield f"{1 + len(others)} of {quantity(total, 'run')} {have} {cell}, seed {seed}"


def _trained_otherwise(study: Study, expected: Expected) -> Iterator[str]:
    """In what the results differ from what the expected values are of, beside the code and the machine."""
    yield from study.doubts
    if study.changed:
        changed = ", ".join(study.changed)
        yield f"trained with {changed}; the expected values are those of the experiment as written"
    if expected.tolerance != study.experiment.tolerance:
        yield (
            f"the tolerance of the expected values, {quantity(expected.tolerance, 'point')}, is not the experiment's, "
            f"{study.experiment.tolerance:g}; compared is by the former"
        )
    environments = [result.environment for _, result in study.results]
    for name, source in expected.sources.items():
        if data := unnamed_values(source.data, "data", environments):
            yield f"trained on other data (digest {', '.join(data)}) than the {name} values ({source.data})"


# long because it lists every judgement of a check in the order in which they are made
def check(
    samples: Samples,
    expected: Expected,
    *,
    computed: Mapping[str, Mapping[tuple[Cell, int], Arithmetic]] | None = None,
    digests: Digests | None = None,
    chance: float = CHANCE,
    newcomers: Collection[str] = (),
) -> CheckOutcome:
    """Judge every cell, every contrast and every criterion against every source.

    ``computed`` says how each run was computed, by its cell and seed, beside each source. Where it has to be equal to
    the stored run with its seed, its digest in ``digests`` has to be as well, if one is stored. ``newcomers`` are
    criteria that are not the experiment's own, so that no value of them is missing and no claim speaks of them. If no
    other cell has both a result and an expected value, a warning says that nothing was compared. Raises
    :class:`InputError` if there is no result, unless all that is stored is published: then it is what is missing.
    """
    measured = estimates(samples)
    stored = expected.by_cell
    by_source: dict[str, list[StoredAndMeasured]] = defaultdict(list)
    for cell, sources in sorted(stored.items()):
        for source, estimate in sources.items():
            if cell in measured:
                by_source[source].append(StoredAndMeasured(cell, source, estimate, measured[cell]))
    published = all(source.kind == "published" for source in expected.sources.values())
    if not measured and not published:
        raise InputError(f"{expected.experiment}: there is no result to check; run it first")
    if not measured and not stored:
        raise InputError(f"{expected.experiment}: no cell that was asked for has a result or an expected value")
    step = _grain(measured, expected)
    found = [compare(source, pairs, step, chance) for source, pairs in by_source.items()]
    exact = [
        bits(source, pairs, digests or {}, (computed or {}).get(source, {})) for source, pairs in by_source.items()
    ]
    rows = sorted(
        [*_rows(found, exact, expected.tolerance), *_unpaired(stored, measured, newcomers)],
        key=lambda row: (row.cell, row.source or ""),
    )
    own = {cell: values for cell, values in samples.items() if cell.criterion not in newcomers}
    judged = judge_claims(own, expected.tolerance) if own else Judged()
    ours = {cell: sources[MEASURED] for cell, sources in stored.items() if MEASURED in sources}
    return CheckOutcome(
        expected.experiment,
        expected.metric,
        expected.tolerance,
        tuple(rows),
        tuple(_shifts(found, expected.tolerance)),
        judged.outcomes,
        claim_changes(judged, {cell: measured[cell] for cell in own}, ours, expected),
        (
            *_warnings(expected, found, nothing_ran=not measured, only_new=not own),
            *_partly(found, exact),
            *judged.left_out.values(),
            *not_installed(expected.claims),
        ),
        tuple(each for each in exact if each is not None),
        {each.source: _depth(each, same) for each, same in zip(found, exact, strict=True)},
        sources={name: words for name, source in expected.sources.items() if (words := source.words)},
    )


def _grain(measured: Mapping[Cell, Estimate], expected: Expected) -> float:
    """The step of the metric on both sides, both as they are stored; 0 if all results are equal.

    Results with all their decimals would differ from stored ones by less than a test image.
    """
    stored = {
        (cell, source): estimate.values
        for cell, by_source in expected.by_cell.items()
        for source, estimate in by_source.items()
    }
    return capped_grain({**{cell: estimate.values for cell, estimate in measured.items()}, **stored})


def _depth(found: Compared, bits: Bits | None) -> Depth:
    return "bits" if bits is not None and bits.runs == found.runs else found.depth


def _partly(found: Sequence[Compared], bits: Sequence[Bits | None]) -> Iterator[str]:
    """The sources to which some runs have to be equal and others have not."""
    for each, same in zip(found, bits, strict=True):
        if same is not None and same.runs < each.runs:
            yield (
                f"{same.runs} of {each.runs} runs have to be equal to the {each.source} ones bit for bit; the others "
                "come from another engine, other versions or another machine"
            )


def _unpaired(
    stored: Mapping[Cell, Mapping[str, Estimate]], measured: Mapping[Cell, Estimate], newcomers: Collection[str]
) -> list[CheckRow]:
    """The rows of the cells that are on one side only."""
    missing = [
        CheckRow(cell, source, estimate.summary, None, "missing")
        for cell, sources in stored.items()
        if cell not in measured
        for source, estimate in sources.items()
    ]
    unexpected = [
        CheckRow(cell, None, None, estimate.summary, "new" if cell.criterion in newcomers else "unexpected")
        for cell, estimate in measured.items()
        if cell not in stored
    ]
    return missing + unexpected


def _rows(found: Sequence[Compared], bits: Sequence[Bits | None], tolerance: float) -> list[CheckRow]:
    """The row of each cell against each source."""
    p = np.concatenate([each.each.p for each in found]) if found else np.empty(0)
    adjusted = iter(_adjusted(p, "cell"))
    rows = []
    for compared, same in zip(found, bits, strict=True):
        changed = {run.cell for run in same.differing} if same else set()
        for index, pair in enumerate(compared.pairs):
            difference, p_adjusted = float(compared.each.difference[index]), next(adjusted)
            interval = float(compared.each.low[index]), float(compared.each.high[index])
            shaky = bool(compared.unstable[index])
            verdict = _verdict(pair, (difference, *interval), p_adjusted, tolerance, shaky)
            if pair.cell in changed:
                verdict = "deviates"
            summaries = pair.expected.summary, pair.measured.summary
            p_value = float(compared.each.p[index])
            rows.append(
                CheckRow(pair.cell, pair.source, *summaries, verdict, difference, interval, p_value, p_adjusted)
            )
    return rows


def _verdict(
    pair: StoredAndMeasured, change: tuple[float, float, float], p: float, tolerance: float, shaky: bool
) -> Verdict:
    """The verdict on a cell, from its change with interval and its adjusted p-value."""
    difference, *interval = change
    if pair.on_common_seeds.same_values:
        return "reproduced"
    # Seeds' values that do not give the stored mean say nothing about how far that mean may be from the truth.
    if not _within(tolerance, difference) and (p < FAMILY_LEVEL or pair.is_edited):
        return "deviates"
    if shaky:
        return "unstable"
    if _within(tolerance, *interval):
        return "reproduced"
    return "consistent" if _within(tolerance, difference) else "inconclusive"


def _shifts(found: Sequence[Compared], tolerance: float) -> list[Shift]:
    """What many cells together did, of all sources; each kind is corrected by itself."""
    kinds: dict[Kind, list[Shift]] = defaultdict(list)
    for compared in found:
        for many in compared.many:
            kinds[many.kind].append(
                Shift(many.kind, many.name, compared.source, many.cells, many.difference, many.interval, many.p)
            )
    shifts = []
    for kind, listed in kinds.items():
        limit = tolerance * (TOGETHER if kind == "together" else 1)
        for shift, p in zip(listed, _adjusted(np.array([each.p for each in listed]), kind), strict=True):
            deviates = p < FAMILY_LEVEL and not _within(limit, shift.difference)
            shifts.append(replace(shift, p_adjusted=p, deviates=deviates))
    return shifts


def _adjusted(p: np.ndarray[tuple[int, ...], np.dtype[np.float64]], kind: str) -> list[float]:
    """P-values that compare with ``FAMILY_LEVEL``, of a kind of comparison that has only its share of it."""
    return [float(value) for value in np.minimum(holm(p) / SHARES[kind], 1)]


def _within(tolerance: float, *points: float) -> bool:
    # The slack keeps floating-point rounding from deciding about a difference of exactly the tolerance.
    return all(abs(point) <= tolerance + 1e-9 for point in points)


def _warnings(expected: Expected, found: Sequence[Compared], *, nothing_ran: bool, only_new: bool) -> list[str]:
    """What a reader should know before trusting the verdicts."""
    told = [
        f"{cell} ({source}): the stored mean, std and n are not those of the stored values, which "
        f"give {Estimate.from_values(estimate.values).summary}; compared is {estimate.summary}"
        for cell, each in expected.by_cell.items()
        for source, estimate in each.items()
        if is_edited(estimate)
    ]
    told += [
        f"{name} gives accuracies {EPOCHS[source.epoch]}, and the metric here is {expected.metric}"
        for name, source in expected.sources.items()
        if source.epoch is not None and source.differs_in_epoch(expected.metric)
    ]
    pairs = [pair for compared in found for pair in compared.pairs]
    if nothing_ran:
        told.append(
            f"nothing of {expected.experiment} has been run yet, so none of its published cells is compared "
            f"({len(expected.cells)} are stored); `dst-bench run {expected.experiment}` trains them"
        )
        return told
    if only_new:
        return told
    if not pairs:
        told.append("none of the cells that have been run has a stored value, so nothing was compared")
    elif all(pair.expected.std is None and pair.measured.std is None for pair in pairs):
        told.append("one seed per cell on both sides: no spread is known, so no difference can be judged")
    elif not any(compared.many for compared in found) and len(pairs) > 1:
        told.append("no seeds' values are stored for several cells, so only single cells are judged")
    return told
