"""Showing how far a long piece of work is: a live line on a terminal, a plain line now and then elsewhere."""

import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from benchmark.system.duration import duration
from benchmark.system.quantity import quantity

PLAIN_INTERVAL = 15.0
"""Seconds between two lines where the output is not a terminal."""
LEAST = 1.0
"""Seconds of training after which the time that is left is foreseen; the first step may have compiled for minutes."""
UNKNOWN = "…"


class Shows(Protocol):
    """What a piece of work tells while it goes on."""

    def fleet(self, members: int) -> Callable[[int, int], None]:
        """Begin or resume a fleet; the returned function is called with (step, total steps) after each step of it."""
        ...

    def left(self, runs: int) -> None:
        """Note that so many runs have no result yet, whoever trains them."""
        ...

    def say(self, text: str) -> None:
        """Print a line beside the progress."""
        ...


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave the error to whoever ends the command: rich would end it with status 1, which says something else."""
        raise


class Progress(Shows):
    """Counts runs and optimizer steps, all networks of a fleet counted, and tells what is left."""

    def __init__(self, total_runs: int, console: Console | None = None) -> None:
        self._console = console or _Console(stderr=True, soft_wrap=True)
        self._total = total_runs
        self._done = 0
        self._steps = 0
        self._fraction = 0.0
        self._beside: dict[int, float] = {}
        self._before = 0.0  # of training that checkpoints brought, in runs
        self._began: tuple[float, float] | None = None  # when the first step was done, and how many runs it was
        self._started = self._printed = time.monotonic()
        self._bar = Bar(
            BarColumn(),
            TextColumn("{task.description}", markup=False),
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task(self._line(), total=total_runs)

    def __enter__(self) -> "Progress":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # a terminal that was closed hides nothing of why we end
            self._bar.stop()

    def fleet(self, members: int) -> Callable[[int, int], None]:
        begun = False

        def on_step(step: int, total: int) -> None:
            nonlocal begun
            if not begun:
                self._before += members * (step - 1) / total
                begun = True
            self._steps += members
            self._fraction = members * step / total
            self._show()

        return on_step

    def left(self, runs: int) -> None:
        ended = runs == 0 and self._done < self._total
        self._done = self._total - runs
        self._fraction = 0.0
        self._show(final=ended)

    def beside(self, process: int, steps: int, runs: float, before: float = 0.0) -> None:
        """Note that a helper did so many steps more, and that so many runs of its fleet are done, as a fraction.

        ``before`` are those that a checkpoint brought since it said so last.
        """
        self._steps += steps
        self._beside[process] = runs
        self._before += before

    def gone(self, process: int) -> None:
        """Note that a helper has ended; what it had done of a fleet that it did not finish has to be done again.

        It was done at the speed that it was done at, so it goes on to count where the time that is left is foreseen.
        """
        self._before -= self._beside.pop(process, 0.0)

    def say(self, text: str) -> None:
        self._console.print(text, markup=False, emoji=False, highlight=False)

    def _show(self, *, final: bool = False) -> None:
        now = time.monotonic()
        trained = self._completed() - self._before
        if self._began is None and trained > 0:
            self._began = now, trained
        if self._console.is_terminal:
            self._bar.update(self._task, completed=self._completed(), description=self._line())
        elif final or now - self._printed >= PLAIN_INTERVAL:
            self._printed = now
            self.say(self._line())

    def _line(self) -> str:
        now = time.monotonic()
        elapsed = now - self._started
        rate = self._steps / elapsed if elapsed > 0 else 0.0
        percent = int(100 * self._completed() / self._total + 1e-9)  # it is 100 at the end and not before
        return (
            f"{self._done} of {quantity(self._total, 'run')} ({percent}%) · {rate:,.0f} steps/s · "
            f"{duration(elapsed)} gone · {self._left(now)} left"
        )

    def _left(self, now: float) -> str:
        """The time that is left in words, at the speed since the first step that was done here."""
        done = self._completed()
        if done >= self._total:
            return duration(0)
        began, first = self._began or (now, 0.0)
        trained = done - self._before - first
        if now - began < LEAST or trained <= 0:
            return UNKNOWN
        return duration((now - began) * (self._total - done) / trained)

    def _completed(self) -> float:
        return min(self._total, self._done + self._fraction + sum(self._beside.values()))
