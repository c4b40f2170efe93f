"""Helper processes: where one process would leave cores idle, others train beside it in the same results folder.

On a CPU a process alternates between kernels and Python, which holds one core; two processes with one thread each train
half as much again as one with two threads, or twice as much.
"""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace

import torch

from benchmark.experiments.cost import training_flops
from benchmark.experiments.results import ResultsFolder
from benchmark.experiments.runs import Run
from benchmark.running.options import Options
from benchmark.running.progress import Progress
from benchmark.system import child, communication
from benchmark.system.child import Child
from benchmark.system.torch_threads import torch_threads

MOST = 8
"""Processes, unless the user asks for more: each has the data set and the libraries in its own memory."""
WORTH = 5e11
"""FLOPs that a process should have to do; starting one costs seconds."""
_PROCESS = "benchmark.running.helper_process"


@dataclass(frozen=True)
class HelperTask:
    """What a helper is sent: the runs that shall all have a result, and how they get it."""

    runs: Sequence[Run]
    folder: ResultsFolder
    options: Options
    before: Mapping[str, int]
    """Results that do not count, by id with the time of the file."""


def helpers_worth(runs: Sequence[Run], device: torch.device, options: Options) -> int:
    """How many helpers shall train ``runs`` beside this process; none on a GPU unless the user asks for them."""
    if communication.size() > 1:
        return 0
    most = min(torch.get_num_threads(), MOST) if device.type == "cpu" else 1
    if options.processes is None and most > 1:
        most = min(most, int(training_flops(runs) / WORTH))
    return max(0, min(options.processes or most, len(runs)) - 1)


@contextmanager
def helped(count: int, task: HelperTask, progress: Progress) -> Iterator[list[Child]]:
    """Let ``count`` helpers work on ``task`` within the block, which is given them.

    Helpers end when nothing is left that nobody trains. Where the block ends with an error they end too, between two
    steps. Meanwhile the cores are shared out among the processes.
    """
    threads = max(1, torch.get_num_threads() // (count + 1))
    with torch_threads(threads), ExitStack() as stack:
        found = [stack.enter_context(_helper(task, threads, progress)) for _ in range(count)]
        try:
            yield found
        except BaseException:
            for helper in found:  # all of them, before the first is waited for: each ends after its present step
                _ask_to_end(helper)
            raise


@contextmanager
def _helper(task: HelperTask, threads: int, progress: Progress) -> Iterator[Child]:
    sent = replace(task, options=replace(task.options, wait=False, fresh=False))
    helper = child.start(_PROCESS, threads, sent)
    listening = threading.Thread(target=_listen, args=(helper, progress), daemon=True)
    try:
        listening.start()
        yield helper
        status = helper.wait()
        if status:
            progress.say(f"a helper (process {helper.pid}) ended with status {status}; the others trained its runs")
    finally:
        _ask_to_end(helper)
        try:
            helper.wait()
        except KeyboardInterrupt:  # the user asks again, and a plugin may hang
            helper.kill()
            raise
        if listening.is_alive():
            listening.join()
        assert helper.stdout is not None
        helper.stdout.close()


def _ask_to_end(helper: Child) -> None:
    """Close what it reads, by which it knows that it shall end, also where this process was killed."""
    assert helper.stdin is not None
    with suppress(BrokenPipeError):
        helper.stdin.close()


def _listen(helper: Child, progress: Progress) -> None:
    """Show what a helper says until it ends."""
    assert helper.stdout is not None
    for line in helper.stdout:
        said = json.loads(line)
        with suppress(OSError):  # nobody reads our output: the helper must not wait for that
            if "text" in said:
                progress.say(said["text"])
            else:
                progress.beside(helper.pid, said["steps"], said["runs"], said["before"])
    progress.gone(helper.pid)
