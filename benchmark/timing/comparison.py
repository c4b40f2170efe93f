"""Timing two or more ways side by side, and what comes of it."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Comparison:
    """One line of the bench: ``what`` took ``ratio`` times as long as ``rival``."""

    about: str
    """The experiment or part that was timed."""
    what: str
    rival: str
    seconds: float
    """That ``what`` took, as the median over the rounds."""
    rival_seconds: float
    ratio: float
    """Median over the rounds of the ratio of the two times of a round."""
    lowest: float
    """The lowest and the highest of the ratios of the rounds."""
    highest: float
    flops: int | None = None
    """Floating-point operations that both need for the result, however many they do; None where nobody counts them."""


@dataclass(frozen=True)
class Skipped:
    """Something that could not be timed here."""

    about: str
    reason: str


Comparisons = Iterator[Comparison | Skipped]


def side_by_side(ways: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """The seconds that each way says it took, by name and round; every round times all of them, one after another."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            seconds[name].append(way())
    return seconds


def compare(
    about: str, what: str, rival: str, seconds: Mapping[str, list[float]], flops: int | None = None
) -> Comparison:
    """Two of the ways that were timed side by side; ``flops`` is what each timed piece of work needs."""
    ratios = [a / b for a, b in zip(seconds[what], seconds[rival], strict=True)]
    return Comparison(
        about,
        what,
        rival,
        statistics.median(seconds[what]),
        statistics.median(seconds[rival]),
        statistics.median(ratios),
        min(ratios),
        max(ratios),
        flops,
    )


def stopwatch(work: Callable[[], object], device: torch.device) -> Callable[[], float]:
    """``work`` as a way: called, it does the work and gives its seconds, with what the device had left to do."""

    def timed() -> float:
        started = now(device)
        work()
        return now(device) - started

    return timed


def now(device: torch.device) -> float:
    """Seconds on a clock, once ``device`` has done all that it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
