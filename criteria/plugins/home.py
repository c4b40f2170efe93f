"""Which files belong to a distribution, whether it was installed as a copy or in place (editable)."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import Distribution
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from criteria.plugins.sources import Module

SITES = frozenset({"site-packages", "dist-packages"})
"""Folders that distributions are installed into side by side."""
_IN_PLACE = frozenset({"setup.py", "noxfile.py", "conftest.py"})
"""Python files beside a module that serve the project, not the module."""


@dataclass(frozen=True)
class Home:
    """The files of one distribution."""

    dist: Distribution

    @cached_property
    def root(self) -> Path | None:
        """The project's folder where the distribution is installed in place, or is not recorded; else None."""
        if self._editable is not None:
            return self._editable
        folder = Path(str(self.dist.locate_file(""))).resolve()
        return folder if not self.recorded and folder.name not in SITES else None

    @cached_property
    def recorded(self) -> frozenset[Path]:
        """What the installation lists of the distribution, without its metadata and compiled copies of its source."""
        try:
            listed = self.dist.files or []
        except Exception:  # whatever stands in the list
            return frozenset()
        places = [Path(str(file.locate())).resolve() for file in listed if not _is_metadata(Path(str(file)))]
        return frozenset(place for place in places if place.suffix != ".pth")

    def has(self, path: Path) -> bool:
        """Whether a file belongs to the distribution."""
        path = path.resolve()
        if path in self.recorded:
            return True
        return self.root is not None and self.root in path.parents and not in_site(path, below=self.root)

    def files(self, modules: Iterable[Module], words: str) -> Iterator[tuple[Path, Path]]:
        """Every file that code of the distribution may reach without an import, after the folder it is imported from.

        ``modules`` are those that are known to be used, and ``words`` the texts in their code. Beside modules that are
        in no package there may be anything: there a file that is not Python counts where its name, its suffix or its
        folder is among those texts. Some files come twice.
        """
        if self.root is None and self.recorded:
            site = Path(str(self.dist.locate_file(""))).resolve()
            yield from ((site, path) for path in self.recorded if path.is_file())
            return
        for module in modules:
            if module.path is None:
                continue
            depth = module.name.count(".") + module.is_package
            if depth:
                folder = module.path.parents[depth - 1]
                yield from ((folder.parent, path) for path in _below(folder))
            else:
                yield from ((module.path.parent, path) for path in _beside(module.path.parent, words))

    @cached_property
    def _editable(self) -> Path | None:
        try:
            origin = json.loads(self.dist.read_text("direct_url.json") or "{}")
            if origin.get("dir_info", {}).get("editable") is True:
                return Path(url2pathname(urlsplit(origin["url"]).path)).resolve()
        except (OSError, ValueError, KeyError, AttributeError, TypeError):  # whatever stands in the file
            pass
        return None


def in_site(path: Path, below: Path = Path("/")) -> bool:
    """Whether a file is in a folder of installed distributions."""
    inside = path.relative_to(below) if path.is_relative_to(below) else path
    return not SITES.isdisjoint(inside.parts)


def _is_metadata(path: Path) -> bool:
    return (
        "__pycache__" in path.parts or ".." in path.parts or any(part.endswith(".dist-info") for part in path.parts[:1])
    )


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in inside.parts)
        if not hidden and path.is_file():
            yield path


def _beside(folder: Path, words: str) -> Iterator[Path]:
    named = set(re.split(r"[^\w.-]+", words)) - {""}
    suffixes = {f".{word.rpartition('.')[2]}" for word in named if "." in word}
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "__pycache__")):
            continue
        if path.is_dir():
            if path.name in named:
                yield from _below(path)
        elif path.suffix == ".py":
            if path.name not in _IN_PLACE and not path.name.startswith("test_"):
                yield path
        elif path.is_file() and (path.name in named or path.stem in named or path.suffix in suffixes):
            yield path
