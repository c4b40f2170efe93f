"""How functions of this engine are compiled."""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from numba import config, njit

from benchmark.system.user import cache_folder
from criteria.errors import one_line

Function = TypeVar("Function", bound=Callable[..., Any])


SOURCES = sorted(Path(__file__).parent.rglob("*.py"))
"""What compiled code is made of."""
_STAMP = hashlib.sha256(b"".join(path.read_bytes() for path in SOURCES)).hexdigest()

_failures: list[str] = []
"""Why some code could not be kept."""


def told_while_compiling() -> str:
    """What somebody reads who waits for code to be compiled, and whether later runs wait again."""
    kept = f"cannot be kept for later runs: {_failures[0]}" if _failures else "is kept for later runs"
    return f"compiling the sparse engine for this network; the result {kept} …"


def compiled(function: Function) -> Function:
    """``function`` in compiled code, without the interpreter's lock.

    Nothing is compiled before the first call, and the result is kept on disk where there is a place for it.
    """
    kept = _has_place()
    found: Function = njit(function, cache=kept, nogil=True, error_model="numpy", boundscheck=False)
    if kept:
        # numba looks whether the function's own module has changed; what it calls is in the other ones
        found._cache._cache_file._source_stamp = _STAMP  # type: ignore[attr-defined]
        _forgive(found._cache)  # type: ignore[attr-defined]
    return found


def _forgive(cache: Any) -> None:
    """Let code that cannot be kept, or that was kept and is damaged, cost the time to compile it and nothing else."""
    load, save = cache.load_overload, cache.save_overload

    def load_if_whole(*asked: Any) -> Any:
        try:
            return load(*asked)
        except Exception:  # what a machine that stopped left of a pickle may raise anything
            with suppress(OSError):
                cache.flush()
            return None

    def save_if_possible(*made: Any) -> None:
        try:
            save(*made)
        except Exception as error:  # a disk is full, or an index that is damaged cannot be replaced
            _failures.append(one_line(error))

    cache.load_overload, cache.save_overload = load_if_whole, save_if_possible


def _has_place() -> bool:
    """Whether compiled code can be kept: beside the sources, else below the user's folder.

    Where neither can be written numba would take a folder named ``~`` here, or fail.
    """
    if config.CACHE_DIR or os.access(Path(__file__).parent, os.W_OK):
        return True
    folder = cache_folder() / "numba"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        _failures.append(f"neither {Path(__file__).parent} nor {folder} can be written")
        return False
    config.CACHE_DIR = str(folder)
    return True
