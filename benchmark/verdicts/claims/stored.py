"""Verdicts on claims against the stored ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmark.verdicts.claims.api import ClaimId, ClaimOutcome, ClaimVerdict


@dataclass(frozen=True)
class ClaimChange:
    """A claim whose verdict is not the stored one; None stands for no stored verdict or no data."""

    id: ClaimId
    stored: ClaimVerdict | None
    found: ClaimVerdict | None
    deviates: bool

    def __str__(self) -> str:
        return f"claim {self.id}: {self.found or 'no data'}, stored is {self.stored or 'nothing'}"


def changes(
    outcomes: Sequence[ClaimOutcome], stored: Mapping[ClaimId, ClaimVerdict], *, same_results: bool
) -> tuple[ClaimChange, ...]:
    """The verdicts that are not the stored ones, and whether they deviate: whether chance cannot be the reason.

    Chance cannot be the reason if a verdict became its opposite, which takes two errors of one in forty, or if any
    verdict changed while all results are the stored ones (``same_results``). A change to or from ``undecided`` is no
    deviation, because close to a limit an honest rerun with other seeds changes so nearly every time. If no verdicts
    are stored, nothing differs from them.
    """
    found = {outcome.id: outcome.verdict for outcome in outcomes}
    pairs = [(id_, stored.get(id_), found.get(id_)) for id_ in dict.fromkeys([*found, *stored])] if stored else []
    return tuple(
        ClaimChange(id_, before, now, same_results or {before, now} == {"supported", "contradicted"})
        for id_, before, now in pairs
        if before != now
    )
