"""Memory that compiled code reads in whole vectors: it begins at a line of the cache, and may be fetched before.

A vector of float32 is as long as a line, and one that lies across two takes twice the time.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from benchmark.training.engines.sparse.compiling import compiled
from benchmark.training.engines.sparse.program.stepping import Numbers

LINE = 64
"""Bytes of a line of the cache."""


def aligned(size: int, dtype: np.dtype[np.floating]) -> Numbers:
    """So many numbers, whatever was there before."""
    found = np.empty(size * dtype.itemsize + LINE, np.uint8)
    first = -found.ctypes.data % LINE
    return found[first : first + size * dtype.itemsize].view(dtype)


def aligned_zeros(size: int, dtype: np.dtype[np.floating]) -> Numbers:
    """So many zeros."""
    found = aligned(size, dtype)
    found[:] = 0
    return found


@compiled
def fetch(numbers: Any) -> None:
    """Bring numbers to the caches: one after the other comes several times as fast as here and there."""
    for n in range(0, numbers.size, LINE // numbers.itemsize):
        _touch(numbers, n)


@intrinsic  # type: ignore[untyped-decorator]
def _touch(typing: Any, array: Any, index: Any) -> Any:
    """Read the number at ``index`` for nothing but to have its line in the caches."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        place = builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(32).as_pointer())
        builder.load_atomic(place, "monotonic", align=4)  # one that the compiler does not leave out
        return context.get_dummy_value()

    return types.void(array, types.intp), code
