"""The settings of the process that a plugin runs in: all of them are noted before a call, and compared after it."""

import _signal  # type: ignore[import-not-found]
import contextlib
import decimal
import gc
import locale
import logging
import multiprocessing
import os
import random
import signal
import socket
import sys
import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

from criteria.contract.numeric_settings import NUMERIC, REDUCED_SUMS, Setting, flags

UNLIKELY = 40_961_237
"""A seed that no plugin sets: to set what is set already could not be seen."""


def _environment() -> dict[Any, Any]:
    return dict(getattr(os.environ, "_data", os.environ))  # as bytes: decoding takes ten times as long


def _set_environment(variables: dict[Any, Any]) -> None:
    wanted = {os.fsdecode(name): os.fsdecode(value) for name, value in variables.items()}
    for name in os.environ.keys() - wanted.keys():
        del os.environ[name]
    os.environ.update(wanted)


def _signals() -> dict[int, Any]:
    return {number: _handler_of(number) for number in _SIGNALS}


def _set_signals(handlers: dict[int, Any]) -> None:
    for number, handler in handlers.items():
        if handler is not None and _handler_of(number) is not handler:
            signal.signal(number, handler)


def _set_locale(names: tuple[str, ...]) -> None:
    for category, name in zip(_LOCALES, names, strict=True):
        locale.setlocale(category, name)


def _logging() -> tuple[int, int, list[logging.Handler]]:
    return logging.root.level, logging.root.manager.disable, list(logging.root.handlers)


def _set_logging(state: tuple[int, int, list[logging.Handler]]) -> None:
    level, disabled, handlers = state
    logging.root.setLevel(level)
    logging.disable(disabled)
    logging.root.handlers[:] = handlers


def _set_start_method(method: str | None) -> None:
    multiprocessing.set_start_method(method, force=True)


def _print_options() -> dict[str, Any]:
    return dict(vars(torch._tensor_str.PRINT_OPTS))


def _hooks() -> list[dict[int, Any]]:
    """What is called whenever any module of the process computes."""
    return [dict(each) for each in _HOOKS]


def _set_hooks(hooks: list[dict[int, Any]]) -> None:
    for now, registered in zip(_HOOKS, hooks, strict=True):
        now.clear()
        now.update(registered)


_HOOKS = [
    each
    for name, each in vars(torch.nn.modules.module).items()
    if name.startswith("_global_") and name.endswith("_hooks")
]
_SIGNALS = [int(number) for number in signal.valid_signals() if number < 32]  # the others are of no system in use
_handler_of = _signal.getsignal  # the public one makes a member of an enumeration of every answer
_LOCALES = (locale.LC_NUMERIC, locale.LC_CTYPE, locale.LC_COLLATE, locale.LC_TIME)

_BINDING = ("OMP_PROC_BIND", "GOMP_CPU_AFFINITY", "KMP_AFFINITY")
"""With one of these variables the first parallel computation binds threads to processors, whoever asks for it."""

SETTINGS: dict[str, Setting] = {
    **NUMERIC,
    "the warning filters": (lambda: list(warnings.filters), lambda filters: setattr(warnings, "filters", filters)),
    "how warnings are shown": flags(warnings, "showwarning"),
    "the environment": (_environment, _set_environment),
    "the working directory": (os.getcwd, os.chdir),
    "the locale": (lambda: tuple(locale.setlocale(each) for each in _LOCALES), _set_locale),
    "the recursion limit": (sys.getrecursionlimit, sys.setrecursionlimit),
    "the switch interval": (sys.getswitchinterval, sys.setswitchinterval),
    "the search path of modules": (lambda: list(sys.path), lambda path: sys.path.__setitem__(slice(None), path)),
    "the standard streams": flags(sys, "stdin", "stdout", "stderr", "excepthook"),
    "the garbage collector": (gc.isenabled, lambda enabled: gc.enable() if enabled else gc.disable()),
    "the garbage collector's thresholds": (gc.get_threshold, lambda thresholds: gc.set_threshold(*thresholds)),
    "the handlers of signals": (_signals, _set_signals),
    "the hooks of all modules": (_hooks, _set_hooks),
    "the level and the handlers of logging": (_logging, _set_logging),
    "how processes are started": (partial(multiprocessing.get_start_method, allow_none=True), _set_start_method),
    "how tensors are printed": (_print_options, lambda options: vars(torch._tensor_str.PRINT_OPTS).update(options)),
    "how arrays are printed": (np.get_printoptions, lambda options: np.set_printoptions(**options)),
    "the timeout of sockets": (socket.getdefaulttimeout, socket.setdefaulttimeout),
    "the decimal context": (lambda: decimal.getcontext().copy(), lambda context: decimal.setcontext(context.copy())),
}
"""What belongs to the whole process."""

