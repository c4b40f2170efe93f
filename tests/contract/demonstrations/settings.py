"""Faults that show in the process afterwards: settings that a call leaves changed, tensors that it writes to."""

import contextlib
import copy
import gc
import logging
import os
import random
import signal
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from criteria import Criterion, Growth, Layer
from tests.contract.demonstrations.layers import (
    Make,
    Plugin,
    mapped,
    practised,
    question,
    questions,
    select,
)

Setting = tuple[Callable[[], Any], Callable[[Any], Any], Any]


def _replace_environment(values: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(values)


def _flushes() -> bool:
    return bool((torch.full((1,), 1e-40, dtype=torch.float32) * 1).item() == 0)


def _collects(on: bool) -> None:
    (gc.enable if on else gc.disable)()


def _default_device() -> str:
    return str(torch.empty(()).device)


_HOOKS = torch.nn.modules.module._global_forward_hooks

SETTINGS: dict[str, Setting] = {
    "torch's random state": (
        lambda: torch.get_rng_state().tolist(),
        lambda s: torch.set_rng_state(torch.ByteTensor(s)),
        None,
    ),
    "NumPy's random state": (lambda: repr(np.random.get_state()), lambda _: None, None),
    "Python's random state": (random.getstate, random.setstate, None),
    "default dtype": (torch.get_default_dtype, torch.set_default_dtype, torch.float64),
    "default device": (_default_device, torch.set_default_device, "meta"),
    "grad mode": (torch.is_grad_enabled, torch.set_grad_enabled, True),
    "threads": (torch.get_num_threads, torch.set_num_threads, 3),
    "deterministic": (torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms, False),
    "denormals": (_flushes, torch.set_flush_denormal, False),
    "matmul precision": (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "high"),
    "cudnn.benchmark": (
        lambda: torch.backends.cudnn.benchmark,
        lambda on: setattr(torch.backends.cudnn, "benchmark", on),
        False,
    ),
    "reduced sums": (
        lambda: torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction,
        lambda on: setattr(torch.backends.cuda.matmul, "allow_bf16_reduced_precision_reduction", on),
        True,
    ),
    "oneDNN": (
        lambda: torch.backends.mkldnn.enabled,
        lambda on: setattr(torch.backends.mkldnn, "enabled", on),
        True,
    ),
    "TF32": (lambda: torch.backends.cudnn.allow_tf32, lambda on: setattr(torch.backends.cudnn, "allow_tf32", on), True),
    "module hooks": (
        lambda: list(_HOOKS),
        lambda keys: [_HOOKS.pop(key) for key in list(_HOOKS) if key not in keys],
        None,
    ),
    "a signal": (
        lambda: signal.getsignal(signal.SIGUSR1),
        lambda handler: signal.signal(signal.SIGUSR1, handler),
        None,
    ),
    "anomaly detection": (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly, False),
    "NumPy's errors": (np.geterr, lambda each: np.seterr(**each), {"all": "print"}),
    "warning filters": (
        lambda: list(warnings.filters),
        lambda each: warnings.filters.__setitem__(slice(None), each),
        None,
    ),
    "environment": (lambda: dict(os.environ), _replace_environment, None),
    "collector": (gc.isenabled, _collects, True),
    "logging": (lambda: logging.root.manager.disable, logging.disable, logging.NOTSET),
}
"""How to read and to set what belongs to the process, and what to start from, so that a change shows."""


@contextlib.contextmanager
def restored(without: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    """Start from settings that a change shows in; put back the ones from before afterwards."""
    before = {what: read() for what, (read, _, _) in SETTINGS.items() if what not in without}
    state = np.random.get_state()
    np.random.seed(271)
    random.seed(828)
    try:
        for what, (_, write, start) in SETTINGS.items():
            if start is not None and what not in without:
                write(start)
        yield {what: SETTINGS[what][0]() for what in before}
    finally:
        torch.set_default_device(None)
        for what, value in before.items():
            if what != "default device":
                SETTINGS[what][1](value)
        np.random.set_state(state)


def changes_a_setting(make: Make) -> bool:
    """Whether making, observing, scoring, selecting, saving or loading leaves a setting of the process changed."""
    for asked in (question(), question(dtype=torch.bfloat16), question((80, 80), kind="few")):
        layer = asked.layer
        # scores may be written with the default device in mind, so "meta" is tried apart
        for without in (("default device",), tuple(set(SETTINGS) - {"default device"})):
            plugin = practised(make, layer)
            for call in _calls(make, plugin, layer):
                with restored(without) as before:
                    with contextlib.suppress(Exception):
                        call()
                    if {what: SETTINGS[what][0]() for what in before} != before:
                        return True
            with restored(without) as before:
                select(plugin, asked)
                if {what: SETTINGS[what][0]() for what in before} != before:
                    return True
    return False


def changes_a_setting_in_time(make: Make) -> bool:
    """Whether some of 250 selections leaves torch's random state changed."""
    plugin = practised(make, question().layer)
    before = torch.get_rng_state()
    for _ in range(250):
        select(plugin, question())
    return not torch.equal(before, torch.get_rng_state())


def brings_back_a_setting(make: Make) -> bool:
    """Whether loading what was saved before torch's random state went on changes that state."""
    layer = question().layer
    plugin = practised(make, layer)
    saved = plugin.state_dict()
    torch.rand(3)
    before = torch.get_rng_state()
    make().load_state_dict(saved)
    return not torch.equal(before, torch.get_rng_state())


def starts_the_collector(make: Make) -> bool:
    """Whether the collector of garbage, which was stopped, works after a selection."""
    was = gc.isenabled()
    gc.disable()
    try:
        select(practised(make, question().layer), question())
        return gc.isenabled()
    finally:
        _collects(was)


def lets_logs_speak(make: Make) -> bool:
    """Whether messages that were silenced are logged after a selection."""
    was = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        select(practised(make, question().layer), question())
        return logging.root.manager.disable != logging.INFO
    finally:
        logging.disable(was)


def minds_infinite_gradients(make: Make) -> bool:
    """Whether it changes a setting once a gradient is infinite."""
    layer = question().layer
    with restored(("default device",)) as before:
        make().observe(replace(layer, grad=torch.full_like(layer.weight, torch.inf)))  # type: ignore[union-attr]
        return {what: SETTINGS[what][0]() for what in before} != before


def _calls(make: Make, plugin: Plugin, layer: Layer) -> list[Callable[[], object]]:
    calls: list[Callable[[], object]] = [make, lambda: plugin.score(mapped(layer, torch.clone))]
    if isinstance(plugin, Criterion):
        calls += [
            lambda: plugin.observe(mapped(layer, torch.clone)),
            plugin.state_dict,
            lambda: plugin.load_state_dict(plugin.state_dict()),
            lambda: make().load_state_dict(make().state_dict()),
            lambda: copy.deepcopy(plugin),
        ]
    return calls


def changes_the_layer(make: Make) -> bool:
    """Whether a call writes to the layer's tensors, their flags or attributes, or to the candidates."""
    cases = [*questions(("normal", "wide"), 1), question((800, 700))]
    for asked in cases:
        for name in ("observe", "score", "select"):
            plugin, layer, candidates = (
                practised(make, asked.layer),
                mapped(asked.layer, torch.clone),
                ~asked.layer.mask,
            )
            if isinstance(plugin, Growth):  # some of the candidates were just pruned and have a value
                candidates = candidates | (layer.weight.abs() > 0.8)
            given = candidates.clone()
            versions = _versions(layer)
            arguments: tuple[Any, ...] = (layer,)
            if name == "select":
                arguments = (layer, asked.n, given) if isinstance(plugin, Growth) else (layer, asked.n)
            with contextlib.suppress(Exception):
                getattr(plugin, name)(*arguments)
            pairs = [
                (getattr(layer, each), getattr(asked.layer, each)) for each in ("weight", "grad", "mask", "momentum")
            ]
            written = any(not torch.equal(now.detach(), then) or now.requires_grad or vars(now) for now, then in pairs)
            if written or not torch.equal(candidates, given) or _versions(layer) != versions:
                return True
    return False


def _versions(layer: Layer) -> list[int]:
    """How often each tensor of the layer was written to."""
    return [getattr(layer, each)._version for each in ("weight", "grad", "mask", "momentum")]
