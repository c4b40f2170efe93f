"""What a claim is: a sentence of the paper, or of anyone else, that an experiment's own runs can decide.

A claim is a plugin. A distribution registers one under its id in the entry-point group ``dst_bench.claims``::

    from benchmark.verdicts.claims import Judgement, Samples, claim

    @claim("random-last", "Pruning at random is worse than any criterion", where="a talk")
    def random_last(samples: Samples, tolerance: float) -> Judgement | None:
        ...
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from benchmark.verdicts.samples import Samples
from benchmark.verdicts.statistics.ordered import Interval

ClaimId: TypeAlias = str
"""The name of a claim's entry point, such as ``beats-dense``."""
ClaimVerdict: TypeAlias = Literal["supported", "not supported", "undecided"]
"""``undecided`` means that there are too few runs to tell."""


@dataclass(frozen=True)
class Judgement:
    """The judgement of a claim by one experiment. ``effect`` is in percentage points, with its 95% interval."""

    verdict: ClaimVerdict
    effect: Interval | None
    """None if there are too few runs for an estimate."""
    sentence: str
    """What the effect is an effect of, as a sentence without its full stop."""


@dataclass(frozen=True)
class ClaimOutcome:
    """A claim with its judgement by one experiment; see :class:`Claim` and :class:`Judgement`."""

    id: ClaimId
    claim: str
    where: str
    verdict: ClaimVerdict
    effect: Interval | None
    finding: str


@dataclass(frozen=True)
class Claim:
    """A claim: its id, its sentence, where it is written, and the function that decides it.

    ``decide`` is given the metric in percent by cell and seed, and the difference in points that counts as the same
    result. It returns None if the experiment has no data that the claim is about.
    """

    id: ClaimId
    sentence: str
    where: str
    decide: Callable[[Samples, float], Judgement | None]

    def judge(self, samples: Samples, tolerance: float) -> ClaimOutcome | None:
        """The claim judged by an experiment's samples; None if they have no data that the claim is about."""
        found = self.decide(samples, tolerance)
        if found is None:
            return None
        return ClaimOutcome(self.id, self.sentence, self.where, found.verdict, found.effect, found.sentence)


def claim(id_: ClaimId, sentence: str, where: str) -> Callable[[Callable[[Samples, float], Judgement | None]], Claim]:
    """A decorator that makes a :class:`Claim` of the function that decides it."""
    return lambda decide: Claim(id_, sentence, where, decide)


def above_zero(effect: Interval, tolerance: float) -> ClaimVerdict:
    """The verdict on a claim that there is an effect.

    It is supported if the effect is shown to be above zero. Otherwise it is not supported if the effect is shown to be
    below the tolerance, the difference that counts as the same result.
    """
    if effect.low > 0:
        return "supported"
    return "not supported" if effect.high < tolerance else "undecided"
