"""Other files than there are, to a plugin's code: what it reads from the machine's disk is no part of the layer."""

import builtins
import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
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
    """To a plugin's code each file that is there is not, and the others are, with a number in them.

    Files of Python, of what is installed and beside the plugin stay: a plugin may come with a table.
    """
    own = _folders(modules)
    real_stat, real_open, real_list, real_scan = os.stat, builtins.open, os.listdir, os.scandir

    def is_there(path: Any) -> bool:
        with contextlib.suppress(OSError, ValueError):
            real_stat(path)
            return True
        return False

    def is_swapped(path: Any) -> bool:
        try:
            name = os.path.abspath(os.fsdecode(path))
        except TypeError:  # the number of a file that is open already
            return False
        return not (name.startswith(own) and is_there(path)) and _asked_by(modules)

    def stat(path: Any, *arguments: Any, **named: Any) -> Any:
        if not is_swapped(path):
            return real_stat(path, *arguments, **named)
        if is_there(path):
            raise FileNotFoundError(2, "No such file or directory", os.fsdecode(path))
        return real_stat(sys.executable)

    def open_(path: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        if not _WRITES.isdisjoint(mode) or not is_swapped(path):
            return real_open(path, mode, *arguments, **named)
        if is_there(path):
            raise FileNotFoundError(2, "No such file or directory", os.fsdecode(path))
        return io.BytesIO(CONTENT) if "b" in mode else io.StringIO(CONTENT.decode())

    def listdir(path: Any = ".") -> Any:
        return [] if is_swapped(path) else real_list(path)

    def scandir(path: Any = ".") -> Any:
        return contextlib.nullcontext(iter(())) if is_swapped(path) else real_scan(path)

    swaps: Mapping[tuple[Any, str], Callable[..., Any]] = {
        (os, "stat"): stat,
        (builtins, "open"): open_,
        (io, "open"): open_,
        (os, "listdir"): listdir,
        (os, "scandir"): scandir,
    }
    before = os.getcwd()
    try:
        for (owner, name), other in swaps.items():
            setattr(owner, name, other)
        os.chdir(tempfile.gettempdir())
        yield
    finally:
        os.chdir(before)
        os.stat, builtins.open, os.listdir, os.scandir = real_stat, real_open, real_list, real_scan
        io.open = real_open


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
