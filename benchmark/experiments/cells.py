"""A cell: one place in an experiment's grid, without the seed; what tables, expected values and verdicts speak of."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import total_ordering
from typing import Any, TypeAlias

from criteria.errors import InputError
from criteria.plugins import unknown

Value: TypeAlias = str | float | int | bool


@total_ordering
@dataclass(frozen=True)
class Cell:
    """One combination of what an experiment varies; its seeds are repeats of it.

    ``criterion`` is a criterion's or a baseline's spec, such as ``mest(lambda_=0.1)`` or ``static``; ``growth`` is None
    for a baseline; ``density`` is the fraction kept, 1 for a dense network; ``extra`` are further axes by name, such as
    ``(("update_period", 25),)``, kept sorted. Raises :class:`InputError` for values that name no cell.
    """

    criterion: str
    growth: str | None
    density: float
    extra: tuple[tuple[str, Value], ...] = ()

    def __post_init__(self) -> None:
        for name, text in (("criterion", self.criterion), ("growth", "none" if self.growth is None else self.growth)):
            if not isinstance(text, str) or not text:
                raise InputError(f"{name} of a cell must be a name, not {text!r}")
        if not _is_number(self.density) or not 0 < self.density <= 1:
            raise InputError(f"density of a cell must be above 0 and at most 1, not {self.density!r}")
        for name, value in self.extra:
            if not isinstance(name, str) or not (isinstance(value, str | bool) or _is_number(value)):
                raise InputError(f"{name!r} of a cell must be a number, a text, or true or false, not {value!r}")
        if len({name for name, _ in self.extra}) < len(self.extra):
            raise InputError(f"a cell has a further axis twice: {', '.join(name for name, _ in self.extra)}")
        object.__setattr__(self, "density", float(self.density))
        object.__setattr__(self, "extra", tuple(sorted(self.extra)))

    @classmethod
    def from_mapping(cls, content: Mapping[str, Any]) -> "Cell":
        """The cell written as ``{criterion: …, growth: …, density: …, extra: {axis: value}}``."""
        for key in content:
            if key not in ("criterion", "growth", "density", "extra"):
                raise unknown("key of a cell", str(key), ["criterion", "growth", "density", "extra"])
        extra = content.get("extra", {})
        if not isinstance(extra, Mapping):
            raise InputError(f"extra of a cell must be a mapping of axes to values, not {extra!r}")
        for key in ("criterion", "density"):
            if key not in content:
                raise InputError(f"a cell needs a {key}; found only: {', '.join(map(str, content)) or 'nothing'}")
        return cls(content["criterion"], content.get("growth"), content["density"], tuple(extra.items()))

    def to_mapping(self) -> dict[str, Any]:
        """The cell as plain data for YAML and JSON; keys that do not apply are left out."""
        growth = {} if self.growth is None else {"growth": self.growth}
        extra = {"extra": dict(self.extra)} if self.extra else {}
        return {"criterion": self.criterion, **growth, "density": self.density, **extra}

    @property
    def label(self) -> str:
        """What the cell's curve over density is called, such as ``magnitude · gradient``."""
        return " · ".join([*self._names(), *self._settings()])

    def __str__(self) -> str:
        return " · ".join([*self._names(), str(self.density), *self._settings()])

    def _names(self) -> list[str]:
        return [self.criterion] if self.growth is None else [self.criterion, self.growth]

    def _settings(self) -> list[str]:
        return [f"{name}={value}" for name, value in self.extra]

    def __lt__(self, other: object) -> bool:
        return self._order() < other._order() if isinstance(other, Cell) else NotImplemented

    def _order(self) -> tuple[Any, ...]:
        # Numbers of an axis, and false and true, sort before its texts, so that any two cells compare.
        extra = tuple((name, isinstance(value, str), value) for name, value in self.extra)
        return (self.criterion, self.growth or "", self.density, extra)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
