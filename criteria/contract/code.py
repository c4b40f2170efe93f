"""Counterexamples as Python that can be pasted and run."""

import dataclasses
import textwrap
from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor

from criteria.api import Criterion, Growth, Layer
from criteria.contract.asking import Plugin
from criteria.contract.case import Case
from criteria.contract.training_properties import ALL_SCOPES, Episode, LayerByLayer, UpdateLayers
from criteria.plugins import Spec, registered


def name_of(plugin: Plugin) -> str:
    """What a plugin is called: its spec where it is installed, else its class."""
    spec = _spec(plugin)
    return type(plugin).__name__ if spec is None else str(spec)


def selection_code(judge: Callable[..., None], plugin: Plugin, case: Case) -> str:
    """Code that asks the plugin the question on which it broke what ``judge`` judges."""
    imported = _imports(plugin)
    imported.add(f"from {judge.__module__} import {judge.__name__}")
    needed = [case.recipe.partition("(")[0] or "Case", *(["Place"] if "Place(" in case.recipe else [])]
    imported.add(f"from criteria.contract.case import {', '.join(sorted(needed))}")
    if not case.recipe:
        imported |= {"import torch", "from criteria import Layer"}
    return _script(imported, _call(judge.__name__, _plugin_code(plugin), case.recipe or _case_code(case)))


def training_code(
    criterion: Criterion,
    growth: Growth,
    episode: Episode,
    scope: str,
    update: UpdateLayers,
    passed_over: Iterable[str] = (),
) -> str:
    """Code that runs the training in which the criterion or the growth broke a property, behind others."""
    imported = _imports(criterion) | _imports(growth)
    used = {"Episode", "Start", "run_episode", *(type(step).__name__ for step in episode.steps)}
    steps = f"[{', '.join(repr(step) for step in episode.steps)}]"
    arguments = [_plugin_code(criterion), _plugin_code(growth), _call("Episode", repr(episode.start), steps)]
    arguments.append(f"scope={scope!r}")
    if ALL_SCOPES.get(scope) is not update:
        function: Any = update.update if isinstance(update, LayerByLayer) else update
        imported.add(f"from {function.__module__} import {function.__qualname__}")
        wrapper = "LayerByLayer" if function is not update else ""
        used |= {wrapper} - {""}
        arguments.append(f"update={wrapper}({function.__qualname__})")
    if behind := sorted(passed_over):
        arguments.append(f"passed_over={behind!r}")
    imported.add(f"from criteria.contract.training_properties import {', '.join(sorted(used))}")
    return _script(imported, _call("run_episode", *arguments))


def _case_code(case: Case) -> str:
    arguments = [_layer_code(case.layer), f"n={case.n}"]
    if case.observed:
        arguments.append(f"observed={case.observed}")
    if case.candidates is not None:
        arguments.append(f"candidates={_tensor_code(case.candidates)}")
    if case.moved:
        arguments.append("moved=True")
    return _call("Case", *arguments)


def _layer_code(layer: Layer) -> str:
    arguments = [f"{layer.name!r}", f"weight={_tensor_code(layer.weight)}"]
    arguments.append(f"grad={'None' if layer.grad is None else _tensor_code(layer.grad)}")
    arguments.append(f"mask={_tensor_code(layer.mask)}")
    arguments.append(f"step={layer.step}")
    arguments.append(f"generator=torch.Generator().manual_seed({layer.generator.initial_seed()})")
    if layer.momentum is not None:
        arguments.append(f"momentum={_tensor_code(layer.momentum)}")
    if layer.hessian_gradient is not None:
        arguments.append(f"hessian_gradient=lambda _: {_tensor_code(layer.hessian_gradient(1.0))}")
    if layer.input_norm is not None:
        arguments.append(f"input_norm={_tensor_code(layer.input_norm)}")
    return _call("Layer", *arguments)


def _tensor_code(tensor: Tensor) -> str:
    return f"torch.tensor({tensor.tolist()}, dtype={tensor.dtype})"


def _plugin_code(plugin: Plugin) -> str:
    spec = _spec(plugin)
    if spec is not None:
        kind = ', "growth"' if isinstance(plugin, Growth) else ""
        return f'criteria.load("{spec}"{kind})'
    return f"{type(plugin).__name__}({', '.join(f'{key}={value!r}' for key, value in _parameters(plugin))})"


def _imports(plugin: Plugin) -> set[str]:
    if _spec(plugin) is not None:
        return {"import criteria"}
    kind = type(plugin)
    if kind.__qualname__ != kind.__name__:
        return {f"# {kind.__name__} is defined inside {kind.__qualname__.rpartition('.')[0]} of {kind.__module__}"}
    return {f"from {kind.__module__} import {kind.__name__}"}


def _spec(plugin: Plugin) -> Spec | None:
    home = f"{type(plugin).__module__}:{type(plugin).__qualname__}"
    installed = registered("growth" if isinstance(plugin, Growth) else "criterion")
    names = [name for name, each in installed.items() if each.value == home and not each.others]
    return Spec(names[0], _parameters(plugin)) if names else None


def _parameters(plugin: Plugin) -> tuple[tuple[str, object], ...]:
    """The parameters that differ from their defaults."""
    kind: type = type(plugin)
    fields = [field for field in dataclasses.fields(kind) if field.init] if dataclasses.is_dataclass(kind) else []
    values = {field.name: getattr(plugin, field.name) for field in fields}
    return tuple((field.name, values[field.name]) for field in fields if values[field.name] != field.default)


def _call(function: str, *arguments: str) -> str:
    inside = textwrap.indent("".join(f"{argument},\n" for argument in arguments), "    ")
    return f"{function}(\n{inside})"


def _script(imported: set[str], code: str) -> str:
    lines = sorted(imported, key=lambda line: (line.startswith("#"), line.startswith("from"), line))
    return "\n".join((*lines, "", code))
