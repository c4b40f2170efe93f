"""The kinds of plugins, as data: where each is registered, and what a registered object has to be."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from criteria.errors import InputError

KindName = Literal["criterion", "growth", "schedule", "baseline", "experiments", "model", "data", "claim"]


@dataclass(frozen=True)
class Kind:
    """One kind of plugin."""

    name: KindName
    group: str
    """The entry-point group that plugins of this kind are registered in."""
    noun: str
    """What messages call it."""
    registers: Literal["class", "function", "object", "package"]
    """What is registered of it: what is made from it, a function, an object as it is, or a package with files."""
    base: str | None = None
    """``module:class`` that a class has to be built on, or that an object has to be one of."""
    by_name_alone: bool = False
    """Whether each has to work without parameters, because it is used together with all others of its kind."""
    given: tuple[str, ...] = ()
    """Arguments of a registered function that come from the program, so they are no parameters."""


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "criterion", "dst_bench.criteria", "criterion", "class", base="criteria.api:Criterion", by_name_alone=True
        ),
        Kind("growth", "dst_bench.growth", "growth", "class", base="criteria.api:Growth", by_name_alone=True),
        Kind(
            "schedule",
            "dst_bench.schedules",
            "schedule",
            "class",
            base="criteria.schedule:DensitySchedule",
            by_name_alone=True,
        ),
        Kind("baseline", "dst_bench.baselines", "baseline", "class", base="baselines.api:Baseline"),
        Kind("experiments", "dst_bench.experiments", "experiments", "package"),
        Kind("model", "dst_bench.models", "model", "function", given=("inputs", "classes")),
        Kind("data", "dst_bench.data", "data set", "class", base="benchmark.data.source:DataSource"),
        Kind("claim", "dst_bench.claims", "claim", "object", base="benchmark.verdicts.claims.api:Claim"),
    )
}
"""By name. What is here is text only, so this module depends on none of those that it names."""


def kind_of(name: str) -> Kind:
    """The kind of this name; raises :class:`InputError` where there is none."""
    if name not in KINDS:
        raise unknown("kind of plugin", name, KINDS)
    return KINDS[name]


def unknown(what: str, name: str, known: Iterable[str]) -> InputError:
    """The error for a name that does not exist, with the nearest one that does, or with all of them."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}"
    return InputError(f"unknown {what} {name!r}; {hint}")
