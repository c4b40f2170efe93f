"""Results on disk: one JSON file per run, written whole or not at all. Nothing here imports torch."""

import hashlib
import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from benchmark.experiments.cells import Cell
from benchmark.experiments.damaged import told_together
from benchmark.experiments.outcome import Outcome, impossible
from benchmark.experiments.runs import Run
from benchmark.system.files import read_text, reason, write_atomically
from criteria.errors import InputError

ALMOST = 1e-3
"""By how much, of itself, the number of active weights after the best epoch may differ from that of the end."""


class Stored(BaseModel):
    """A part of a result's file; another key or another type than a run writes is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def _possible(outcome: Outcome) -> Outcome:
    validation = outcome.validation_accuracy  # one per epoch, fewer where a training was ended early
    for accuracy in (outcome.test_accuracy_best, outcome.test_accuracy_last, *validation):
        if not 0 <= accuracy <= 100:
            raise ValueError(f"an accuracy must be between 0 and 100 percent, not {accuracy}")
    if not min(1, len(validation)) <= outcome.best_epoch <= len(validation):
        raise ValueError(f"epoch {outcome.best_epoch} is none of the {len(validation)} epochs")
    if outcome.best_validation_accuracy < max(validation[outcome.best_epoch :], default=0.0):
        raise ValueError(f"epoch {outcome.best_epoch} is not the best by validation accuracy: a later one is better")
    for layer, density in outcome.density.items():
        if not 0 <= density <= 1:  # a mask that is chosen may leave a layer without weights
            raise ValueError(f"the density of {layer!r} must be between 0 and 1, not {density}")
    if outcome.measured is not None and (problem := impossible(outcome.measured, outcome.density.keys())) is not None:
        raise ValueError(problem)
    return outcome


def _as_at_the_end(counts: Sequence[float], epoch: int) -> bool:
    return epoch < len(counts) and abs(counts[epoch] - counts[-1]) <= ALMOST * counts[-1]


def _known(environment: dict[str, Any]) -> dict[str, Any]:
    lacking = [key for key in ("dst-bench", "torch", "device") if not isinstance(environment.get(key), str)]
    if lacking:
        raise ValueError(f"it lacks {', '.join(lacking)}")
    return environment


PossibleOutcome = Annotated[Outcome, AfterValidator(_possible)]
"""An outcome whose numbers a training can have reached."""
Environment = Annotated[dict[str, Any], AfterValidator(_known)]
"""Versions and device of a training."""


class Timing(Stored):
    """When a run was made, how long its fleet took and how large it was."""

    finished: str
    """ISO 8601, UTC."""
    fleet_seconds: float = Field(ge=0)
    """Of training of the whole fleet, without the time between an interruption and going on."""
    fleet_size: int = Field(ge=1)
    digest: str | None = None
    """Of the other times together with the rest of the result; older versions wrote none."""


class Result(Stored):
    """What is stored of one run. Apart from ``time`` it is the same, bit for bit, on every rerun on one machine."""

    id: str
    experiment: str
    settings: dict[str, Any]
    outcome: PossibleOutcome
    contract_skipped: bool = False
    """Whether the criterion was trained without being asked whether it keeps the contract."""
    code: str = Field(default="", pattern=r"^[\w -]{0,64}$")
    """Fingerprint of the code that trained it, or of the code that was shown since to give the same bits; it becomes
    the name of a folder."""
    environment: Environment
    time: Timing

    @model_validator(mode="after")
    def _best_is_of_its_cell(self) -> Self:
        """Where the density changes, the best checkpoint is one with the density of the end."""
        outcome = self.outcome
        if "density_schedule" not in self.settings.get("topology", {}):
            if outcome.best_validation_accuracy < max(outcome.validation_accuracy, default=0.0):
                raise ValueError(f"epoch {outcome.best_epoch} is not the best by validation accuracy")
        elif (counts := outcome.active_by_epoch) and not _as_at_the_end(counts, outcome.best_epoch):
            raise ValueError(f"after epoch {outcome.best_epoch}, the best, the density was not that of the end")
        return self


Results: TypeAlias = Sequence[tuple[Run, Result]]


REMEDY = "delete the file or run again with --fresh"


@dataclass(frozen=True)
class ResultsFolder:
    """Where everything about one experiment is kept below a folder of results."""

    root: Path
    experiment: str

    @property
    def path(self) -> Path:
        """The experiment's own folder."""
        return self.root / self.experiment

    @property
    def where(self) -> str:
        """Where results are, in words; absolute, because a folder may depend on where a command was started."""
        return f"results in {self.path.absolute()}"

    @property
    def runs(self) -> Path:
        """The folder of the files of its runs."""
        return self.path / "runs"

    def file(self, id_: str) -> Path:
        """The file of the result of the run with this id."""
        return self.runs / f"{id_}.json"

    def written(self) -> dict[str, int]:
        """When the file of each stored run was written, in nanoseconds as the disk gives it, by the run's id."""
        found = {}
        for path in self.runs.glob("*.json"):
            with suppress(FileNotFoundError):  # somebody removed it this moment
                found[path.stem] = path.stat().st_mtime_ns
        return found

    def written_since(self, before: Mapping[str, int]) -> frozenset[str]:
        """The ids of the runs that have a result now, apart from those whose file is as old as it was ``before``."""
        return frozenset(id_ for id_, time in self.written().items() if before.get(id_) != time)

    def store(self, result: Result) -> None:
        """Write a result by atomic rename, so that no reader and no crash ever sees half of it."""
        write_atomically(self.file(result.id), result_text(result))

    def set_aside(self, result: Result) -> Path:
        """Move the file of a result of older code to where no run looks for it; returns where it is then.

        Raises :class:`InputError` where the folder cannot be written.
        """
        place = self.path / "older" / (result.code or "unknown") / f"{result.id}.json"
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            self.file(result.id).replace(place)
        except OSError as error:
            raise InputError(f"{place}: cannot be written: {reason(error, place)}") from error
        return place

    def read(self, run: Run) -> Result | None:
        """The stored result of a run, or None.

        Raises :class:`InputError` for a file that is not one, or that was changed since it was written.
        """
        path = self.file(run.id)
        try:
            os.lstat(os.path.realpath(path))  # a link that leads to itself is there, and cannot be read
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(f"{self.runs}: cannot be read: {reason(error, self.runs)}") from error
        result = parse_result(read_text(path), str(path), REMEDY)
        if result.id != run.id or result.settings != run.settings:
            raise InputError(f"{path}: holds another run than its name says; {REMEDY}")
        if result.experiment != self.experiment:  # it was copied from where another experiment asks for the same run
            return result.model_copy(update={"experiment": self.experiment})
        return result

    def read_all(self, runs: Iterable[Run]) -> list[tuple[Run, Result]]:
        """The runs that have a stored result, with it; each file is read once.

        Raises :class:`InputError` where the folder cannot be read, and for damaged results, of which it names the first
        and says how many others there are.
        """
        found = []
        with told_together() as damaged:
            for run in runs:
                with damaged.gathered():
                    found += [(run, result)] if (result := self.read(run)) is not None else []
        return found


