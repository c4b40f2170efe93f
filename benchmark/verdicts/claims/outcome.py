"""What a claim of the paper comes to in one experiment."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from benchmark.verdicts.statistics.ordered import Interval

ClaimId: TypeAlias = Literal["similar", "spread-grows", "magnitude-first", "beats-static", "beats-dense"]
ClaimVerdict: TypeAlias = Literal["supported", "not supported", "undecided"]
"""undecided: there are too few runs to tell."""


@dataclass(frozen=True)
class ClaimOutcome:
    """A claim, judged. ``effect`` is in percentage points, with its 95% interval; ``finding`` says what it is of."""

    id: ClaimId
    claim: str
    where: str
    """In the paper."""
    verdict: ClaimVerdict
    effect: Interval | None
    """None where there are too few runs for an estimate."""
    finding: str
    """A sentence without its full stop."""


def above_zero(effect: Interval, tolerance: float) -> ClaimVerdict:
    """The verdict on a claim that there is an effect.

    Supported where it is shown to be above zero; not supported where it is not, but shown to be below the tolerance,
    the difference that counts as the same result.
    """
    if effect.low > 0:
        return "supported"
    return "not supported" if effect.high < tolerance else "undecided"
