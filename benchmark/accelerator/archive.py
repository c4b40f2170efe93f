"""One archive of all that the parts have left, however far they came."""

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from benchmark.accelerator.notes import Notes
from benchmark.system.files import write_atomically

NAME = "gpu.tar.gz"
SUMMARY = "summary.txt"
RESULTS = ("results/*/runs/*.json", "results/*/journal.jsonl")
"""What the panel has trained, as ``dst-bench run --results`` takes it up; checkpoints stay where they are."""


def pack(folder: Path, parts: Sequence[Notes]) -> Path:
    """Write the summary and the archive of a folder, whole or not at all; returns where the archive is."""
    results = sorted(path for pattern in RESULTS for path in folder.glob(pattern))
    stored = sum(path.suffix == ".json" for path in results)
    lines = [*(notes.line for notes in parts), f"results of runs: {stored}"]
    write_atomically(folder / SUMMARY, "\n".join(lines) + "\n")
    files = [folder / SUMMARY]
    for notes in parts:
        files += [notes.path, notes.path.with_suffix(".txt"), notes.path.with_suffix(".log")]
    present = [path for path in [*files, *results] if path.is_file()]
    write_atomically(folder / NAME, lambda file: _write(file, folder, present))
    return folder / NAME


def _write(file: IO[bytes], folder: Path, paths: Sequence[Path]) -> None:
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for path in paths:
            content = path.read_bytes()  # a log that grows meanwhile would be longer than its header says
            entry = tarfile.TarInfo(str(path.relative_to(folder)))
            entry.size, entry.mtime = len(content), int(path.stat().st_mtime)
            archive.addfile(entry, io.BytesIO(content))
