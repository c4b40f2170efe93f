"""Accepting results: making them the expected values of their experiment. Nothing else writes expected values."""

import datetime
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.experiments.archive import archive_beside, archive_bytes
from benchmark.experiments.cells import Cell
from benchmark.experiments.results import Results
from benchmark.system.files import write_atomically
from benchmark.system.interruption import ending_between_steps
from benchmark.system.quantity import quantity
from benchmark.system.yamlfile import validate
from benchmark.verdicts.claims import ClaimId, ClaimVerdict, claim_names, judge_claims
from benchmark.verdicts.expected import (
    MEASURED,
    Estimate,
    Expected,
    StoredCell,
    estimates,
    expected_text,
    read_expected,
)
from benchmark.verdicts.outcome_digest import digests_of
from benchmark.verdicts.samples import Samples
from benchmark.verdicts.study import Study
from benchmark.verdicts.value_source import Source
from criteria.errors import InputError


@dataclass(frozen=True)
class Evidence:
    """All that one source says of an experiment: its samples, where they came from, and its verdicts on claims."""

    samples: Samples
    provenance: Source
    name: str = MEASURED
    """The source's name in the file."""
    claims: Mapping[ClaimId, ClaimVerdict] | None = None
    """None if the source does not say anything about claims; those that are stored then stay."""
    left_out: Collection[ClaimId] = ()
    """Installed claims that could not be judged; what is stored of them stays, as of those that are not installed."""
    digests: Mapping[Cell, Mapping[int, str]] = field(default_factory=dict)
    """The digest of each run's outcome, if it is known."""


def accept_study(
    study: Study,
    path: Path,
    date: datetime.date,
    asked: Sequence[str] = (),
    *,
    diverged: bool = False,
    say: Callable[[str], object] = lambda _line: None,
) -> Expected:
    """Make the results of a study the ``measured`` values in the file of its experiment, and keep its other sources.

    They are archived beside it. ``date`` is when they are accepted, and ``asked`` what `dst-bench run` has to be given
    to make them again; its name alone for all of an installed experiment. ``say`` is told of each claim that was not
    judged.
    Raises :class:`InputError`, and leaves the files as they are, if the study has no result, if some runs ``diverged``
    and that is not allowed, or if :func:`accept` refuses.
    """
    experiment = study.experiment
    if study.diverged and not diverged:
        cells = ", ".join(map(str, study.diverged_by_cell))
        raise InputError(
            f"{quantity(len(study.diverged), 'run')} of {experiment.name} diverged, which says nothing that a rerun "
            f"should reproduce: {cells}; change the training, leave them out, or say --diverged"
        )
    provenance = _provenance(study, date, asked or [experiment.name])
    judged = judge_claims(study.samples, experiment.tolerance)
    verdicts = {outcome.id: outcome.verdict for outcome in judged.outcomes}
    evidence = Evidence(
        study.samples,
        provenance,
        claims=verdicts,
        left_out=judged.left_out.keys(),
        digests=digests_of(study.results),
    )
    expected = accept(evidence, path, metric=experiment.metric, tolerance=experiment.tolerance, results=study.results)
    for line in judged.left_out.values():
        say(line)
    for id_ in sorted(expected.claims.keys() - verdicts):
        say(f"the stored verdict on claim {id_!r}, {expected.claims[id_]}, stays, because it was not judged")
    return expected


def _provenance(study: Study, date: datetime.date, asked: Sequence[str]) -> Source:
    """Where the results of a study come from; what some of them do not say is left out."""
    environments = [result.environment for _, result in study.results]

    def all_values(key: str) -> str:
        return ", ".join(sorted({str(environment[key]) for environment in environments}))

    def all_known(key: str) -> str | None:
        return all_values(key) if all(key in environment for environment in environments) else None

    return Source(
        kind="measured",
        version=all_values("dst-bench"),
        torch=all_values("torch"),
        device=all_values("device"),
        python=all_known("python"),
        cpu=all_known("cpu"),
        threads=all_known("threads"),
        data=all_known("data"),
        engine=", ".join(sorted({run.setup.engine for run, _ in study.results})),
        date=date,
        command=shlex.join(["dst-bench", "run", *asked]),
        note="; ".join([*study.cautions, *([study.uneven] if study.uneven else [])]) or None,
    )


