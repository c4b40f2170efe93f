"""Verdicts on claims against the stored ones, of all stored seeds or of the part of them that has run."""

from collections.abc import Mapping, Sequence

from benchmark.experiments.cells import Cell
from benchmark.verdicts.claims import SHIPPED, changes, claims
from benchmark.verdicts.claims.api import ClaimOutcome
from benchmark.verdicts.claims.stored import ClaimChange
from benchmark.verdicts.expected import Estimate, Expected
from benchmark.verdicts.samples import Samples


def claim_changes(
    judged: Sequence[ClaimOutcome], measured: Mapping[Cell, Estimate], ours: Mapping[Cell, Estimate], expected: Expected
) -> tuple[ClaimChange, ...]:
    """The claims whose verdict is not the stored one, or, where a part of the stored seeds has run, not that part's.

    A claim that somebody has installed since differs from nothing.
    """
    judged = [outcome for outcome in judged if outcome.id in {*SHIPPED, *expected.claims}]
    part = _part_that_has_run(measured, ours)
    if part is None or not expected.claims:
        return changes(judged, expected.claims, same_results=_same_results(measured, ours))
    if all(measured[cell].values == values for cell, values in part.items()):
        return ()
    of_part = {outcome.id: outcome.verdict for outcome in claims(part, expected.tolerance)}
    return changes(judged, {id_: of_part[id_] for id_ in expected.claims if id_ in of_part}, same_results=False)


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
