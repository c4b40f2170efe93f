"""Checkpoints: where the training of a fleet was, in one file that is believed whole or not at all.

Torch is imported when one is read or written, so that looking for checkpoints where there are none costs nothing.
"""

import hashlib
import zipfile
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from benchmark.experiments.outcome import Outcome
from benchmark.experiments.results import Environment, PossibleOutcome
from benchmark.experiments.setup import Setup
from benchmark.system.files import write_atomically
from benchmark.training.fingerprint import code_of_setup
from criteria.errors import InputError, is_out_of_memory, one_line

_OUTCOMES = TypeAdapter(list[Outcome])


class DamagedCheckpointError(InputError):
    """A file that is no checkpoint, or no longer a whole one."""


class Checkpoint(BaseModel):
    """A fleet between two optimizer steps, or at its end."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[2] = 2
    """Raised whenever checkpoints are changed so that older ones cannot be read."""
    versions: dict[str, str]
    """Of the programs that decide how the state is read; a fleet goes on with the same versions only."""
    runs: list[str]
    """Ids of the members' runs, in the fleet's order."""
    environments: list[Environment] = Field(min_length=1)
    """In which the fleet was trained so far, in this order."""
    seconds: float = Field(ge=0, allow_inf_nan=False)
    """Of training so far."""
    step: int = Field(ge=0)
    total_steps: int
    state: dict[str, Any] | None
    """Of :meth:`FleetTraining.state_dict`; None at the end."""
    outcomes: list[PossibleOutcome] | None
    """Of all members; None before the end."""
    failures: dict[str, str] = {}
    """What plugins of members failed at, by the run's id; at the end, these outcomes do not count."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.state is None) == (self.outcomes is None):
            raise ValueError("expected a state before the end and outcomes at the end")
        if self.outcomes is not None and len(self.outcomes) != len(self.runs):
            raise ValueError(f"expected outcomes of {len(self.runs)} runs, found {len(self.outcomes)}")
        return self


def versions(setup: Setup, data: str) -> dict[str, str]:
    """The versions that a checkpoint of a training with this setup has here, and digests of its code and its data."""
    return {name: version(name) for name in ("dst-bench", "torch")} | {"code": code_of_setup(setup), "data": data}


def checkpoints_folder(folder: Path) -> Path:
    """Where the checkpoints of an experiment are, under its folder of results."""
    return folder / "checkpoints"


def checkpoint_file(folder: Path, runs: Iterable[str]) -> Path:
    """The file for the fleet of these runs."""
    fleet = hashlib.sha256(" ".join(runs).encode()).hexdigest()[:16]
    return checkpoints_folder(folder) / f"{fleet}.pt"


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write by atomic rename; raises :class:`InputError` where it cannot be written."""
    import torch

    content = {name: getattr(checkpoint, name) for name in Checkpoint.model_fields}
    if checkpoint.outcomes is not None:
        content["outcomes"] = _OUTCOMES.dump_python(checkpoint.outcomes)
    write_atomically(path, lambda file: torch.save(content, file))


def read_checkpoint(path: Path, *, whole: bool = True) -> Checkpoint:
    """Read a checkpoint without executing anything in it.

    Without ``whole`` its tensors are neither read nor verified, which is for looking at everything else. Raises
    :class:`DamagedCheckpointError` for a file that is not a checkpoint, and :class:`InputError` where the disk does not
    give it or memory cannot take it.
    """
    content = _content(path, whole=whole)
    try:
        checkpoint = Checkpoint.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DamagedCheckpointError(
            f"{path}: not a checkpoint of this kind ({place or 'content'}: {first['msg']})"
        ) from error
    if path.name != checkpoint_file(path.parent, checkpoint.runs).name:
        raise DamagedCheckpointError(f"{path}: not the checkpoint that its name says: it holds other runs")
    return checkpoint


def _content(path: Path, *, whole: bool) -> Any:
    """What torch reads from the file: plain data and tensors."""
    import torch

    if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe or a device, which may never end
        raise DamagedCheckpointError(f"{path}: not a checkpoint: it is not a regular file")
    try:
        with zipfile.ZipFile(path) as archive:  # torch does not look at the checksums that it writes
            damaged = archive.testzip() if whole else None
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=not whole)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnpicklingError as error:  # torch's words go on to explain how to execute it all the same
        raise DamagedCheckpointError(f"{path}: not a checkpoint: it holds more than tensors and plain data") from error
    except Exception as error:  # torch and zipfile raise many kinds of errors, since the file may hold anything
        if _is_short_of_memory(error):
            raise InputError(f"{path}: cannot be read: {one_line(error)}") from error
        raise DamagedCheckpointError(f"{path}: not a whole checkpoint: {one_line(error)}") from error
    if damaged is not None:
        raise DamagedCheckpointError(f"{path}: not a whole checkpoint: the checksum of {damaged} is wrong")
    return content


def _is_short_of_memory(error: Exception) -> bool:
    return is_out_of_memory(error) or "unable to mmap" in str(error)
