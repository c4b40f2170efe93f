"""How each criterion looks: a colour of its own, the same in every figure of every report."""

import colorsys
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from benchmark.experiments.cells import Cell
from benchmark.report.figures.look import COLOURS, DASHES, MARKERS

Styles: TypeAlias = dict[str, dict[str, Any]]
"""Colour, marker and dashes by criterion."""
KNOWN: dict[str, str] = {
    **dict(zip(("magnitude", "set", "mest", "snip", "reciprocal_sensitivity", "random"), COLOURS, strict=True)),
    "grad_step": "#007800",
    "grasp": "#8778E1",
    "running_magnitude": "#B43C4B",
    "running_snip": "#FF8787",
    "sensitivity": "#87691E",
    "snip_half": "#C396FF",
    "snip_signed": "#FF4BFF",
    "taylor_fo": "#FF00B4",
    "wanda": "#B400FF",
    "relative_importance": "#3CC300",
    "soft_magnitude": "#C30096",
}
"""The colours of the criteria that this distribution ships, with their own parameters."""
OTHERS = ("#3C4BFF", "#FF0069", "#96960F", "#1E96B4", "#4B5AD2", "#00A5FF")
"""The colours of all others in their order. They, and those above after the first six, are each as far as possible from
all before them, in OKLab and as somebody with deuteranopia sees them, and can be seen on light and on dark paper."""
GOLDEN = 0.61803
"""A step around the circle of hues after which no hue comes again."""


def criterion_styles(names: Iterable[str]) -> Styles:
    """The style of each criterion; no two have one colour. Those that nobody knows get theirs in the order of names."""
    named = list(dict.fromkeys(names))
    places = {name: place for place, name in enumerate(KNOWN)}
    strangers = [name for name in named if name not in places]
    places |= {name: len(KNOWN) + place for place, name in enumerate(strangers)}
    return {
        name: {
            "color": KNOWN.get(name) or _stranger(strangers.index(name)),
            "marker": MARKERS[places[name] % len(MARKERS)],
            "linestyle": DASHES[places[name] // len(COLOURS) % len(DASHES)] if name in KNOWN else "-",
        }
        for name in named
    }


def styles_of(grid: Sequence[Cell]) -> Styles:
    """The styles of the criteria of an experiment's cells, baselines left out."""
    return criterion_styles(cell.criterion for cell in grid if cell.growth is not None)


def _stranger(place: int) -> str:
    if place < len(OTHERS):
        return OTHERS[place]
    red, green, blue = colorsys.hls_to_rgb(place * GOLDEN % 1, 0.5, 0.75)
    return f"#{round(255 * red):02X}{round(255 * green):02X}{round(255 * blue):02X}"
