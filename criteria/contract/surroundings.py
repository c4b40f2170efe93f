"""What must not matter to a plugin's answer: settings of the process, the machine, the clock, memory."""

import builtins
import contextlib
import datetime
import getpass
import io
import logging
import multiprocessing
import os
import platform
import random
import socket
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

import torch

from criteria.contract.numeric_settings import RANDOM_STATES
from criteria.contract.own_code import Modules
from criteria.contract.settings import kept, seed_all, set_back, set_other_thread_count

Surroundings = Callable[[Modules, int], contextlib.AbstractContextManager[object]]
"""Made for a plugin of these modules, and from a seed."""
_CLOCKS = ("time", "monotonic", "perf_counter", "process_time", "thread_time")
_CALENDAR = ("localtime", "gmtime", "ctime")
FLOAT64_BY_DEFAULT = "with float64 as the default dtype"


@contextlib.contextmanager
def _seeded_otherwise(_modules: Modules, seed: int) -> Iterator[None]:
    with kept(*RANDOM_STATES):
        seed_all(seed)
        yield


@contextlib.contextmanager
def _other_thread_count(_modules: Modules, _seed: int) -> Iterator[None]:
    with kept("the number of threads"):
        set_other_thread_count()
        yield


@contextlib.contextmanager
def _float64_by_default(_modules: Modules, _seed: int) -> Iterator[None]:
    with kept("the default dtype"):
        torch.set_default_dtype(torch.float64)
        yield


@contextlib.contextmanager
def _deterministic_algorithms(_modules: Modules, _seed: int) -> Iterator[None]:
    """Torch then fills memory that nothing was written to."""
    with kept("the deterministic mode"):
        set_back({"the deterministic mode": (True, True, True)})
        yield


@contextlib.contextmanager
def another_time(modules: Modules, seed: int) -> Iterator[None]:
    """Another hour of another day, by every clock of ``time`` and ``datetime``."""
    draw = random.Random(seed)
    ahead = draw.randrange(1, 800) * 86_400 + draw.randrange(1, 24) * 3_600 + draw.randrange(3_600) + draw.random()
    swaps: dict[tuple[Any, str], Any] = {(time, name): _ahead(getattr(time, name), ahead) for name in _CLOCKS}
    swaps |= {(time, f"{name}_ns"): _ahead(getattr(time, f"{name}_ns"), int(ahead * 1e9)) for name in _CLOCKS}
    real = time.time
    swaps |= {(time, name): _at(getattr(time, name), lambda: real() + ahead) for name in _CALENDAR}
    ctime, strftime, localtime = time.asctime, time.strftime, time.localtime
    swaps[time, "asctime"] = lambda *when: ctime(*(when or (localtime(real() + ahead),)))
    swaps[time, "strftime"] = lambda form, *when: strftime(form, *(when or (localtime(real() + ahead),)))
    swaps |= {(datetime, each.__name__): _later(each, ahead) for each in (datetime.datetime, datetime.date)}
    with _swapped(swaps, modules):
        yield


@contextlib.contextmanager
def another_machine(modules: Modules, seed: int) -> Iterator[None]:
    """Another process of another user on another machine, with every environment variable set that is asked for.

    Hardly any memory is left, and much is used. The process was started by another one with other arguments, and the
    plugin runs in a thread beside the main one.
    """
    number = random.Random(seed).randrange(2, 500) * 2 + 1
    swaps: dict[tuple[Any, str], Any] = {
        (os, "getpid"): _shifted(os.getpid, number),
        (os, "getppid"): _shifted(os.getppid, number),
        (os, "cpu_count"): _shifted(os.cpu_count, number),
        (os, "getlogin"): lambda: f"user{number}",
        (getpass, "getuser"): lambda: f"user{number}",
        (socket, "gethostname"): lambda: f"host{number}",
        (socket, "getfqdn"): lambda *_: f"host{number}",
        (platform, "node"): lambda: f"host{number}",
        (platform, "system"): lambda: "Plan9",
        **dict.fromkeys(((platform, "machine"), (platform, "processor")), lambda: "pdp11"),
        (uuid, "getnode"): _shifted(uuid.getnode, number),
        (os, "environ"): Environment(os.environ, modules),
        (sys, "argv"): [f"program{number}", *sys.argv[1:], "--quick"],
        (threading, "main_thread"): _seen_by(modules, threading.main_thread, threading.Thread()),
        (multiprocessing, "parent_process"): _seen_by(
            modules, multiprocessing.parent_process, multiprocessing.current_process()
        ),
    }
    with _swapped(swaps | _of_some_systems(number), modules):
        yield


