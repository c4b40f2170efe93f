"""Sections of reports: what a section has, and what all templates of the page share."""

import base64
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from benchmark.report.figures.look import Plot
from benchmark.report.findings import Findings
from benchmark.report.numbers import signed
from benchmark.report.tables import csv_text
from benchmark.system.quantity import quantity
from benchmark.verdicts.statistics.summary import Summary

File: TypeAlias = tuple[str, str | bytes]
"""The name of a file in the folder of a report, and its content."""


@dataclass(frozen=True)
class Section:
    """A section of a report.

    ``name`` is the anchor of its heading and names its template, ``sections/<name>.html.jinja``. ``title`` is its
    heading; a section without one stands above all headings. A section is left out of reports that it does not want.
    """

    name: str
    title: str | None
    values: Callable[[Findings], Mapping[str, Any]] = lambda _: {}
    """The values that its template shows, beside ``findings`` and ``study``, which every template has."""
    wants: Callable[[Findings], bool] = lambda _: True
    """Whether there is something to show."""
    files: Callable[[Findings], Iterable[File]] = lambda _: ()
    """The files that are written beside the page."""

    def html(self, findings: Findings) -> Markup:
        """The section's part of the page, without its heading."""
        values = {**self.values(findings), "findings": findings, "study": findings.study}
        return Markup(environment().get_template(f"sections/{self.name}.html.jinja").render(values))


@dataclass(frozen=True)
class Image:
    """A figure inside the page, for light and for dark paper."""

    title: str
    caption: str
    light: str
    dark: str
    alt: str
    data: str
    """The name of the file beside the page that has its numbers."""


@dataclass(frozen=True)
class Table:
    """A table on the page, with a sentence on how to read it."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    reading: str
    left: int = 2
    """Number of columns of words, which come before those of numbers."""


@cache
def environment() -> Environment:
    """The templates of the page and of its sections; all values are escaped."""
    found = Environment(
        loader=PackageLoader("benchmark.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "summary": _summary_text,
        "signed": signed,
        "points": _points,
        "setting": setting_text,
        "quantity": quantity,
    }
    return found


def embedded(findings: Findings, plot: Plot) -> Image:
    """A figure of the findings as an image that is part of the page."""

    def data(svg: bytes) -> str:
        return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"

    drawn, words = findings.images(plot), plot.alt or plot.caption
    return Image(plot.title, plot.caption, data(drawn.svg), data(drawn.dark), words, f"{plot.name}.csv")


def figure_files(findings: Findings, plot: Plot) -> Iterable[File]:
    """The files of a figure of the findings."""
    drawn = findings.images(plot)
    yield f"{plot.name}.png", drawn.png
    yield f"{plot.name}.svg", drawn.svg
    if plot.rows:
        yield f"{plot.name}.csv", csv_text(plot.headers, plot.rows)


def setting_text(value: Any) -> str:
    """A setting for reading: mappings and lists without their brackets, and in words where they are empty."""
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {setting_text(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(setting_text, value)) or "none"
    return str(value)


def _summary_text(summary: Summary | None) -> str:
    return "–" if summary is None else summary.without_n


def _points(points: float) -> str:
    return f"{points:.2f}" if math.isfinite(points) else "?"
