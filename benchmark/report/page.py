"""One HTML page with nothing to fetch, made of the sections that the findings have something for."""

from collections.abc import Sequence
from importlib.resources import files

from markupsafe import Markup

from benchmark.report.findings import Findings
from benchmark.report.section import Section, environment
from benchmark.report.sections import SECTIONS


def page(findings: Findings, sections: Sequence[Section] = SECTIONS) -> str:
    """The page of a study with at least one result."""
    shown = [(section, section.html(findings)) for section in sections if section.wants(findings)]
    style = Markup(files("benchmark.report").joinpath("page.css").read_text(encoding="utf-8"))
    template = environment().get_template("page.html.jinja")
    return template.render(experiment=findings.study.experiment, sections=shown, style=style)
