"""A report as files in a folder."""

from pathlib import Path

from benchmark.report.findings import Findings
from benchmark.report.page import page
from benchmark.report.sections import SECTIONS
from benchmark.system.files import read_text, write_atomically
from criteria.errors import InputError

WRITTEN = ".written"
"""A file that names those of the report, one a line."""


def write_report(folder: Path, findings: Findings) -> Path:
    """Write the files of all sections (tables, check and claims, figures) and the page, each written whole.

    Files of a report that was there before, and that this one does not have, are removed: they are of other results.
    Returns the place of the page. It is made before the first file is written, so that findings which cannot be made
    leave no files. Raises :class:`InputError` for such findings, and for a file that cannot be written or removed.
    """
    content, names = page(findings), ["index.html"]
    for section in SECTIONS:
        if section.wants(findings):
            for name, file in section.files(findings):
                write_atomically(folder / name, file)
                names.append(name)
    write_atomically(folder / "index.html", content)
    for name in _written_before(folder) - set(names):
        _remove(folder / name)
    write_atomically(folder / WRITTEN, "\n".join(sorted(names)) + "\n")
    return folder / "index.html"


def _written_before(folder: Path) -> set[str]:
    """The names of the files of an earlier report in the folder."""
    try:
        return {name for name in read_text(folder / WRITTEN).splitlines() if name and Path(name).name == name}
    except InputError:  # there was none, or somebody has made something else of the file
        return set()


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path}: of an earlier report, cannot be removed: {error.strerror or error}") from error
