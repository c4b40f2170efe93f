"""Distributions that are installed for one test: real files in a folder of the import path."""

import importlib
import itertools
import json
import sys
import textwrap
from pathlib import Path

import pytest

from criteria import plugins

NUMBERS = itertools.count()


def unique(stem="made_up"):
    """A name for a package that no other test of this process has."""
    return f"{stem}_{next(NUMBERS)}"


class Site:
    """A folder that distributions are installed into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text(textwrap.dedent(text))
        return path

    def install(self, name, files=(), entry_points="", *, editable=None, requires=(), version="1"):
        """Install a distribution with these files (contents by path) and this text of ``entry_points.txt``.

        With ``editable`` the files are in that folder, which has to be on the import path.
        """
        files = dict(files)
        for path, text in files.items():
            Site(editable or self.folder).file(path, text)
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        (info / "METADATA").write_text("\n".join([*lines, *(f"Requires-Dist: {each}" for each in requires)]) + "\n")
        (info / "entry_points.txt").write_text(textwrap.dedent(entry_points))
        recorded = [] if editable else list(files)
        (info / "RECORD").write_text("".join(f"{path},,\n" for path in [*recorded, f"{info.name}/METADATA"]))
        if editable:
            origin = {"url": editable.resolve().as_uri(), "dir_info": {"editable": True}}
            (info / "direct_url.json").write_text(json.dumps(origin))
        self.refresh()

    @staticmethod
    def refresh():
        importlib.invalidate_caches()
        plugins.forget()


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of installed distributions, on the import path until the test ends."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    yield Site(folder)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]
    monkeypatch.undo()
    Site.refresh()
