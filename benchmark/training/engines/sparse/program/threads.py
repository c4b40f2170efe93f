"""Threads that compute the networks of a fleet: compiled code holds no interpreter lock, so they run side by side."""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import numpy as np

Job = Callable[[Any, int], None]
"""Computes networks as long as the queue (int64 [1]) has some left, as thread number so and so."""


class Threads:
    """The caller's thread and others that wait for work; they end with the object."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._jobs: list[SimpleQueue[tuple[Job, Any] | None]] = [SimpleQueue() for _ in range(count - 1)]
        self._done: SimpleQueue[BaseException | None] = SimpleQueue()
        self._begun: list[tuple[Job, Any]] = []
        for number, jobs in enumerate(self._jobs, start=1):
            threading.Thread(target=_serve, args=(number, jobs, self._done), daemon=True).start()

    def begin(self, job: Job) -> None:
        """Let the other threads take part in ``job``, after those that were begun before."""
        queue = np.zeros(1, np.int64)
        self._begun.append((job, queue))
        for jobs in self._jobs:
            jobs.put((job, queue))

    def wait(self) -> None:
        """Take part in what was begun, until it is done."""
        begun, self._begun = self._begun, []
        failures: list[BaseException | None] = []
        try:
            for job, queue in begun:
                job(queue, 0)
        finally:
            failures = [self._done.get() for _ in begun for _ in self._jobs]
        for failure in failures:
            if failure is not None:
                raise failure

    def run(self, job: Job) -> None:
        """Let all threads take part in ``job``, and wait until it, and what was begun before, is done."""
        self.begin(job)
        self.wait()

    def __del__(self) -> None:
        for jobs in self._jobs:
            jobs.put(None)


def _serve(number: int, jobs: "SimpleQueue[tuple[Job, Any] | None]", done: "SimpleQueue[BaseException | None]") -> None:
    while (work := jobs.get()) is not None:
        job, queue = work
        try:
            job(queue, number)
        except BaseException as failure:
            done.put(failure)
        else:
            done.put(None)
        del job, work
