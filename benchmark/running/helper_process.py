"""The other end of `benchmark.running.helpers`: a process that trains what it is sent, and says how far it is."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable

from benchmark.running.helpers import HelperTask
from benchmark.running.progress import Shows
from benchmark.running.sharing import work_on
from benchmark.system import interruption
from criteria.errors import one_line

SECONDS = 1.0
"""Between two lines that say how far it is."""


def main(task: HelperTask) -> int:
    """Work on ``task``; returns the exit status. When standard input ends, so does this process."""
    output = os.dup(1)
    os.dup2(2, 1)  # what plugins print is not for the process that listens
    try:
        with interruption.interruptible():
            threading.Thread(target=_end_with_input, daemon=True).start()
            work_on(task, _Said(output))
    except KeyboardInterrupt as interrupt:
        return interruption.status_of(interrupt)
    except BaseException as error:  # plugins may fail in any way; the process that started this one tries them too
        _say(output, {"text": f"a helper failed: {one_line(error)}"})
        return 1
    return 0


class _Said(Shows):
    """Progress as lines for the process that listens."""

    def __init__(self, output: int) -> None:
        self._output = output
        self._steps = 0
        self._before = 0.0
        self._at = time.monotonic()

    def fleet(self, members: int) -> Callable[[int, int], None]:
        begun = False

        def on_step(step: int, total: int) -> None:
            nonlocal begun
            if not begun:
                self._before += members * (step - 1) / total
                begun = True
            self._steps += members
            if time.monotonic() - self._at >= SECONDS or step == total:
                _say(self._output, {"steps": self._steps, "runs": members * step / total, "before": self._before})
                self._at, self._steps, self._before = time.monotonic(), 0, 0.0

        return on_step

    def left(self, runs: int) -> None:
        del runs  # the process that listens counts results itself
        _say(self._output, {"steps": 0, "runs": 0.0, "before": 0.0})

    def say(self, text: str) -> None:
        _say(self._output, {"text": text})


def _say(output: int, line: dict[str, object]) -> None:
    try:
        os.write(output, json.dumps(line).encode() + b"\n")
    except BrokenPipeError:  # nobody listens any more, and standard input says so too
        return


def _end_with_input() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