if hasattr(os, "sched_getaffinity") and not any(name in os.environ for name in _BINDING):
    SETTINGS["the processors that it may use"] = (
        lambda: os.sched_getaffinity(0),
        lambda processors: os.sched_setaffinity(0, processors),
    )
if torch.cuda.is_available():
    SETTINGS["the CUDA devices' random states"] = (torch.cuda.get_rng_state_all, torch.cuda.set_rng_state_all)


def settings_now(settings: dict[str, Setting] = SETTINGS) -> dict[str, Any]:
    """The present value of each setting."""
    return {what: read() for what, (read, _) in settings.items()}


def changed(before: dict[str, Any]) -> list[str]:
    """Which settings differ from ``before``."""
    return [what for what in before if not _equal(SETTINGS[what][0](), before[what])]


@contextlib.contextmanager
def contained() -> Iterator[None]:
    """Whatever is done to the process inside is undone afterwards, and warnings are not heard."""
    before = settings_now()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            with contextlib.suppress(ValueError):  # handlers of signals belong to the main thread
                set_back({what: before[what] for what in changed(before)})


def set_back(before: dict[str, Any]) -> None:
    """Give settings their values back."""
    for what, value in before.items():
        SETTINGS[what][1](value)


@contextlib.contextmanager
def kept(*what: str) -> Iterator[None]:
    """These settings, which may be changed inside, have their values again afterwards."""
    before = settings_now({each: SETTINGS[each] for each in what})
    try:
        yield
    finally:
        set_back(before)


def set_other_thread_count() -> None:
    """Compute in one thread where there were several, and in two where there was one."""
    torch.set_num_threads(1 if torch.get_num_threads() > 1 else 2)


def seed_all(seed: int) -> None:
    """Seed every global source of randomness."""
    torch.default_generator.manual_seed(seed)  # torch.manual_seed would ask every other device first
    np.random.seed(seed)
    random.seed(seed)


def set_otherwise(seed: int) -> None:
    """Set much of what can be set to something else, to be undone by :func:`contained`.

    A plugin that sets something to what it is already could not be seen.
    """
    seed_all(seed)
    torch.set_grad_enabled(not torch.is_grad_enabled())
    torch.set_default_dtype(torch.float64)
    set_other_thread_count()
    torch._C._set_deterministic_algorithms(True, warn_only=True)
    torch.set_float32_matmul_precision("medium")
    torch.backends.cudnn.benchmark = not torch.backends.cudnn.benchmark
    for name in REDUCED_SUMS:
        setattr(torch.backends.cuda.matmul, name, not getattr(torch.backends.cuda.matmul, name))
    np.seterr(all="ignore")
    logging.disable(logging.INFO + 1)
    warnings.filterwarnings("always", message=f"seen {seed} times")
    for name in ("CUBLAS_WORKSPACE_CONFIG", "PYTHONHASHSEED", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.pop(name, None)
    gc.set_threshold(1234, *gc.get_threshold()[1:])
    (gc.disable if gc.isenabled() else gc.enable)()
    sys.setrecursionlimit(sys.getrecursionlimit() + 17)


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, decimal.Context):
        return repr(left) == repr(right)
    if isinstance(left, torch.Tensor | np.ndarray):
        return bool((left == right).all())
    try:
        return left is right or bool(left == right)
    except (ValueError, RuntimeError):  # there is an array or a tensor in it
        return len(left) == len(right) and all(map(_equal, left, right))
