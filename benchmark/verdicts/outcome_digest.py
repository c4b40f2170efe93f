"""Whether a run is the same bit for bit: a digest of its outcome, and whether two environments compute alike."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from benchmark.experiments.cells import Cell
from benchmark.experiments.outcome import Outcome
from benchmark.experiments.results import Results
from benchmark.verdicts.value_source import Source

FIRST_ENGINE = "dense"
"""What computed the sources that name no engine: there was no other one."""
LENGTH = 12
"""Hexadecimal digits of a stored digest; an accidental match is one in 10¹⁴."""


def outcome_digest(outcome: Outcome) -> str:
    """A digest of all accuracies, densities and early weights of a run, without what was measured beside them."""
    content = {key: value for key, value in asdict(outcome).items() if key != "measured"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:LENGTH]


def digests_of(results: Results) -> dict[Cell, dict[int, str]]:
    """The digest of each run by cell and seed."""
    found: dict[Cell, dict[int, str]] = {}
    for run, result in results:
        found.setdefault(run.cell, {})[run.seed] = outcome_digest(result.outcome)
    return found


def other_engine(source: Source, engines: Collection[str]) -> bool:
    """Whether results come from other engines than a source: each adds up in an order of its own, so bits differ."""
    return set((source.engine or FIRST_ENGINE).split(", ")) != set(engines)


def other_environment(source: Source, environments: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a result comes from another torch, another kind of device or another processor than a source names.

    Then rounding may differ, and in a small network it may change few runs: what most of them gave proves nothing.
    """
    named = {"torch": source.torch, "device": source.device, "cpu": source.cpu}
    return any(unnamed_values(value, key, environments) for key, value in named.items())


def unnamed_values(named: str | None, key: str, environments: Sequence[Mapping[str, Any]]) -> list[str]:
    """The values that environments have for a ``key`` and a source does not name; none where it says nothing (None)."""
    if named is None:
        return []
    return sorted({str(each[key]) for each in environments if key in each} - set(named.split(", ")))


def same_environment(source: Source, environments: Sequence[Mapping[str, Any]]) -> bool:
    """Whether results come from the versions and the machine that a source names, so that their bits must be equal.

    A source that does not name its processor is of an unknown machine: two of the same instruction set may round
    differently.
    """
    if source.cpu is None or not environments:
        return False
    wanted = {"torch": source.torch, "device": source.device, "cpu": source.cpu, "python": source.python}
    return all(
        str(environment.get(key)) == value
        for environment in environments
        for key, value in wanted.items()
        if value is not None
    )
