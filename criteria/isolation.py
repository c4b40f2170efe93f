"""Keeping what belongs to the whole process as it is while the code of a plugin runs."""

import contextlib
import ctypes
import io
import os
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

from criteria.errors import printable


@contextlib.contextmanager
def kept_process_state() -> Iterator[None]:
    """Put back, after the code inside, what it changes of the process; what it prints goes to standard error.

    That is the working directory, the global random states of Python, numpy and torch, and torch's default dtype, grad
    mode, deterministic mode, number of threads, precision of products and treatment of
    the smallest numbers. Where torch is imported inside, it gets the values that it starts
    with, except for the number of threads, which is not known then.
    """
    python, numpy, torch = random.getstate(), _numpy_state(), _torch_state()
    folder = _working_directory()
    try:
        with contextlib.redirect_stdout(_Shown(sys.stderr)):
            yield
    finally:
        random.setstate(python)
        if numpy is not None and (numpy[0] is None or _numpy_memory() != numpy[0]):
            sys.modules["numpy.random"].set_state(numpy[1])
        if torch is not None:
            for put_back, value in torch:
                put_back(value)
        elif "torch" in sys.modules:
            _as_imported(sys.modules["torch"])
        if folder is not None and _working_directory() != folder:
            with contextlib.suppress(OSError):  # the folder may have been removed meanwhile
                os.chdir(folder)


class _Shown(io.TextIOBase):
    """Passes text on to a stream, with the characters that a terminal would obey shown as escapes."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write("".join(c if c in "\n\t" else printable(c) for c in text))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def fileno(self) -> int:
        return int(self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _working_directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None


def _numpy_state() -> tuple[bytes | None, Any] | None:
    """The state of numpy's global generator, after the memory that it is in; None where numpy's is not imported."""
    generators = sys.modules.get("numpy.random")
    if generators is None or not hasattr(generators, "get_bit_generator"):  # it is being imported
        return None
    memory = _numpy_memory()
    if memory is None:
        return None, generators.get_state()
    if _known.get("memory") != memory:  # asking takes fifty times as long as looking, and most plugins change nothing
        _known.update(memory=memory, state=generators.get_state())
    return memory, _known["state"]


_SMALLEST_NORMAL = sys.float_info.min
_known: dict[str, Any] = {}
"""The state of numpy's global generator when it was last asked for, and the memory that it was in then."""
_MERSENNE_TWISTER_BYTES = 625 * 4


def _numpy_memory() -> bytes | None:
    """What numpy's global generator is in; None where it is of a kind whose size is not known here."""
    generator = sys.modules["numpy.random"].get_bit_generator()
    if type(generator).__name__ != "MT19937":
        return None
    return ctypes.string_at(generator.ctypes.state_address, _MERSENNE_TWISTER_BYTES)


def _torch_state() -> list[tuple[Callable[[Any], Any], Any]] | None:
    """How to set what torch keeps for the whole process, with its present values; None where torch is not imported."""
    torch: Any = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "are_deterministic_algorithms_enabled"):  # it is being imported
        return None
    return [
        (torch.set_default_dtype, torch.get_default_dtype()),
        (torch.set_rng_state, torch.get_rng_state()),
        (torch.set_grad_enabled, torch.is_grad_enabled()),
        (_set_deterministic, (torch.are_deterministic_algorithms_enabled(), _warns_only(torch))),
        (_set_threads, torch.get_num_threads()),
        (set_matmul_precision, matmul_precision()),
        (_set_flush_denormal, _flushes_denormal()),
    ]


def _warns_only(torch: Any) -> bool:
    return bool(torch.is_deterministic_algorithms_warn_only_enabled())


def _set_deterministic(mode: tuple[bool, bool]) -> None:
    torch: Any = sys.modules["torch"]
    if (torch.are_deterministic_algorithms_enabled(), _warns_only(torch)) != mode:  # setting it imports the compiler
        torch.use_deterministic_algorithms(mode[0], warn_only=mode[1])


def _set_threads(count: int) -> None:
    torch: Any = sys.modules["torch"]
    if torch.get_num_threads() != count:  # setting it costs more than asking
        torch.set_num_threads(count)


def matmul_precision() -> str | tuple[str, ...]:
    """What matrix products are computed in: one word for all backends, or that of each where they were set apart."""
    torch: Any = sys.modules["torch"]
    try:
        return str(torch.get_float32_matmul_precision())
    except RuntimeError:  # torch has no word for what was set for one backend alone, as TF32 for CUDA
        return tuple(backend.matmul.fp32_precision for backend in _backends(torch))


def set_matmul_precision(precision: str | tuple[str, ...]) -> None:
    """Compute matrix products in what :func:`matmul_precision` gave."""
    torch: Any = sys.modules["torch"]
    if matmul_precision() == precision:  # setting it costs more than asking
        return
    if isinstance(precision, str):
        torch.set_float32_matmul_precision(precision)
    else:
        for backend, value in zip(_backends(torch), precision, strict=True):
            backend.matmul.fp32_precision = value


def _backends(torch: Any) -> tuple[Any, ...]:
    return torch.backends.cuda, torch.backends.mkldnn


def _flushes_denormal() -> bool:
    """Whether this thread takes the smallest numbers for zero; torch can set it and cannot be asked."""
    return _SMALLEST_NORMAL / 4 == 0


def _set_flush_denormal(mode: bool) -> None:
    torch: Any = sys.modules["torch"]
    if _flushes_denormal() != mode:
        torch.set_flush_denormal(mode)


def _as_imported(torch: Any) -> None:
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)
    _set_deterministic((False, False))
    torch.default_generator.seed()  # drawn from the system, as torch does when it is imported
