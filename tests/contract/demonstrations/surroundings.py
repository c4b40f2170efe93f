"""Faults that show in other surroundings, after other calls, or in another process: hidden inputs."""

import contextlib
import copy
import datetime
import inspect
import io
import itertools
import logging
import os
import random
import resource
import socket
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor

from criteria import Criterion, Growth
from tests.contract.demonstrations.layers import (
    Make,
    Question,
    answer,
    mapped,
    practised,
    question,
    questions,
    select,
)
from tests.contract.demonstrations.settings import restored


class _Elsewhere(dict[str, str]):
    """An environment in which every variable that is asked for has some value."""

    def get(self, key: str, default: Any = None) -> Any:  # type: ignore[override]
        return super().get(key, "3")

    def __getitem__(self, key: str) -> str:
        return super().get(key, "3")

    def __contains__(self, key: object) -> bool:
        return True


class _Later(datetime.datetime):
    @classmethod
    def now(cls, tz: Any = None) -> "_Later":
        return cls.fromtimestamp(_real_time() + 100 * 86_400 + 7.3 * 3600, tz)


_NUMBERS = itertools.count()
_real_time, _real_localtime, _real_hash, _real_sysconf = time.time, time.localtime, hash, os.sysconf
_AHEAD = 100 * 86_400 + 7.3 * 3600


def _later() -> float:
    return _real_time() + _AHEAD


def _little_memory(name: Any) -> int:
    return 1 if name == "SC_AVPHYS_PAGES" else _real_sysconf(name)


def _another_day(*_: object) -> time.struct_time:
    return _real_localtime(_later())


def _filled_like(tensor: Tensor, **options: Any) -> Tensor:
    return torch.full_like(tensor, 77, **options)


def _filled(*shape: Any, **options: Any) -> Tensor:
    return torch.full(shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape, 77, **options)


ELSEWHERE: dict[str, Callable[[], contextlib.AbstractContextManager[object]]] = {
    "another environment": lambda: mock.patch.object(os, "environ", _Elsewhere()),
    "another process": lambda: mock.patch.object(os, "getpid", return_value=4242),
    "another machine": lambda: mock.patch.object(socket, "gethostname", return_value="elsewhere"),
    "another network card": lambda: mock.patch.object(uuid, "getnode", return_value=4243),
    "more processors": lambda: mock.patch.object(os, "cpu_count", return_value=5),
    "little memory": lambda: mock.patch.object(os, "sysconf", _little_memory),
    "much memory used": lambda: mock.patch.object(resource, "getrusage", return_value=mock.Mock(ru_maxrss=2**40)),
    "all messages logged": lambda: mock.patch.object(logging.Logger, "isEnabledFor", return_value=True),
    "another hash seed": lambda: mock.patch("builtins.hash", lambda each: _real_hash(("salt", each))),
    "another datetime": lambda: mock.patch.object(datetime, "datetime", _Later),
    "another time": lambda: mock.patch.object(time, "time", _later),
    "another day": lambda: mock.patch.object(time, "localtime", _another_day),
    "other global draws": lambda: _seeded(99),
    "a GPU": lambda: mock.patch.object(torch.cuda, "is_available", return_value=True),
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "float64 by default": lambda: _default_float64(),
    "recording gradients": torch.enable_grad,
    "a folder with options": lambda: _folder_with("pruning.json", '{"penalty": 3.0}'),
    "filled memory": lambda: mock.patch.multiple(torch, empty_like=_filled_like, empty=_filled),
}
"""Where and when else a plugin may be asked."""


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    with restored(("default device",)):
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        yield


@contextlib.contextmanager
def _folder_with(name: str, text: str) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path(name).write_text(text)
        yield


@contextlib.contextmanager
def _default_float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


def differs_elsewhere(make: Make) -> bool:
    """Whether the same question has another answer in another environment, process, time or memory."""
    asked = [*list(questions(("normal", "close", "few"), 1))[::2], question((40, 30), 4)]
    with _seeded(1), torch.no_grad():
        firsts = [answer(practised(make, each.layer), each) for each in asked]
    for what, surroundings in ELSEWHERE.items():
        with _seeded(1), torch.no_grad(), surroundings():
            for each, first in zip(asked, firsts, strict=True):
                given = answer(practised(make, each.layer), each)
                if what == "a GPU" and isinstance(given[0], str):
                    continue  # one that computes on it cannot do so here
                if _unlike(given, first):
                    return True
    return False


def _unlike(one: list[Any], other: list[Any]) -> bool:
    if one[0] != other[0]:
        return True
    return (
        one[1] is not None
        and other[1] is not None
        and not np.allclose(one[1], other[1], rtol=1e-5, atol=1e-7, equal_nan=True)
    )