def _of_some_systems(number: int) -> dict[tuple[Any, str], Callable[..., Any]]:
    """What another machine says where it is asked in ways that not all systems have."""
    swaps: dict[tuple[Any, str], Callable[..., Any]] = {
        (os, "getloadavg"): lambda: (number,) * 3,
        (os, "uname"): lambda: os.uname_result(("Plan9", f"host{number}", "4", "4", "pdp11")),
        (os, "sched_getaffinity"): lambda _process: set(range(number)),
        (os, "sysconf"): _with_little_memory(getattr(os, "sysconf", None)),
    }
    there = [name for name in ("process_cpu_count", "getuid", "geteuid") if hasattr(os, name)]
    swaps |= {(os, name): _shifted(getattr(os, name), number) for name in there}
    if resource := sys.modules.get("resource"):  # whoever asks it has imported it
        swaps[resource, "getrusage"] = lambda _whose: resource.struct_rusage([number * 2**40] * 16)
    return swaps


@contextlib.contextmanager
def another_folder(modules: Modules, _seed: int) -> Iterator[None]:
    """Another working directory, in which a plugin's code finds each file that it asks for, with a number in it."""
    before, stat, read = os.getcwd(), os.stat, builtins.open

    def is_missing(path: Any) -> bool:
        try:
            return not os.path.isabs(path) and _asked_by(modules) and not os.path.lexists(path)
        except TypeError:  # the number of a file that is open already
            return False

    def stat_of_any(path: Any, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> os.stat_result:
        there = sys.executable if dir_fd is None and is_missing(path) else path
        return stat(there, dir_fd=dir_fd, follow_symlinks=follow_symlinks)

    def open_any(file: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        if {*mode} & {*"wax+"} or not is_missing(file):
            return read(file, mode, *arguments, **named)
        return io.BytesIO(b"2\n") if "b" in mode else io.StringIO("2\n")

    with tempfile.TemporaryDirectory() as folder:
        try:
            with _swapped({(os, "stat"): stat_of_any, (builtins, "open"): open_any, (io, "open"): open_any}, modules):
                os.chdir(folder)
                yield
        finally:
            os.chdir(before)


@contextlib.contextmanager
def _all_messages_logged(_modules: Modules, _seed: int) -> Iterator[None]:
    """Whoever asks whether its messages of any level are read is told so; they go nowhere."""
    root = logging.getLogger()
    level, handlers, disabled = root.level, root.handlers, root.manager.disable
    try:
        root.handlers = [logging.NullHandler()]
        root.setLevel(1)
        logging.disable(logging.NOTSET)
        yield
    finally:
        root.handlers = handlers
        root.setLevel(level)
        logging.disable(disabled)


@contextlib.contextmanager
def gpu_in_sight(modules: Modules) -> Iterator[None]:
    """To a plugin's code there is a GPU, which nothing can be computed on."""
    asked = {
        (torch.cuda, "is_available"): True,
        (torch.cuda, "is_bf16_supported"): True,
        (torch.cuda, "device_count"): 1,
    }
    with _swapped({place: _seen_by(modules, getattr(*place), value) for place, value in asked.items()}, modules):
        yield


SURROUNDINGS: dict[str, Surroundings] = {
    "with other global random states": _seeded_otherwise,
    "with another number of threads": _other_thread_count,
    FLOAT64_BY_DEFAULT: _float64_by_default,
    "while gradients are recorded": lambda _modules, _seed: torch.enable_grad(),
    "under autocast to bfloat16": lambda _modules, _seed: torch.autocast("cpu", torch.bfloat16),
    "with deterministic algorithms, which fill memory that nothing was written to": _deterministic_algorithms,
    "at another time": another_time,
    "on another machine, with other environment variables": another_machine,
    "in another working directory, where other files are": another_folder,
    "with messages of all levels logged": _all_messages_logged,
}
"""What must not matter to an answer."""


class Environment(dict[str, str]):
    """The environment, but to a plugin's code every variable is set, and to something else."""

    def __init__(self, real: Mapping[str, str], modules: Modules) -> None:
        super().__init__(real)
        self._modules = modules

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or self._asked_by_plugin()

    def __getitem__(self, name: str) -> str:
        return self._other(name) if self._asked_by_plugin() else super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """The variable's other value, which is not the default either."""
        return self._other(name, default) if self._asked_by_plugin() else super().get(name, default)

    def copy(self) -> "Environment":
        """Another environment of this kind."""
        return Environment(dict(self), self._modules)

    def _other(self, name: str, default: Any = None) -> str:
        return "2" if "1" in (super().get(name), str(default)) else "1"

    def _asked_by_plugin(self) -> bool:
        frame = sys._getframe(2)
        while frame.f_back is not None and frame.f_globals.get("__name__") in ("os", "_collections_abc"):
            frame = frame.f_back
        return frame.f_globals.get("__name__") in self._modules


@contextlib.contextmanager
def _swapped(swaps: Mapping[tuple[Any, str], Any], modules: Modules) -> Iterator[None]:
    """Attributes are something else inside, and so are the names that ``modules`` have imported them by."""
    instead = {id(getattr(owner, name)): new for (owner, name), new in swaps.items() if hasattr(owner, name)}
    namespaces = [vars(sys.modules[each]) for each in modules if each in sys.modules]
    places = [(owner, name) for owner, name in swaps if hasattr(owner, name)]
    real = [(owner, name, getattr(owner, name)) for owner, name in places]
    imported = [(each, {name: value for name, value in each.items() if id(value) in instead}) for each in namespaces]
    try:
        for owner, name, _ in real:
            setattr(owner, name, swaps[owner, name])
        for namespace, names in imported:
            namespace.update({name: instead[id(value)] for name, value in names.items()})
        yield
    finally:
        for owner, name, value in real:
            setattr(owner, name, value)
        for namespace, names in imported:
            namespace.update(names)


def _seen_by(modules: Modules, function: Callable[..., Any], value: object) -> Callable[..., Any]:
    def seen(*arguments: object, **named: object) -> Any:
        by_plugin = sys._getframe(1).f_globals.get("__name__") in modules
        return value if by_plugin else function(*arguments, **named)

    return seen


def _asked_by(modules: Modules) -> bool:
    """Whether a plugin's code asks what was swapped, be it through a library."""
    frame: FrameType | None = sys._getframe(3)  # above are two functions of what was swapped
    while frame is not None and not str(frame.f_globals.get("__name__")).startswith("criteria.contract."):
        if frame.f_globals.get("__name__") in modules:
            return True
        frame = frame.f_back
    return False


def _ahead(clock: Callable[[], Any], by: float) -> Callable[[], Any]:
    return lambda: clock() + by


def _shifted(count: Callable[[], int | None], by: int) -> Callable[[], int]:
    return lambda: (count() or 0) + by


def _with_little_memory(sysconf: Callable[[Any], int] | None) -> Callable[[Any], int]:
    return lambda name: 1 if name == "SC_AVPHYS_PAGES" or sysconf is None else sysconf(name)


def _at(calendar: Callable[..., Any], now: Callable[[], float]) -> Callable[..., Any]:
    return lambda seconds=None: calendar(now() if seconds is None else seconds)


def _later(kind: type, by: float) -> type:
    """A class of dates whose present is ``by`` seconds ahead; real dates are instances of it."""

    class Meta(type(kind)):  # type: ignore[misc]
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, kind)

    shift = datetime.timedelta(seconds=by)
    names = [name for name in ("today", "now", "utcnow") if hasattr(kind, name)]
    later = {name: staticmethod(_then_shifted(getattr(kind, name), shift)) for name in names}
    return Meta(kind.__name__, (kind,), dict(later))


def _then_shifted(present: Callable[..., Any], shift: datetime.timedelta) -> Callable[..., Any]:
    return lambda *zone: present(*zone) + shift
