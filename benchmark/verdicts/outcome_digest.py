"""What tells a run from another: a digest of its outcome, and where it comes from beside where a source does."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from benchmark.experiments.cells import Cell
from benchmark.experiments.cost import total_steps
from benchmark.experiments.outcome import Outcome
from benchmark.experiments.results import Results
from benchmark.experiments.runs import Run

LENGTH = 12
"""Hexadecimal digits of a stored digest; an accidental match is one in 10¹⁴."""
_DEFAULTS = asdict(Outcome())


def outcome_digest(outcome: Outcome) -> str:
    """A digest of all accuracies, densities and early weights of a run, without what was measured beside them."""
    return digest_of_plain(asdict(outcome))


def digest_of_plain(outcome: Mapping[str, Any]) -> str:
    """The same of an outcome as plain data, which may lack what came later."""
    content = {key: value for key, value in (_DEFAULTS | dict(outcome)).items() if key != "measured"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:LENGTH]


def digests_of(results: Results) -> dict[Cell, dict[int, str]]:
    """The digest of each run by cell and seed.

    Left out are baselines that were trained beside topology updates of another period: their early weights were
    digested after other steps, so their digest says nothing beside that of a run of this period.
    """
    found: dict[Cell, dict[int, str]] = {}
    for run, result in results:
        if _digested_when_asked(run, result.outcome):
            found.setdefault(run.cell, {})[run.seed] = outcome_digest(result.outcome)
    return found


def _digested_when_asked(run: Run, outcome: Outcome) -> bool:
    steps = {str(step) for step in run.digested if step <= total_steps(run.setup)}
    return run.rule.baseline is None or outcome.digests.keys() == steps


def unnamed_values(named: str | None, key: str, environments: Sequence[Mapping[str, Any]]) -> list[str]:
    """The values that environments have for a ``key`` and a source does not name; none where it says nothing (None)."""
    if named is None:
        return []
    return sorted({str(each[key]) for each in environments if key in each} - set(named.split(", ")))
