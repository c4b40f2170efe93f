"""Keeping what belongs to the whole process as it is while the code of a plugin runs."""

import contextlib
import os
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def kept_process_state() -> Iterator[None]:
    """Put back, after the code inside, what it changes of the process; what it prints goes to standard error.

    That is the working directory, the global random states of Python, numpy and torch, and torch's default dtype, grad
    mode, deterministic mode and number of threads. Where torch is imported inside, it gets the values that it starts
    with, except for the number of threads, which is not known then.
    """
    python, numpy, torch = random.getstate(), _numpy_state(), _torch_state()
    folder = _working_directory()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        random.setstate(python)
        if numpy is not None:
            sys.modules["numpy.random"].set_state(numpy)
        if torch is not None:
            for put_back, value in torch:
                put_back(value)
        elif "torch" in sys.modules:
            _as_imported(sys.modules["torch"])
        if folder is not None and _working_directory() != folder:
            with contextlib.suppress(OSError):  # the folder may have been removed meanwhile
                os.chdir(folder)


def _working_directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None


def _numpy_state() -> Any:
    generators = sys.modules.get("numpy.random")
    return None if generators is None else generators.get_state()


def _torch_state() -> list[tuple[Callable[[Any], Any], Any]] | None:
    """How to set what torch keeps for the whole process, with its present values; None where torch is not imported."""
    torch: Any = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "are_deterministic_algorithms_enabled"):  # it is being imported
        return None
    return [
        (torch.set_default_dtype, torch.get_default_dtype()),
        (torch.set_rng_state, torch.get_rng_state()),
        (torch.set_grad_enabled, torch.is_grad_enabled()),
        (_set_deterministic, _deterministic_mode(torch)),
        (_set_threads, torch.get_num_threads()),
    ]


def _set_threads(count: int) -> None:
    torch: Any = sys.modules["torch"]
    if torch.get_num_threads() != count:  # setting it costs more than asking
        torch.set_num_threads(count)


def _deterministic_mode(torch: Any) -> tuple[bool, bool]:
    """Whether it is on, and whether it only warns."""
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _set_deterministic(mode: tuple[bool, bool]) -> None:
    torch: Any = sys.modules["torch"]
    if _deterministic_mode(torch) != mode:  # setting it imports torch's compiler
        torch.use_deterministic_algorithms(mode[0], warn_only=mode[1])


def _as_imported(torch: Any) -> None:
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)
    _set_deterministic((False, False))
    torch.default_generator.seed()  # drawn from the system, as torch does when it is imported