def differs_after_calls(make: Make) -> bool:
    """Whether earlier questions, to it or to another one that was made alike, change the answer to a question."""
    by_name = _answers_by_name(make)
    for asked in questions(("normal", "close", "few"), 1):
        first = answer(practised(make, asked.layer), asked)
        busy = practised(make, asked.layer)
        others = [question(asked.layer.mask.shape, seed, "normal") for seed in (7, 8)]
        for number in range(40):
            other = others[number % 2]
            renamed = replace(other, layer=replace(other.layer, name=f"other.{number % 3}.weight"))
            if number % 5 == 0 and isinstance(busy, Criterion):
                busy.observe(mapped(renamed.layer, torch.clone))
            select(busy, renamed)
        if _unlike(answer(busy, asked), first):
            return True
        unobserved = make()
        before = answer(unobserved, asked)
        select(unobserved, others[0])
        select(unobserved, replace(others[1], layer=replace(others[1].layer, step=asked.layer.step + 1)))
        # a growth may count what it was asked about this very layer
        counts = isinstance(unobserved, Growth) and bool(unobserved.state_dict())
        if not counts and _unlike(answer(unobserved, asked), before):
            return True
        # another network has a layer of this name and step
        if not by_name and _taken_by_another(make, asked, before):
            return True
        neighbour = make()
        if isinstance(neighbour, Criterion):
            for other in others:
                neighbour.observe(mapped(other.layer, torch.clone))
        select(neighbour, others[0])
        if _unlike(answer(practised(make, asked.layer), asked), first):
            return True
    return False


def _answers_by_name(make: Make) -> bool:
    """Whether names that nobody has used yet give different answers, as a right plugin's may that reads them."""
    few = list(questions(("few",), 1))
    return len({repr([answer(make(), _under_a_new_name(each)) for each in few]) for _ in range(2)}) > 1


def _under_a_new_name(asked: Question) -> Question:
    return replace(asked, layer=replace(asked.layer, name=f"name.{next(_NUMBERS)}"))


def _taken_by_another(make: Make, asked: Question, before: list[object]) -> bool:
    """Whether the answer changes under a name under which another layer, of another plugin, was asked about."""
    renamed = _under_a_new_name(asked)
    elsewhere = question(asked.layer.mask.shape, 21)
    select(make(), replace(elsewhere, layer=replace(elsewhere.layer, name=renamed.layer.name)))
    return _unlike(answer(make(), renamed), before) or _unlike(answer(make(), _under_a_new_name(asked)), before)


def differs_later(make: Make) -> bool:
    """Whether one that was made and asked before answers otherwise a hundred days later."""
    for each in questions(("normal", "close"), 1):
        plugin = practised(make, each.layer)
        first = answer(plugin, each)
        ahead = time.monotonic() + _AHEAD
        with mock.patch.multiple(time, time=_later, monotonic=lambda ahead=ahead: ahead):
            if _unlike(answer(plugin, each), first):
                return True
    return False


def differs_without_assertions(make: Make) -> bool:
    """Whether its answers are others where its module has no assertions, as in ``python -O``."""
    cls = type(make())
    file, scope = inspect.getfile(cls), {"__name__": cls.__module__}
    exec(compile(Path(file).read_text(), file, "exec", optimize=1), scope)
    without: Any = scope[cls.__name__]
    asked = list(questions(("normal", "few"), 1))
    return any(_unlike(*(answer(practised(each, one.layer), one) for each in (make, without))) for one in asked)


def hands_out_what_it_writes_over(make: Make) -> bool:
    """Whether the scores of one layer change when another layer of its shape is scored."""
    one, other = question(seed=1), question(seed=2)
    plugin = make()
    with contextlib.suppress(Exception):
        first = plugin.score(mapped(one.layer, torch.clone))
        then = first.clone()
        plugin.score(replace(mapped(other.layer, torch.clone), name="other.weight"))
        return not torch.equal(first, then)
    return False


def answers_of_all(classes: list[type]) -> str:
    """The answers of all these plugins as one text, to be compared between processes."""
    asked = list(questions(("normal", "close"), 1))
    return repr({cls.__name__: [answer(practised(cls, each.layer), each) for each in asked] for cls in classes})


def draws_on_the_layers_device(make: Make) -> bool:
    """Whether it draws on another device than its generator's, which fails or is another's draw where they differ."""
    asked = question()
    wanted: list[str] = []

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            draws = kwargs.get("generator") is not None or function is torch.rand
            if draws and str(kwargs.get("device", "cpu")) != "cpu":
                wanted.append(str(kwargs["device"]))
            return function(*args, **kwargs)

    layer = replace(mapped(asked.layer, lambda each: each.to("meta"), lambda each: each.to("meta")))
    with contextlib.suppress(Exception), Watch():
        make().score(layer)
    return bool(wanted)


def draws_by_the_first_seed(make: Make) -> bool:
    """Whether it draws, but the same whatever was drawn from the layer's generator before."""
    drawn, states = [], []
    for seed in range(5):
        asked = question(seed=1)
        first = torch.Generator().manual_seed(seed)
        drawn.append(answer(make(), replace(asked, layer=replace(asked.layer, generator=first))))
        later = torch.Generator().manual_seed(0)
        torch.rand(seed + 1, generator=later)
        states.append(answer(make(), replace(asked, layer=replace(asked.layer, generator=later))))
    return any(each != drawn[0] for each in drawn) and all(each == drawn[0] for each in states)


def cannot_be_saved(make: Make) -> bool:
    """Whether a checkpoint with its state cannot be loaded with ``weights_only``."""
    plugin = practised(make, question().layer)
    file = io.BytesIO()
    try:
        torch.save(copy.deepcopy(plugin).state_dict(), file)  # type: ignore[union-attr]
        file.seek(0)
        torch.load(file, weights_only=True)
    except Exception:
        return True
    return False
