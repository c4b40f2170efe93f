"""Verdicts on claims against the stored ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmark.verdicts.claims.outcome import ClaimId, ClaimOutcome, ClaimVerdict


@dataclass(frozen=True)
class ClaimChange:
    """A claim whose verdict is not the stored one; None where it was not stored, or has no data now."""

    id: ClaimId
    stored: ClaimVerdict | None
    found: ClaimVerdict | None
    deviates: bool

    def __str__(self) -> str:
        return f"claim {self.id}: {self.found or 'no data'}, stored is {self.stored or 'nothing'}"


def changes(
    outcomes: Sequence[ClaimOutcome], stored: Mapping[ClaimId, ClaimVerdict], *, same_results: bool
) -> tuple[ClaimChange, ...]:
    """What differs from the stored verdicts (none where none are stored), and whether chance cannot be the reason.

    It cannot where a verdict became its opposite, which takes two errors of one in forty, or where any verdict changed
    while all results are the stored ones (``same_results``). That other runs are too few to decide, or enough, is no
    deviation: close to a limit an honest rerun with other seeds does so nearly every time.
    """
    found = {outcome.id: outcome.verdict for outcome in outcomes}
    pairs = [(id_, stored.get(id_), found.get(id_)) for id_ in dict.fromkeys([*found, *stored])] if stored else []
    return tuple(
        ClaimChange(id_, before, now, same_results or {before, now} == {"supported", "not supported"})
        for id_, before, now in pairs
        if before != now
    )
