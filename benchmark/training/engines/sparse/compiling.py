"""How functions of this engine are compiled."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


SOURCES = sorted(Path(__file__).parent.rglob("*.py"))
"""What compiled code is made of."""
_STAMP = hashlib.sha256(b"".join(path.read_bytes() for path in SOURCES)).hexdigest()


def compiled(function: Function) -> Function:
    """``function`` in compiled code, without the interpreter's lock.

    Nothing is compiled before the first call, and the result is kept on disk.
    """
    found: Function = njit(function, cache=True, nogil=True, error_model="numpy", boundscheck=False)
    # numba looks whether the function's own module has changed; what it calls is in the other ones
    found._cache._cache_file._source_stamp = _STAMP  # type: ignore[attr-defined]
    return found
