"""The process of one part: finds out its items one after another, and notes each of them.

``python -m benchmark.accelerator.one_part PART FOLDER DEVICE UNTIL [DATA_DIR]``, which the conductor starts.
"""

import os
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

from benchmark.accelerator.notes import DONE, FAILED, SKIPPED, notes_of
from benchmark.accelerator.parts import Asked, Item, SkipItem, items_of
from benchmark.system import interruption
from benchmark.system.arithmetic import settle_arithmetic
from criteria.errors import one_line


def find_out(items: Iterable[Item], asked: Asked) -> None:
    """Find out each item that has no note yet; one that fails is noted too, and does not stop the others."""
    parent = os.getppid()
    for item in items:
        if item.key in asked.notes.items:
            continue
        if os.getppid() != parent:  # whoever started us is gone, and nobody keeps the time any more
            raise SystemExit(1)
        print(f"--- {item.key}", flush=True)  # in the log, so that its last lines can be told from those before
        asked.notes.begin(item.key, item.limit)
        try:
            found = item.find(asked)
        except SkipItem as skipped:
            asked.notes.end(item.key, SKIPPED, reason=str(skipped))
        except Exception as error:
            traceback.print_exc()
            asked.notes.end(item.key, FAILED, reason=f"{type(error).__name__}: {one_line(error)}")
        else:
            asked.notes.end(item.key, DONE, found=found)
    asked.notes.state, asked.notes.reason = DONE, ""
    asked.notes.write()


def main(arguments: list[str]) -> int:
    """Find out one part; the status is that of a signal that ended it, or 0."""
    part, folder, device, until, *data_dir = arguments
    from benchmark.system.device import choose_device
    from benchmark.system.freed_memory import keep_freed_memory

    keep_freed_memory()
    notes = notes_of(Path(folder), part)
    place = Path(data_dir[0]) if data_dir else None
    try:
        with interruption.interruptible():
            find_out(items_of(part), Asked(Path(folder), choose_device(device), place, float(until), notes))
    except KeyboardInterrupt as interrupt:
        return interruption.status_of(interrupt)
    return 0


if __name__ == "__main__":
    settle_arithmetic()
    raise SystemExit(main(sys.argv[1:]))
