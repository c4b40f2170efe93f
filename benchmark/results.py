"""Results on disk: one JSON file per run, written whole or not at all."""

import json
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from benchmark import process
from benchmark.cells import Cell
from benchmark.grid import Run
from benchmark.training import Outcome
from criteria.errors import InputError


class Clock(BaseModel):
    """When a run was made, how long its fleet took and how large it was."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    finished: str
    fleet_seconds: float
    fleet_size: int


class Result(BaseModel):
    """What is stored of one run. Apart from ``time`` it is the same, bit for bit, on every rerun on one machine."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: str
    experiment: str
    settings: dict[str, Any]
    outcome: Outcome
    contract_skipped: bool = False
    """Whether the criterion was trained without being asked whether it keeps the contract."""
    environment: dict[str, Any]
    """Versions and device."""
    time: Clock


def experiment_folder(root: Path, experiment: str) -> Path:
    """Where everything about an experiment is kept under the results folder ``root``."""
    return root / experiment


def results_folder(root: Path, experiment: str) -> Path:
    """Where an experiment's runs are kept under the results folder ``root``."""
    return experiment_folder(root, experiment) / "runs"


def written(root: Path, experiment: str) -> dict[str, int]:
    """When the file of each stored run was written, in nanoseconds as the disk gives it, by the run's id."""
    return {path.stem: path.stat().st_mtime_ns for path in results_folder(root, experiment).glob("*.json")}


def path_of(run: Run, root: Path) -> Path:
    """The file of a run's result."""
    return results_folder(root, run.experiment.name) / f"{run.id}.json"


def store(result: Result, run: Run, root: Path) -> None:
    """Write a result by atomic rename, so that no reader and no crash ever sees half of it."""
    write_atomically(path_of(run, root), json.dumps(result.model_dump(mode="json"), indent=1) + "\n")


def stored(run: Run, root: Path) -> Result | None:
    """The stored result of a run, or None; raises :class:`InputError` for a file that is not one."""
    path = path_of(run, root)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    try:
        result = Result.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{path}: not a whole result ({place + ': ' if place else ''}{first['msg']}); "
            "delete the file or run again with --fresh"
        ) from error
    if result.id != run.id or result.settings != run.settings:
        raise InputError(f"{path}: holds another run than its name says; delete the file or run again with --fresh")
    return result


def stored_results(runs: Iterable[Run], root: Path) -> list[tuple[Run, Result]]:
    """The runs that have a stored result, with it."""
    return [(run, result) for run in runs if (result := stored(run, root)) is not None]


def samples(results: Iterable[tuple[Run, Result]]) -> dict[Cell, dict[int, float]]:
    """The experiment's metric in percent of each result, by cell and seed."""
    found: dict[Cell, dict[int, float]] = {}
    for run, result in results:
        found.setdefault(run.cell, {})[run.seed] = getattr(result.outcome, run.experiment.metric)
    return found


def write_atomically(path: Path, content: str | bytes | Callable[[IO[bytes]], object]) -> None:
    """Write a file so that it is there whole or not at all; raises :class:`InputError` where it cannot be written.

    ``content`` is text (written as UTF-8), bytes, or what writes them into an open file.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{process.name()}-", delete=False) as file:
            temporary = Path(file.name)
            if callable(content):
                content(file.file)
            else:
                file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
        raise
