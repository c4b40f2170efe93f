"""What is known of a cell's results where its seeds' values are not: mean, standard deviation and number."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    """A mean of ``n`` seeds and their sample standard deviation (n - 1 in the denominator; None if it is not known)."""

    mean: float
    std: float | None
    n: int

    @property
    def without_n(self) -> str:
        """Mean and standard deviation as text."""
        return f"{self.mean:.2f}" if self.std is None else f"{self.mean:.2f} ± {self.std:.2f}"

    def __str__(self) -> str:
        return f"{self.without_n} ({self.n})"
