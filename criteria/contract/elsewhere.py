"""Asking a plugin in another process: another hash seed, environment, clock, folder, and other contents of memory.

One process is started when it is first needed; it imports torch once, and forks for every plugin. What a plugin answers
there is compared with what it answers here; on both sides its class makes it anew from its parameters.
"""

import atexit
import importlib
import importlib.util
import os
import pickle
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import IO, Any

from criteria.contract.asking import Answer, Inapplicable, Plugin
from criteria.contract.making import parameters
from criteria.contract.names import NAMES

SECONDS = 300.0
"""A process that has not answered by then is given up: it says nothing about the plugin."""

PERTURBED = {
    "GLIBC_TUNABLES": "glibc.malloc.perturb=165:glibc.malloc.tcache_count=0",
    "MALLOC_PERTURB_": "165",
    "MallocPreScribble": "1",
    "MallocScribble": "1",
}
"""Makes glibc and macOS fill memory before it is given out."""

NO_GPU = {"CUDA_VISIBLE_DEVICES": "", "HIP_VISIBLE_DEVICES": ""}
"""A process that has used a GPU cannot fork one that does, and what is asked about is on the CPU."""

KEPT = (
    "PATH",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "SYSTEMROOT",
    "VIRTUAL_ENV",
    "OMP_NUM_THREADS",
    "COVERAGE_RCFILE",
)
"""Environment variables without which Python might not start."""


RECIPES = tuple(
    f"drawn_case({shape}, active={active}, n={n}, seed={seed}, values={values!r}, observed={seed % 3}, "
    f"step={seed * 37 + 3}, name={name!r})"
    for seed, (name, (shape, active, n), values) in enumerate(
        zip(
            NAMES[:12],
            (((1, 24), 12, 5), ((6, 6), 20, 7), ((4, 3, 3, 5), 90, 30), ((40, 50), 1000, 300)) * 3,
            ("normal", "levels", "normal") * 4,
            strict=True,
        )
    )
)
"""The cases that are asked about in another process."""

HASH_SEEDS = ("4", "5", "6", "7")
"""A set of two texts has the same order in all these processes, the other one and this one by a chance of 1 in 32."""
FEW = 4
"""Recipes that are asked about with each of them."""


@dataclass(frozen=True)
class Question:
    """A plugin's class, where to find it, what to make it with, and the cases to ask it about, as code."""

    module: str
    file: str | None
    name: str
    parameters: dict[str, Any]
    recipes: tuple[str, ...]


@dataclass(frozen=True)
class Reply:
    """What a plugin answered: None for a case to which it gave no answer."""

    answers: tuple[Answer | None, ...] = ()
    touched: dict[str, list[str]] = field(default_factory=dict)
    """Settings that were changed when the module was imported, and when the plugin was made."""
    failure: str = ""
    """Why nothing could be asked."""


def question(plugin: Plugin, recipes: Sequence[str] = RECIPES) -> Question:
    """What to ask about the plugin.

    Raises :class:`Inapplicable` where its class cannot be found again, as one made in a function.
    """
    lost = Inapplicable("its class cannot be found from another process")
    kind = type(plugin)
    module = sys.modules.get(kind.__module__)
    if module is None or kind.__module__ == "__main__" or "<locals>" in kind.__qualname__:
        raise lost
    try:
        made_with = parameters(plugin)
        pickle.dumps(made_with)
    except Exception as error:  # parameters may be anything
        raise lost from error
    return Question(kind.__module__, getattr(module, "__file__", None), kind.__qualname__, made_with, tuple(recipes))


def asked_elsewhere(plugin: Plugin) -> Reply:
    """What the plugin answers in the other process; raises :class:`Inapplicable` where it cannot be asked there."""
    asked, process = question(plugin), _process()
    reply = process.ask(asked)
    if process.ended:
        _process.cache_clear()  # the next plugin gets a new one
    if reply.failure:
        raise Inapplicable(reply.failure)
    return reply


def asked_with_other_hashes(plugin: Plugin) -> list[Reply]:
    """What the plugin answers to the first recipes in processes that hash otherwise, one for each of ``HASH_SEEDS``.

    Raises :class:`Inapplicable` where it cannot be asked there.
    """
    asked = question(plugin, RECIPES[:FEW])
    processes = [Process(seed) for seed in HASH_SEEDS]  # all of them start before the first is waited for
    try:
        replies = [process.ask(asked) for process in processes]
    finally:
        for process in processes:
            process.end()
    return [reply for reply in replies if not reply.failure]


class Process:
    """The other process, seen from here; usable from several threads."""

    def __init__(self, hash_seed: str) -> None:
        self._lock = threading.Lock()
        self._last: tuple[bytes, Reply] = (b"", Reply())
        self.ended = False
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        folder = tempfile.gettempdir()
        path = [os.path.abspath(each or ".") for each in sys.path]  # the other process is in another folder
        environment |= {
            **PERTURBED,
            "PYTHONHASHSEED": hash_seed,
            "HOME": folder,
            "USER": "somebody",
            "TZ": "Pacific/Chatham",
            **NO_GPU,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"import sys; sys.path[:] = {path!r}; import {_SERVER} as s; s.serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=environment,
        )
        atexit.register(self.end)

    def ask(self, asked: Question) -> Reply:
        """The reply, the last one again to the same question; one with a failure where the process does not answer."""
        data = pickle.dumps(asked)
        with self._lock:
            if self._last[0] == data:
                return self._last[1]
            timer = threading.Timer(SECONDS, self._process.kill)
            timer.start()
            try:
                assert self._process.stdin is not None
                assert self._process.stdout is not None
                send(self._process.stdin, (asked, [os.path.abspath(each or ".") for each in sys.path]))
                reply: Reply = received(self._process.stdout)
            except (OSError, EOFError) as error:
                self.ended = True
                return Reply(failure=f"the other process ended: {error!r}")
            finally:
                timer.cancel()
            self._last = data, reply
        return reply

    def end(self) -> None:
        """End the process."""
        atexit.unregister(self.end)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        for pipe in (self._process.stdin, self._process.stdout):
            pipe.close()
        self._process.kill()
        self._process.wait()


def start() -> None:
    """Start the other process, so that it is there when it is needed."""
    _process()


@cache
def _process() -> Process:
    return Process("2" if os.environ.get("PYTHONHASHSEED") != "2" else "3")


def send(pipe: IO[bytes], value: object) -> None:
    """Write a value with its length before it."""
    data = pickle.dumps(value)
    pipe.write(struct.pack("<Q", len(data)) + data)
    pipe.flush()


def received(pipe: IO[bytes]) -> Any:
    """Read what :func:`send` has written; raises ``EOFError`` where there is no more."""
    size = pipe.read(8)
    if len(size) < 8:
        raise EOFError("no answer")
    (length,) = struct.unpack("<Q", size)
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError("an answer cut short")
    return pickle.loads(data)


def class_of(asked: Question) -> type:
    """The plugin's class, from its module, or from its file where the module cannot be imported by its name."""
    try:
        module = importlib.import_module(asked.module)
    except ImportError:
        if asked.file is None:
            raise
        spec = importlib.util.spec_from_file_location(asked.module, asked.file)
        if spec is None or spec.loader is None:
            raise
        module = importlib.util.module_from_spec(spec)
        sys.modules[asked.module] = module
        spec.loader.exec_module(module)
    found: Any = module
    for part in asked.name.split("."):
        found = getattr(found, part)
    if not isinstance(found, type):
        raise TypeError(f"{asked.name} is not a class")
    return found


_SERVER = "criteria.contract.elsewhere_server"
