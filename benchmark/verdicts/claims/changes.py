"""Verdicts on claims against the stored ones, of all stored seeds or of the part of them that has run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from benchmark.experiments.cells import Cell
from benchmark.verdicts.claims import SHIPPED, Judged, claim_names, claims
from benchmark.verdicts.claims.api import ClaimId, ClaimOutcome, ClaimVerdict
from benchmark.verdicts.expected import Estimate, Expected
from benchmark.verdicts.samples import Samples


@dataclass(frozen=True)
class ClaimChange:
    """A claim whose verdict is not the stored one; None stands for no stored verdict or no data."""

    id: ClaimId
    stored: ClaimVerdict | None
    found: ClaimVerdict | None
    deviates: bool

    def __str__(self) -> str:
        return f"claim {self.id}: {self.found or 'no data'}, stored is {self.stored or 'nothing'}"


def claim_changes(
    judged: Judged, measured: Mapping[Cell, Estimate], ours: Mapping[Cell, Estimate], expected: Expected
) -> tuple[ClaimChange, ...]:
    """The claims whose verdict is not the stored one, or, where a part of the stored seeds has run, not that part's.

    A claim that somebody has installed since differs from nothing, and a stored verdict that cannot be found here,
    because its claim is not installed or was left out, is not compared.
    """
    stored = {id_: expected.claims[id_] for id_ in claim_names() if id_ in expected.claims.keys() - judged.left_out}
    found = [outcome for outcome in judged.outcomes if outcome.id in {*SHIPPED, *stored}]
    part = _part_that_has_run(measured, ours)
    if part is None or not stored:
        return _changes(found, stored, same_results=_same_results(measured, ours))
    if all(measured[cell].values == values for cell, values in part.items()):
        return ()
    of_part = {outcome.id: outcome.verdict for outcome in claims(part, expected.tolerance)}
    return _changes(found, {id_: of_part[id_] for id_ in stored if id_ in of_part}, same_results=False)


def not_installed(stored: Mapping[ClaimId, ClaimVerdict]) -> list[str]:
    """A line for each stored verdict on a claim that is not installed here, with the nearest one that is."""
    lines, installed = list[str](), claim_names()
    for id_, verdict in stored.items():
        if id_ not in installed:
            near = get_close_matches(id_, installed, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            lines.append(f"claim {id_!r} is not installed, so its stored verdict, {verdict}, is not compared{hint}")
    return lines


def _changes(
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


def _part_that_has_run(measured: Mapping[Cell, Estimate], ours: Mapping[Cell, Estimate]) -> Samples | None:
    """The stored values of the seeds that have run; None unless these are a part of the stored seeds in each cell."""
    if measured.keys() != ours.keys():
        return None
    seeds = {cell: (measured[cell].values.keys(), ours[cell].values.keys()) for cell in ours}
    if not all(ran <= stored for ran, stored in seeds.values()) or all(ran == stored for ran, stored in seeds.values()):
        return None
    return {cell: {seed: ours[cell].values[seed] for seed in ran} for cell, (ran, _) in seeds.items()}


def _same_results(measured: Mapping[Cell, Estimate], ours: Mapping[Cell, Estimate]) -> bool:
    return measured.keys() == ours.keys() and all(
        measured[cell].values == ours[cell].values and measured[cell].mean == ours[cell].mean for cell in ours
    )
