"""Where stored numbers come from: our own runs, the authors' code, or somewhere that they are printed."""

import datetime
import math
from typing import Literal, TypeAlias

from pydantic import Field, model_validator

from benchmark.experiments.setup import Settings
from benchmark.system.quantity import quantity

Spread: TypeAlias = Literal["sd", "standard_error", "unknown"]
"""What a number after ± is: the standard deviation of single runs, the standard error of their mean, or not said."""
SPREADS: dict[Spread, str] = {
    "sd": "standard deviation",
    "standard_error": "standard error",
    "unknown": "a spread of unknown kind, read as a standard error",
}
EPOCHS = {"last": "of the last epoch", "best": "of the best epoch"}
KINDS = {
    "measured": "our own earlier runs",
    "authors_code": "runs of the authors' code",
    "published": "published values",
}
"""The kinds of sources in words."""


class Source(Settings):
    """A source of numbers."""

    kind: Literal["measured", "authors_code", "published"]
    """Our own run; a run of the authors' released code; or printed somewhere."""
    reference: str | None = None
    """The publication to cite."""
    place: str | None = None
    """Where in it the numbers are: a table, a figure, files."""
    spread: Spread | None = None
    """What its spreads are; they are standard deviations where it says nothing."""
    n: int | None = Field(default=None, strict=True, ge=1)
    """Runs that each of its values is the mean of, where it says so and all have as many."""
    epoch: Literal["last", "best"] | None = None
    """The epoch whose accuracy was taken, where it is known."""
    code: str | None = None
    """The code that ran: repository and commit."""
    version: str | None = None
    """Version of dst-bench."""
    commit: str | None = None
    """Of dst-bench, if the results were made from a checkout of it."""
    engine: str | None = None
    python: str | None = None
    torch: str | None = None
    device: str | None = None
    cpu: str | None = None
    """The processor's model; without it no bits can be promised."""
    threads: str | None = None
    data: str | None = None
    """Digest of the data set."""
    command: str | None = None
    """The command that makes the results again."""
    date: datetime.date | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> "Source":
        needed = {"measured": ["version", "torch", "device", "date"], "authors_code": ["code"]}
        lacking = [key for key in needed.get(self.kind, ["reference"]) if getattr(self, key) is None]
        if lacking:
            raise ValueError(f"a source of kind {self.kind} also needs: {', '.join(lacking)}")
        return self

    def standard_deviation(self, printed: float | None, n: int) -> float | None:
        """The standard deviation of single runs that a printed spread of the mean of ``n`` runs stands for.

        A spread of unknown kind is taken for a standard error, the larger of the two, so that no result deviates
        because a spread was misread.
        """
        if printed is None or self.spread not in ("standard_error", "unknown"):
            return printed
        return printed * math.sqrt(n)

    @property
    def words(self) -> str:
        """What is known of the source, in one line; empty for runs of ours, whose results say it themselves."""
        if self.kind == "measured":
            return ""
        where = ", ".join(each for each in (self.reference, self.place) if each)
        parts = [
            where or self.code,
            EPOCHS[self.epoch] if self.epoch else None,
            f"means of {quantity(self.n, 'run')}" if self.n else None,
            f"± is {SPREADS[self.spread]}" if self.spread else None,
        ]
        return f"{KINDS[self.kind]}: {'; '.join(part for part in parts if part)}"

    def differs_in_epoch(self, metric: str) -> bool:
        """Whether the epoch of its accuracies is known and is not that of a metric, such as ``test_accuracy_last``."""
        return self.epoch is not None and not metric.endswith(f"_{self.epoch}")
