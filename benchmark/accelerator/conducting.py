"""Conducting the parts: each in a process of its own, within the budget, and what it leaves in one archive at the end.

Nothing here imports torch: a GPU that hangs whoever asks it for something must not hang the one who keeps the time.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmark.accelerator.archive import pack
from benchmark.accelerator.checkout import checkout_metadata
from benchmark.accelerator.notes import DONE, FAILED, SKIPPED, UNFINISHED, Notes, notes_of
from benchmark.accelerator.parts import PARTS, Part
from benchmark.system import interruption
from benchmark.system.duration import duration
from benchmark.system.files import require_writable

POLL_SECONDS = 0.1
GRACE_SECONDS = 10.0
"""That a process gets to end by itself after it was asked to: a training leaves a checkpoint then."""
RESERVED = 0.1
"""Share of the budget, and at most 15 seconds, that is kept for ending processes and packing."""
LEAST_SECONDS = 2.0
"""With less time than that a part is not begun."""
ROOT = Path(__file__).resolve().parents[2]
"""Where our packages are imported from."""


@dataclass(frozen=True)
class Work:
    """What is to be done, where and for how long."""

    folder: Path
    budget: float
    """Seconds for everything, from the start of the command to the archive."""
    device: str = "cuda"
    data_dir: Path | None = None
    parts: Sequence[Part] = PARTS
    say: Callable[[str], None] = print
    command: Callable[[Part, float], list[str]] | None = None
    """The command line of the process of a part that has to end at a time (seconds since the epoch), if not our own."""


def conduct(work: Work) -> list[Notes]:
    """Work through the parts that are not done, pack the archive, and return the notes of the parts.

    The archive is packed however the work ends, with what other parts have left before. A signal that asks us to end is
    passed on to the part that runs, and raised again. Raises :class:`InputError` where the folder cannot be written or
    holds files of something else.
    """
    require_writable(work.folder)
    reserved = min(15.0, RESERVED * work.budget)
    deadline = time.time() + work.budget - reserved
    _left_before(work)  # a file of something else is refused now, and not when all is to be packed
    for part in work.parts:
        _interrupted_before(notes_of(work.folder, part.name))
    try:
        for number, part in enumerate(work.parts):
            notes = notes_of(work.folder, part.name)
            if notes.state in (DONE, FAILED):
                work.say(f"{notes.line}; done before")
                continue
            if work.device == "cpu" and part.without_gpu is not None:
                _skip(work, notes, f"it needs a GPU, and the device is cpu: {part.without_gpu}")
                continue
            share = part.share / sum(each.share for each in _open(work, number))
            _do(work, part, time.time() + share * (deadline - time.time()), reserved)
    finally:
        found = [notes_of(work.folder, part.name) for part in work.parts]
        archive = pack(work.folder, [*found, *_left_before(work)])
        work.say(f"packed in {archive}")
    return found


def _left_before(work: Work) -> list[Notes]:
    """What earlier commands have left of parts that this one is not asked for."""
    asked = {part.name for part in work.parts}
    others = [notes_of(work.folder, part.name) for part in PARTS if part.name not in asked]
    return [notes for notes in others if notes.path.exists()]


def _open(work: Work, first: int) -> list[Part]:
    """The parts from number ``first`` on that will want time."""
    parts = [part for part in work.parts[first:] if work.device != "cpu" or part.without_gpu is None]
    return [part for part in parts if notes_of(work.folder, part.name).state not in (DONE, FAILED)]


def _skip(work: Work, notes: Notes, reason: str) -> None:
    notes.state, notes.reason = SKIPPED if not notes.items else UNFINISHED, reason
    notes.write()
    work.say(notes.line)


def _interrupted_before(notes: Notes) -> None:
    """What was under way when an earlier command was ended is tried again."""
    notes.running = None
    notes.write()


def _do(work: Work, part: Part, until: float, reserved: float) -> None:
    """Run the process of a part until it has ended well or its time is over, anew wherever an item has ended it."""
    notes = notes_of(work.folder, part.name)
    if until - time.time() < LEAST_SECONDS:
        _skip(work, notes, "the budget was spent before")
        return
    work.say(f"{part.name} ({part.what}), for at most {duration(until - time.time())} …")
    grace = min(GRACE_SECONDS, reserved)
    began, before, reason = time.time(), notes.seconds, None
    while reason is None:
        known = len(notes_of(work.folder, part.name).items)
        try:
            reason = _one_process(work, part, until, grace)
        finally:
            notes = notes_of(work.folder, part.name)
            notes.seconds = round(before + time.time() - began, 2)
            if notes.state != DONE:
                notes.state, notes.reason, notes.running = UNFINISHED, reason or "it was interrupted", None
            notes.write()
        if notes.state == DONE:
            break
        if reason is None and len(notes.items) == known:  # it would end in the same way again
            reason = f"its process failed: {_last_line(work.folder / f'{part.name}.log')}"
            notes.state, notes.reason = FAILED, reason
            notes.write()
    work.say(notes.line)


def _one_process(work: Work, part: Part, until: float, grace: float) -> str | None:
    """Run one process of a part; why the part has to stop, or None where it shall begin anew if it is not done."""
    with (work.folder / f"{part.name}.log").open("ab") as log:
        command = work.command(part, until) if work.command else _command(work, part, until)
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_environment(work))
    try:
        while (status := child.poll()) is None:
            notes = notes_of(work.folder, part.name)
            if notes.state == DONE:  # all is noted, and whatever the process still does is of no use
                end(child, grace)
                return None
            if time.time() > until:
                end(child, grace)
                return "its share of the time was over"
            running = notes.running
            if running is not None and time.time() > running["since"] + running["limit"]:
                end(child, grace)
                break
            time.sleep(POLL_SECONDS)
    except BaseException:
        end(child, grace)
        raise
    notes = notes_of(work.folder, part.name)
    if notes.running is not None:
        cause = f"it took more than {notes.running['limit']:g} s" if status is None else _ended(status)
        last = _last_line(work.folder / f"{part.name}.log")
        notes.end(notes.running["item"], FAILED, reason=f"{cause}; the last line of the log: {last}")
    return None


def end(child: "subprocess.Popen[bytes]", grace: float) -> None:
    """Ask a process to end, wait for it, and then end it and all that it has started."""
    with suppress(psutil.Error):
        started = psutil.Process(child.pid).children(recursive=True)
        child.terminate()
        with suppress(subprocess.TimeoutExpired):
            child.wait(grace)
        for process in started:
            with suppress(psutil.Error):
                process.kill()
    child.kill()
    child.wait()


def _ended(status: int) -> str:
    number = -status if status < 0 else status - interruption.FIRST_STATUS
    how = f"by signal {number}" if number > 0 else f"with status {status}"
    return f"its process ended {how} while it ran"


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "there is none")


def _environment(work: Work) -> dict[str, str]:
    """That of the parts: they import our packages from where they are, and find what a checkout registers."""
    given = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    asked = [os.path.abspath(path) for path in given]  # some items run in another folder
    paths = [str(ROOT), *checkout_metadata(ROOT, work.folder / "scratch"), *asked]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def _command(work: Work, part: Part, until: float) -> list[str]:
    data_dir = [] if work.data_dir is None else [str(work.data_dir.resolve())]
    module = "benchmark.accelerator.one_part"
    return [sys.executable, "-m", module, part.name, str(work.folder), work.device, f"{until:.3f}", *data_dir]
