"""Other files than there are, to a plugin's code: what it reads from the machine's disk is no part of the layer."""

import builtins
import contextlib
import errno
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from criteria.contract.asking import call
from criteria.contract.own_code import Modules

CONTENT = b"2\n"
"""Of every file that is not there."""
_WRITES = frozenset("wax+")


@contextlib.contextmanager
def other_files(modules: Modules) -> Iterator[None]:
    """Another working directory; and to a plugin's code each file that is there is not, and the others are.

    A number is in them. Files of Python, of what is installed and beside the plugin stay: it may come with a table.
    """
    disk, before = _Disk(modules), os.getcwd()
    places = {(os, "stat"): disk.stat, (os, "listdir"): disk.listdir, (os, "scandir"): disk.scandir}
    places |= {(builtins, "open"): disk.open, (io, "open"): disk.open}
    real = {(owner, name): getattr(owner, name) for owner, name in places}
    try:
        for (owner, name), other in places.items():
            setattr(owner, name, other)
        os.chdir(tempfile.gettempdir())
        yield
    finally:
        os.chdir(before)
        for (owner, name), function in real.items():
            setattr(owner, name, function)


class _Disk:
    """What functions of the system say to a plugin's code; to all others they say what there is."""

    def __init__(self, modules: Modules) -> None:
        self._modules, self._stays = modules, _folders(modules)
        self._stat, self._open, self._listdir, self._scandir = os.stat, builtins.open, os.listdir, os.scandir

    def stat(self, path: Any, *arguments: Any, **named: Any) -> Any:
        if not self._is_swapped(path):
            return self._stat(path, *arguments, **named)
        self._require_missing(path)
        return self._stat(sys.executable)

    def open(self, path: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        if not _WRITES.isdisjoint(mode) or not self._is_swapped(path):
            return self._open(path, mode, *arguments, **named)
        self._require_missing(path)
        return io.BytesIO(CONTENT) if "b" in mode else io.StringIO(CONTENT.decode())

    def listdir(self, path: Any = ".") -> Any:
        return [] if self._is_swapped(path) else self._listdir(path)

    def scandir(self, path: Any = ".") -> Any:
        return contextlib.nullcontext(iter(())) if self._is_swapped(path) else self._scandir(path)

    def _is_swapped(self, path: Any) -> bool:
        try:
            name = os.path.abspath(os.fsdecode(path))
        except TypeError:  # the number of a file that is open already
            return False
        return not (name.startswith(self._stays) and self._is_there(path)) and _asked_by(self._modules)

    def _is_there(self, path: Any) -> bool:
        with contextlib.suppress(OSError, ValueError):
            self._stat(path)
            return True
        return False

    def _require_missing(self, path: Any) -> None:
        if self._is_there(path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fsdecode(path))


def _folders(modules: Modules) -> tuple[str, ...]:
    """Folders whose files stay: of the plugin's modules, of Python and of what is installed."""
    files = (getattr(sys.modules.get(name), "__file__", None) for name in modules)
    installed = {os.path.abspath(prefix) + os.sep for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix)}
    return tuple(installed | {str(Path(file).resolve().parent) + os.sep for file in files if file})


def _asked_by(modules: Modules) -> bool:
    """Whether a plugin's code asks, be it through a library."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__") != call.__module__:
        if frame.f_globals.get("__name__") in modules:
            return True
        frame = frame.f_back
    return False
