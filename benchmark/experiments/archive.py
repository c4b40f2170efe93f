"""Archives of results: all runs of an experiment in one compressed file, to keep beside what was made of them.

An archive is a text in UTF-8, compressed by xz, with one line for each run: its result as the results folder has it.
Expected values have one beside them, so that everybody can see tables, figures and claims without training anything.
"""

import json
import lzma
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmark.experiments.results import Result, Results, ResultsFolder, parse_result, result_text
from benchmark.experiments.runs import Run, id_of
from benchmark.system.files import read_bytes, write_atomically
from criteria.errors import InputError

SUFFIX = ".runs.jsonl.xz"
"""How the names of archives end."""
MOST_BYTES = 2**28
"""Of an archive, compressed or not: more than fifty thousand runs take."""
MOST_MEMORY = 2**27
"""Bytes that unpacking one may take: what we pack takes half of it."""
REMEDY = "take it from where it was made once more"


@dataclass(frozen=True)
class Archive:
    """The results of an archive, which are looked up by what was trained, whatever its code was then."""

    path: Path
    results: Mapping[str, Result]
    """By what they were trained with."""

    @property
    def experiment(self) -> str:
        """The name of the experiment that they are of."""
        return next(iter(self.results.values())).experiment

    def read(self, run: Run) -> Result | None:
        """The result of a run, or None. Results count here whatever code trained them: their values are kept ones."""
        return self.results.get(_trained_with(run.settings))

    def unpack(self, root: Path, alone: Callable[[Path], AbstractContextManager[None]]) -> tuple[int, ResultsFolder]:
        """Store each result that is not there yet below a folder of results; returns how many these are, and where.

        Each is looked for and stored while ``alone`` holds the lock of the folder, where others may train the same run.
        Raises :class:`InputError` where the folder cannot be written.
        """
        folder = ResultsFolder(root, self.experiment)
        added = 0
        for result in self.results.values():
            if folder.file(result.id).exists():
                continue
            with alone(folder.path):
                if not folder.file(result.id).exists():
                    folder.store(result)
                    added += 1
        return added, folder


def archive_beside(expected: Path) -> Path:
    """The archive of the results that the expected values in a file were made of."""
    return expected.with_name(expected.stem + SUFFIX)


def write_archive(results: Results, path: Path) -> None:
    """Write results as an archive, by atomic rename; raises :class:`InputError` where the file cannot be written."""
    write_atomically(path, archive_bytes(results))


def archive_bytes(results: Results) -> bytes:
    """The content of an archive of results; the same results give the same bytes."""
    lines = sorted({result.id: json.dumps(json.loads(result_text(result))) for _, result in results}.items())
    return lzma.compress("".join(f"{line}\n" for _, line in lines).encode(), preset=9)


def read_archive(path: Path) -> Archive:
    """Read an archive whole; raises :class:`InputError` for a file that is not one, or that was changed."""
    found: dict[str, Result] = {}
    for number, line in enumerate(_lines(path), start=1):
        result = parse_result(line, f"{path}, line {number}", REMEDY)
        if result.id != id_of(result.settings) or not _is_name(result.experiment):  # they become names of files
            raise InputError(f"{path}, line {number}: not a result that a run wrote; {REMEDY}")
        before = found.setdefault(_trained_with(result.settings), result)
        if replace(before.outcome, measured=None) != replace(result.outcome, measured=None):
            raise InputError(f"{path}, line {number}: another result of a run that an earlier line has; {REMEDY}")
    if not found:
        raise InputError(f"{path}: it is empty, expected a line for each result; {REMEDY}")
    if len({result.experiment for result in found.values()}) != 1:
        raise InputError(f"{path}: {len(found)} results of several experiments, expected those of one; {REMEDY}")
    return Archive(path, found)


def glance(path: Path) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The settings and the outcome of each line of an archive, as they are written: fast, because none is checked.

    Raises :class:`InputError` for a file that has no such lines.
    """
    found = []
    for number, line in enumerate(_lines(path), start=1):
        try:
            content = json.loads(line)
            found.append((dict(content["settings"]), dict(content["outcome"])))
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise InputError(f"{path}, line {number}: not a result that a run wrote; {REMEDY}") from error
    return found


def _is_name(text: str) -> bool:
    return Path(text).name == text not in ("", "..") and text.isprintable()


def _lines(path: Path) -> list[str]:
    """Those of all streams of the file: archives that were joined by ``cat`` are an archive."""
    left, text, whole = read_bytes(path, MOST_BYTES), b"", True
    try:
        while whole:
            stream = lzma.LZMADecompressor(memlimit=MOST_MEMORY)
            text += stream.decompress(left, MOST_BYTES - len(text))
            whole, left = stream.eof, stream.unused_data.lstrip(b"\0")  # streams may be padded
            if whole and not left:
                return text.decode().splitlines()
    except (lzma.LZMAError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a whole archive of results ({error}); {REMEDY}") from error
    raise InputError(f"{path}: not a whole archive of results, or one of over {MOST_BYTES:,} bytes; {REMEDY}")


def _trained_with(settings: Mapping[str, Any]) -> str:
    """What a run was trained with, without the fingerprints of its plugins' code."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: plain(each) for key, each in value.items() if key != "code"}
        return value

    return json.dumps(plain(settings), sort_keys=True)
