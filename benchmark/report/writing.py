"""A report as files in a folder."""

from pathlib import Path

from benchmark.report.findings import Findings
from benchmark.report.page import page
from benchmark.report.sections import SECTIONS
from benchmark.system.files import write_atomically


def write_report(folder: Path, findings: Findings) -> Path:
    """Write the files of all sections (tables, check and claims, figures) and the page, each written whole.

    Returns the place of the page. It is made before the first file is written, so that findings which cannot be made
    leave no files. Raises :class:`InputError` for such findings, and for a file that cannot be written.
    """
    content = page(findings)
    for section in SECTIONS:
        if section.wants(findings):
            for name, file in section.files(findings):
                write_atomically(folder / name, file)
    write_atomically(folder / "index.html", content)
    return folder / "index.html"
