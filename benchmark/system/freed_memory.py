"""What the C library does with memory that is freed: glibc can keep its pages for the next one who asks."""

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # from glibc's malloc.h


def keep_freed_memory() -> None:
    """Ask glibc not to hand freed memory back to the system.

    A step frees and allocates the same large tensors; getting fresh zeroed pages for them each time costs a third of
    the step. Does nothing where the C library is another one.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_MMAP_MAX, 0)
            mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