def result_text(result: Result) -> str:
    """The text of a result's file, with the digests by which an edited or damaged one is known."""
    content = result.model_dump(mode="json")
    content["time"]["digest"] = _digest_of_all(content)
    return json.dumps({**content, "digest": _digest(content)}, indent=1) + "\n"


def parse_result(text: str, place: str, remedy: str) -> Result:
    """The result that a text holds.

    Raises :class:`InputError`, which names the ``place`` and the ``remedy``, for a text that is not a result, or that
    was changed since it was written.
    """
    try:
        content = _parse(text)
        intact = content.pop("digest", None) == _digest(content)
        result = Result.model_validate_json(json.dumps(content))
        intact = intact and result.time.digest in (None, _digest_of_all(content))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        problem = f"{where}: {first['msg']}" if where else first["msg"]
        raise InputError(f"{place}: not a whole result ({problem}); {remedy}") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{place}: not a whole result ({error}); {remedy}") from error
    if not intact:
        raise InputError(
            f"{place}: was changed since it was written, its digest is not the one of its content; {remedy}"
        )
    return result


def _parse(text: str) -> dict[str, Any]:
    """A mapping from JSON, in which a key that is given twice and a number that is not finite are errors."""

    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content = dict(pairs)
        if len(content) < len(pairs):
            raise ValueError("a key is given twice")
        return content

    def number(text: str) -> float:
        if not math.isfinite(value := float(text)):
            raise ValueError(f"{text} is not a finite number")
        return value

    content = json.loads(text, object_pairs_hook=mapping, parse_float=number, parse_constant=number)
    if not isinstance(content, dict):
        raise TypeError(f"expected a mapping, found {type(content).__name__}")
    return content


def _digest(content: dict[str, Any]) -> str:
    """A hash of a result apart from its time, which tells a damaged or edited file from what a run wrote."""
    return _hash({key: value for key, value in content.items() if key != "time"})


def _digest_of_all(content: dict[str, Any]) -> str:
    """A hash of a result with its times."""
    return _hash({**content, "time": {key: value for key, value in content["time"].items() if key != "digest"}})


def _hash(content: dict[str, Any]) -> str:
    return f"sha256:{hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()}"


def samples(results: Iterable[tuple[Run, Result]], metric: str) -> dict[Cell, dict[int, float]]:
    """The ``metric`` (a field of :class:`Outcome`) in percent of each result, by cell and seed."""
    found: dict[Cell, dict[int, float]] = {}
    for run, result in results:
        found.setdefault(run.cell, {})[run.seed] = getattr(result.outcome, metric)
    return found
