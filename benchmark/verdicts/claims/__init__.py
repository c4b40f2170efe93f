"""Claims of the paper, and of anyone who registers one, judged from an experiment's own runs.

Each claim is judged over the settings that the experiment has; chance is in the seeds. A verdict is wrongly
``supported`` no more than one time in forty, and wrongly ``contradicted`` no more than one time in forty, whatever the
number of comparisons it is made of; ``spread-grows`` says where it is contradicted a little more often. There is no
correction for the number of claims, because each is a question of its own. Claims are found by their entry points in
the group ``dst_bench.claims``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from benchmark.system.plugin_failures import blaming
from benchmark.verdicts.claims.api import (
    CLAIM_MEANINGS,
    Claim,
    ClaimId,
    ClaimOutcome,
    ClaimVerdict,
    Judgement,
    above_zero,
    claim,
)
from benchmark.verdicts.claims.text import render_claims
from benchmark.verdicts.samples import Samples
from benchmark.verdicts.statistics.ordered import Interval
from criteria.errors import PluginError
from criteria.plugins import load, names, problems

__all__ = [
    "CLAIM_MEANINGS",
    "SHIPPED",
    "Claim",
    "ClaimId",
    "ClaimOutcome",
    "ClaimVerdict",
    "Interval",
    "Judged",
    "Judgement",
    "Samples",
    "above_zero",
    "claim",
    "claim_names",
    "claim_problems",
    "claims",
    "installed_claims",
    "judge_claims",
    "render_claims",
]

SHIPPED = ("similar", "spread-grows", "magnitude-first", "beats-static", "beats-dense")
"""The claims of the paper, which come before those of other distributions in every table."""


@dataclass(frozen=True)
class Judged:
    """What the installed claims make of an experiment's samples."""

    outcomes: tuple[ClaimOutcome, ...] = ()
    """Of the claims that the experiment has data for, in the order of tables."""
    left_out: Mapping[ClaimId, str] = field(default_factory=dict)
    """Why claims that are installed were not judged, one line each."""


def judge_claims(samples: Samples, tolerance: float) -> Judged:
    """The verdicts of all installed claims; ``tolerance`` (points) is the difference that counts as the same.

    A claim that fails while it judges is left out, as one that cannot be used: nobody asked for that one.
    """
    left_out, outcomes = dict(claim_problems()), list[ClaimOutcome]()
    for each in installed_claims():
        try:
            with blaming(f"claim {each.id!r} failed while it was judged"):
                outcome = each.judge(samples, tolerance)
        except PluginError as error:
            left_out[each.id] = str(error)
            continue
        if outcome is not None:
            outcomes.append(outcome)
    return Judged(tuple(outcomes), left_out)


def claims(samples: Samples, tolerance: float) -> tuple[ClaimOutcome, ...]:
    """The outcomes of :func:`judge_claims` alone."""
    return judge_claims(samples, tolerance).outcomes


def claim_names() -> list[ClaimId]:
    """The ids of all installed claims in the order of tables, the paper's first; none of them is imported."""
    place = {name: number for number, name in enumerate(SHIPPED)}
    return sorted(names("claim"), key=lambda name: (place.get(name, len(SHIPPED)), name))


@cache
def installed_claims() -> tuple[Claim, ...]:
    """The installed claims that can be used, in the order of tables: the paper's, then others by their id.

    A claim that cannot be imported, that is no :class:`Claim`, or whose id is not the name that it is registered under
    is left out; :func:`claim_problems` says so, because nobody asked for that one.
    """
    left_out = claim_problems()
    return tuple(load(name, "claim") for name in claim_names() if name not in left_out)


def claim_problems() -> dict[ClaimId, str]:
    """Why each claim that is left out cannot be used, one line each."""
    found, installed = problems("claim"), claim_names()
    found = {name: found[name] for name in installed if name in found}  # and not distributions that cannot be read
    for name in installed:
        if name not in found and (id_ := load(name, "claim").id) != name:
            found[name] = f"claim {name!r} has the id {id_!r}; register it under its id"
    return found