def require_every_cell(study: Study) -> None:
    """Raise :class:`InputError` where a cell has no result at all."""
    empty = [cell for cell in study.cells if not study.samples.get(cell)]
    if empty:
        raise InputError(
            f"{len(empty)} of {len(study.cells)} cells of {study.experiment.name} have no result, such as {empty[0]}; "
            "run them, or select the part that is there"
        )


def require_every_seed(study: Study, path: Path) -> None:
    """Raise :class:`InputError` where a cell lacks a seed of which ``path`` stores a value, which would be gone."""
    before = read_expected(path).cells if path.exists() else ()
    for stored in before:
        values = stored.estimates[MEASURED].values if MEASURED in stored.estimates else {}
        lost = sorted(values.keys() - study.samples.get(stored.cell, {}).keys())
        if lost and stored.cell in study.cells:
            seeds = ", ".join(map(str, lost))
            raise InputError(
                f"{path}: holds values of {stored.cell} that have no result here, of seed {seeds}; run them, ask for "
                "all seeds that have results, or delete these values"
            )


def accept(evidence: Evidence, path: Path, *, metric: str, tolerance: float, results: Results = ()) -> Expected:
    """Make ``evidence`` all that its source says in the experiment's file, and keep the file's other sources.

    The ``results`` that it was gathered from, where there are any, are archived beside it. Raises :class:`InputError`,
    and leaves the files as they are, if :func:`revised` refuses or the archive cannot be written.
    """
    before = read_expected(path) if path.exists() else None
    expected = revised(before, evidence, experiment=path.stem, metric=metric, tolerance=tolerance)
    files = {path: expected_text(expected).encode()}
    if results:
        files[archive_beside(path)] = archive_bytes(results)
    _write_together(files)
    return expected


def _write_together(files: Mapping[Path, bytes]) -> None:
    """Write files that belong together, so that no signal and no full disk leaves one without the other."""
    larger_first = sorted(files.items(), key=lambda file: len(file[1]), reverse=True)  # a full disk refuses the first
    with ending_between_steps():
        for place, content in larger_first:
            write_atomically(place, content)


def revised(before: Expected | None, evidence: Evidence, *, experiment: str, metric: str, tolerance: float) -> Expected:
    """Expected values in which ``evidence`` is all that its source says, and the other sources stay as they were.

    Raises :class:`InputError` if there is no sample, if ``before`` is of another metric, and if ``before`` has values
    of the same source for cells that have no samples now: the new provenance would not be true of them, and they must
    not vanish unnoticed.
    """
    where = f"expected values of {experiment}"
    cells: dict[Cell, dict[str, Estimate]] = {
        cell: {evidence.name: estimate} for cell, estimate in estimates(evidence.samples, evidence.digests).items()
    }
    if not cells:
        raise InputError(f"{where}: there is no result to store; run the experiment first")
    if before is not None:
        if before.metric != metric:
            raise InputError(f"{where}: they are {before.metric}, not {metric}; move their file away to start anew")
        _require_all(before.cells, cells, evidence.name, where)
        for stored in before.cells:
            cells[stored.cell] = stored.estimates | cells.get(stored.cell, {})
    content = {
        "experiment": experiment,
        "metric": metric,
        "tolerance": tolerance,
        "sources": {**(before.sources if before else {}), evidence.name: evidence.provenance},
        "claims": {**(evidence.claims or {}), **(_claims_that_stay(before, evidence) if before else {})},
        "cells": [cells[cell] | cell.to_mapping() for cell in sorted(cells)],
    }
    return validate(Expected, content, where)


def _claims_that_stay(before: Expected, evidence: Evidence) -> dict[ClaimId, ClaimVerdict]:
    """The stored verdicts of which the evidence says nothing, which is not that there is no data for a claim."""
    if evidence.claims is None:
        return before.claims
    judged = set(claim_names()) - set(evidence.left_out)
    return {id_: verdict for id_, verdict in before.claims.items() if id_ not in judged}


def _require_all(before: tuple[StoredCell, ...], cells: Mapping[Cell, object], name: str, where: str) -> None:
    """Raises :class:`InputError` if a cell that the source ``name`` has a value of is not among ``cells``."""
    lost = [stored.cell for stored in before if name in stored.estimates and stored.cell not in cells]
    if lost:
        raise InputError(
            f"{where}: {len(lost)} of the cells that {name!r} has values of were not run, such as {lost[0]}; "
            "run them, or delete their values from the file"
        )
