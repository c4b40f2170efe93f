"""Claims of the paper, and of anyone who registers one, judged from an experiment's own runs.

Each claim is judged over the settings that the experiment has; chance is in the seeds. A verdict is wrongly
``supported`` no more than one time in forty, and wrongly ``not supported`` no more than one time in forty, whatever the
number of comparisons it is made of. There is no correction for the number of claims, because each is a question of its
own. Claims are found by their entry points in the group ``dst_bench.claims``.
"""

from functools import cache
from importlib.metadata import EntryPoint, entry_points

from benchmark.verdicts.claims.api import Claim, ClaimId, ClaimOutcome, ClaimVerdict, Judgement, above_zero, claim
from benchmark.verdicts.claims.stored import ClaimChange, changes
from benchmark.verdicts.claims.text import render_claims
from benchmark.verdicts.samples import Samples
from benchmark.verdicts.statistics.ordered import Interval
from criteria.errors import InputError, PluginError, one_line

__all__ = [
    "Claim",
    "ClaimChange",
    "ClaimId",
    "ClaimOutcome",
    "ClaimVerdict",
    "Interval",
    "Judgement",
    "Samples",
    "above_zero",
    "changes",
    "claim",
    "claim_names",
    "claims",
    "installed_claims",
    "render_claims",
]

GROUP = "dst_bench.claims"
SHIPPED = ("similar", "spread-grows", "magnitude-first", "beats-static", "beats-dense")
"""The claims of the paper, which come before those of other distributions in every table."""


def claims(samples: Samples, tolerance: float) -> tuple[ClaimOutcome, ...]:
    """The claims that the experiment has data for; ``tolerance`` (points) is the difference that counts as the same.

    Raises :class:`InputError` for a claim that cannot be imported, and :class:`PluginError` for one that fails while it
    judges.
    """
    judged = (_judge(each, samples, tolerance) for each in installed_claims())
    return tuple(outcome for outcome in judged if outcome is not None)


def claim_names() -> list[ClaimId]:
    """The ids of all installed claims in the order of tables; none of them is imported."""
    return list(_entry_points())


@cache
def installed_claims() -> tuple[Claim, ...]:
    """All installed claims in the order of tables: the paper's, then others by their id.

    Raises :class:`InputError` for a claim that cannot be imported, that is no :class:`Claim`, or whose id is not the
    name that it is registered under.
    """
    return tuple(_load(point) for point in _entry_points().values())


def _entry_points() -> dict[ClaimId, EntryPoint]:
    found: dict[ClaimId, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            raise InputError(
                f"claim {point.name!r} is registered twice, as {other.value} and {point.value}; uninstall one of them"
            )
    place = {name: number for number, name in enumerate(SHIPPED)}
    return dict(sorted(found.items(), key=lambda item: (place.get(item[0], len(SHIPPED)), item[0])))


def _load(point: EntryPoint) -> Claim:
    where = f"claim {point.name!r} ({point.value})"
    try:
        loaded = point.load()
    except Exception as error:  # a plugin may fail in any way while it is imported
        raise InputError(f"{where} cannot be imported: {one_line(error)}") from error
    if not isinstance(loaded, Claim):
        raise InputError(f"{where} is no claim; make one with the decorator benchmark.verdicts.claims.claim")
    if loaded.id != point.name:
        raise InputError(f"{where} has the id {loaded.id!r}; register it under its id")
    return loaded


def _judge(each: Claim, samples: Samples, tolerance: float) -> ClaimOutcome | None:
    try:
        return each.judge(samples, tolerance)
    except InputError:
        raise
    except Exception as error:  # a plugin may fail in any way while it is used
        raise PluginError(f"claim {each.id!r} failed while it was judged: {one_line(error)}") from error
