"""A checkout that is not installed: what pip would write of it, so that plugins, models and experiments are found."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from benchmark.system.files import write_atomically


def checkout_metadata(root: Path, scratch: Path) -> list[str]:
    """Folders for the import path of processes: none where we are installed, else one with a checkout's entry points.

    The one that is made is below ``scratch``. ``root`` is the folder of the checkout.
    """
    if _is_installed() or not (root / "pyproject.toml").exists():
        return []
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    folder = scratch / "metadata"
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {project['name']}", f"Version: {project['version']}"]
    write_atomically(info / "METADATA", "\n".join(lines) + "\n")
    groups = [f"[{name}]\n" + _lines(points) for name, points in project["entry-points"].items()]
    write_atomically(info / "entry_points.txt", "\n".join(groups))
    return [str(folder.resolve())]


def missing_requirements(root: Path) -> list[str]:
    """What a checkout needs and this Python does not have, as its pyproject.toml writes it."""
    requirements = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    missing = []
    for requirement in requirements:
        try:
            distribution(re.split(r"[\[>]", requirement)[0].strip())
        except PackageNotFoundError:
            missing.append(requirement)
    return missing


def _is_installed() -> bool:
    try:
        return distribution("dst-bench").read_text("entry_points.txt") is not None
    except PackageNotFoundError:
        return False


def _lines(points: dict[str, str]) -> str:
    return "".join(f"{name} = {value}\n" for name, value in points.items())
