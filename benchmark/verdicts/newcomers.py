"""Where criteria stand of which an experiment stores no values: somebody's own, beside those that are stored."""

from collections.abc import Collection, Iterable

from benchmark.verdicts.limits import CHANCE, MARGIN
from benchmark.verdicts.remarks import Noted
from benchmark.verdicts.samples import Samples
from benchmark.verdicts.standing import NOTHING, REFERENCE, Standing, StandingRow, standing
from benchmark.verdicts.statistics.confidence import CONFIDENCE
from benchmark.verdicts.study import Study
from criteria.errors import InputError


def standing_of(study: Study, reference: str = REFERENCE, margin: float = MARGIN) -> Standing | None:
    """The standing of all that is known of an experiment; None where there is too little to compare."""
    return standing_among(study.known, study.experiment.name, reference, margin, study.noted, study.chance)


def standing_among(
    known: Samples,
    experiment: str,
    reference: str = REFERENCE,
    margin: float = MARGIN,
    noted: Noted = NOTHING,
    chance: float = CHANCE,
) -> Standing | None:
    """The standing of samples; None where there is too little to compare."""
    try:
        return standing(known, reference=reference, margin=margin, noted=noted, experiment=experiment, chance=chance)
    except InputError:
        return None


def newcomers_standing(study: Study) -> Standing | None:
    """The rows of newcomers alone; None where there is no newcomer or nothing to compare it with."""
    found = standing_of(study) if study.newcomers else None
    return None if found is None else of_criteria(found, study.newcomers)


def of_criteria(found: Standing, names: Collection[str]) -> Standing | None:
    """The rows of some criteria; None if there are none."""
    rows = tuple(row for row in found.rows if row.criterion in names)
    kept = Standing(found.reference, found.margin, found.confidence, found.experiments, rows)
    return kept if rows else None


def sentences(found: Standing) -> Iterable[str]:
    """A sentence for each row: where the criterion stands, and how it compares with the reference."""
    for row in found.rows:
        yield f"{row.criterion} {row.setting.words}: {standing_words(row, found)}"


def standing_words(row: StandingRow, found: Standing) -> str:
    """Mean, rank and difference of a row in words."""
    rank = f"rank {row.rank:g} of {row.contenders}"
    if row.rank_low is not None and row.rank_high is not None:
        rank += f" ({row.rank_low} to {row.rank_high})"
    words = [f"{row.mean:.2f}%, {rank}"]
    if row.criterion != found.reference and row.difference is not None:
        ends = "" if row.low is None or row.high is None else f" ({row.low:+.2f} to {row.high:+.2f})"
        words.append(f"{compared(row, found.margin)} {found.reference}: {row.difference:+.2f} points{ends}")
    return "; ".join([*words, *row.flags])


def probability_words(p: float | None) -> str:
    """A probability in two digits, such as ``.34``, ``<.01`` or ``>.99``; nothing where it is not known."""
    if p is None:
        return ""
    return ">.99" if p > 0.99 else "<.01" if p < 0.01 else f"{p:.2f}".removeprefix("0")


def compared(row: StandingRow, margin: float) -> str:
    """How a criterion compares with the reference, as a comparison that its name can follow.

    ``better`` and ``worse`` hold after the correction for the other criteria of the setting.
    """
    if row.difference is None or row.low is None or row.high is None or row.p_holm is None:
        return "not judged against"
    if row.p_holm < 1 - CONFIDENCE:
        return "better than" if row.difference > 0 else "worse than"
    return "equivalent to" if max(-row.low, row.high) < margin else "not told apart from"
