"""What a claim is: a sentence of the paper, or of anyone else, that an experiment's own runs can decide.

A claim is a plugin. A distribution registers one under its id in the entry-point group ``dst_bench.claims``::

    from benchmark.verdicts.claims import Judgement, Samples, claim

    @claim("random-last", "Pruning at random is worse than any criterion", where="a talk")
    def random_last(samples: Samples, tolerance: float) -> Judgement | None:
        ...
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from benchmark.system.quantity import quantity
from benchmark.verdicts.claims.robustness import Outlook, seeds_to_settle, without_each
from benchmark.verdicts.samples import Samples
from benchmark.verdicts.statistics.ordered import Interval

ClaimId: TypeAlias = str
"""The name of a claim's entry point, such as ``beats-dense``."""
ClaimVerdict: TypeAlias = Literal["supported", "contradicted", "negligible", "undecided"]
CLAIM_MEANINGS: dict[ClaimVerdict, str] = {
    "supported": "the whole interval of the effect is on the claim's side",
    "negligible": "the whole interval is inside the margin, and on both sides of no effect: nothing that would matter",
    "contradicted": "the whole interval is on the other side",
    "undecided": "too few runs to tell",
}
"""The meaning of each verdict on a claim."""


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
    margin: float = 0.0
    """Points within which an effect does not matter."""
    without: Mapping[str, ClaimVerdict] = field(default_factory=dict)
    """The verdict with one criterion left out, for those without which it is another one."""
    seeds_needed: int | None = None
    """Seeds with which it would be decided, if all is as measured; None if it is, if many do not do it, or unknown."""
    seeds_unknown: str = ""
    """Why the runs do not tell how many seeds would decide it, as a sentence without its full stop; else empty."""

    @property
    def depends_on(self) -> str:
        """What the verdict depends on, as it follows the verdict in a sentence; empty if on no single criterion."""
        if not self.without:
            return ""
        found = ", ".join(f"{verdict} without {name}" for name, verdict in self.without.items())
        return f"by one criterion: {found}" if len(self.without) == 1 else f"with all criteria, but {found}"

    @property
    def firmness(self) -> str:
        """How firm the verdict is, in sentences: what it depends on, and how many seeds would settle it; else empty."""
        said = [f"{self.verdict.capitalize()} {self.depends_on}."] if self.depends_on else []
        if self.verdict == "undecided":
            more = f"About {self.seeds_needed}" if self.seeds_needed else "More than any sensible number of"
            outlook = self.seeds_unknown or f"{more} seeds would settle it"
            said.append(f"{outlook}; effects within {quantity(self.margin, 'point')} do not matter.")
        return " ".join(said)


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
        """The claim judged by an experiment's samples; None if they have no data that the claim is about.

        Raises whatever ``decide`` raises, ``TypeError`` for what is no :class:`Judgement`, and ``ValueError`` for a
        verdict that there is not.
        """
        found = self._decided(samples, tolerance)
        if found is None:
            return None
        undecided = found.verdict == "undecided"
        outlook = seeds_to_settle(self._decided, samples, tolerance) if undecided else Outlook()
        return ClaimOutcome(
            self.id,
            self.sentence,
            self.where,
            found.verdict,
            found.effect,
            found.sentence,
            tolerance,
            without_each(self._decided, samples, tolerance, found.verdict),
            outlook.seeds,
            outlook.unknown,
        )

    def _decided(self, samples: Samples, tolerance: float) -> Judgement | None:
        found = self.decide(samples, tolerance)
        if found is None:
            return None
        if not isinstance(found, Judgement):
            raise TypeError(f"it gave a {type(found).__name__}, and should give a Judgement or None")
        if found.verdict not in CLAIM_MEANINGS:
            raise ValueError(f"it gave the verdict {found.verdict!r}; there are {', '.join(CLAIM_MEANINGS)}")
        return found


def claim(id_: ClaimId, sentence: str, where: str) -> Callable[[Callable[[Samples, float], Judgement | None]], Claim]:
    """A decorator that makes a :class:`Claim` of the function that decides it."""
    return lambda decide: Claim(id_, sentence, where, decide)


def above_zero(effect: Interval, tolerance: float) -> ClaimVerdict:
    """The verdict on a claim that there is an effect above zero; one within ``tolerance`` does not matter."""
    if effect.low > 0:
        return "supported"
    if effect.high < 0:
        return "contradicted"
    return "negligible" if max(-effect.low, effect.high) < tolerance else "undecided"
