"""Which weights of a model are sparse: by the type of their layer, by name or by pattern."""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from torch import nn
from torch.nn.parameter import UninitializedParameter

from criteria.errors import InputError

SPARSE_LAYERS: tuple[type[nn.Module], ...] = (
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
    nn.MultiheadAttention,
)
"""Layers whose weights are sparse where nothing else is asked for; of attention it is the packed projections."""

Selector = str | type[nn.Module]
"""The name of a weight or module, a pattern of names such as ``"blocks.*.mlp"``, or a type of module."""


@dataclass(frozen=True)
class Candidate:
    """A weight as a module owns it; a weight that several modules share has several."""

    name: str
    """Of the parameter, such as ``fc1.weight``."""
    parameter: nn.Parameter
    module: nn.Module
    above: tuple[nn.Module, ...]
    """The modules that the module is in, the model first."""


def sparse_weights(
    model: nn.Module, trained: Iterable[nn.Parameter], include: Sequence[Selector], exclude: Sequence[Selector]
) -> dict[str, nn.Parameter]:
    """The weights of ``model`` that ``include`` selects and ``exclude`` does not, by name, in the model's order.

    A type selects the weights of the modules of that type, the name of a weight that weight, and the name of a module
    the weights of all :data:`SPARSE_LAYERS` in it. Weights that are frozen or not among the ``trained`` ones stay as
    they are. Raises :class:`InputError` for a selector that selects nothing, for a weight by its name that cannot be
    sparse, and for a shared weight of which only one name is selected.
    """
    candidates = list(_candidates(model))
    ids = {id(parameter) for parameter in trained}
    for selector in (*include, *exclude):
        _require_known(selector, candidates)
    excluded = {id(each.parameter) for each in candidates if any(_excludes(s, each) for s in exclude)}
    chosen: dict[str, nn.Parameter] = {}
    for each in candidates:
        if id(each.parameter) in excluded or not any(_includes(s, each) for s in include):
            continue
        if each.parameter.requires_grad and id(each.parameter) in ids:
            _require_plain(each)
            chosen[each.name] = each.parameter
        elif each.name in include:
            state = "is not in the optimizer" if each.parameter.requires_grad else "is frozen"
            raise InputError(f"weight {each.name} {state}; leave it out of include, or train it")
    _require_parameters(model, include, exclude)
    if not chosen:
        left = [e for e in candidates if e.parameter.requires_grad and id(e.parameter) in ids - excluded]
        raise InputError(f"no weight of the model that the optimizer trains is selected; {_where(left)}")
    return _without_shared(chosen, candidates)


def with_shared_names(model: nn.Module, names: Iterable[str]) -> list[str]:
    """The names of parameters, and all other names that shared ones among them have."""
    parameters = dict(model.named_parameters(remove_duplicate=False))
    given = list(names)
    meant = {id(parameters[name]) for name in given if name in parameters}
    return given + [name for name, each in parameters.items() if id(each) in meant and name not in given]


def by_name(selector: str, name: str) -> bool:
    """Whether a name or pattern means the parameter ``name`` or a module that it is in."""
    parts = name.split(".")
    return any(fnmatchcase(".".join(parts[:end]), selector) for end in range(1, len(parts) + 1))


def _candidates(model: nn.Module) -> Iterator[Candidate]:
    modules = dict(model.named_modules(remove_duplicate=False))
    for path, module in modules.items():
        parts = path.split(".") if path else []
        above = tuple(modules[".".join(parts[:end])] for end in range(len(parts)))
        for leaf, parameter in module.named_parameters(recurse=False):
            yield Candidate(f"{path}.{leaf}" if path else leaf, parameter, module, above)


def _is_weight(each: Candidate) -> bool:
    leaf = each.name.rpartition(".")[2]
    uninitialized = isinstance(each.parameter, UninitializedParameter)
    return "bias" not in leaf and (uninitialized or each.parameter.dim() >= 2)


def _includes(selector: Selector, each: Candidate) -> bool:
    if isinstance(selector, type):
        return isinstance(each.module, selector) and _is_weight(each)
    if fnmatchcase(each.name, selector):
        return each.name == selector or _is_weight(each)
    return isinstance(each.module, SPARSE_LAYERS) and _is_weight(each) and by_name(selector, each.name)


def _excludes(selector: Selector, each: Candidate) -> bool:
    if isinstance(selector, type):
        return any(isinstance(module, selector) for module in (each.module, *each.above))
    return by_name(selector, each.name)


def _require_known(selector: Selector, candidates: Sequence[Candidate]) -> None:
    """Names and patterns have to mean something; a type of which the model has none does no harm."""
    if isinstance(selector, type):
        return
    if not isinstance(selector, str):
        raise InputError(f"{selector!r} selects no weights; give a name, a pattern or a type of module")
    if not any(by_name(selector, each.name) for each in candidates):
        names = sorted({each.name for each in candidates} | {each.name.rpartition(".")[0] for each in candidates})
        near = difflib.get_close_matches(selector, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"its weights are: {', '.join(e.name for e in candidates)}"
        raise InputError(f"the model has no weight or module {selector!r}; {hint}")


def _where(candidates: Iterable[Candidate]) -> str:
    """Where weights could be selected; those of a transformer may all be in layers of its library's own."""
    types = sorted({type(each.module).__name__ for each in candidates if _is_weight(each)})
    if not types:
        return "look at include and exclude"
    return f"its matrices are in layers of the types {', '.join(types)}, which include= takes"


def _require_plain(each: Candidate) -> None:
    """Sparse weights are dense tensors of numbers that are there, whole."""
    parameter = each.parameter
    if isinstance(parameter, UninitializedParameter):
        raise InputError(f"weight {each.name} has no shape yet; let the model see one batch first")
    if parameter.is_meta:
        raise InputError(f"weight {each.name} is on the meta device, without numbers; load the model's weights first")
    if type(parameter.data).__name__ == "DTensor":
        raise InputError(f"weight {each.name} is sharded over processes, and only whole weights can be sparse")
    if parameter.dim() < 2 or not parameter.is_floating_point():
        raise InputError(f"weight {each.name} is not a matrix of real numbers, and cannot be sparse")


def _require_parameters(model: nn.Module, include: Sequence[Selector], exclude: Sequence[Selector]) -> None:
    """A layer whose weight is computed from other tensors would stay dense without a word."""
    types = tuple(selector for selector in include if isinstance(selector, type))
    for path, module in model.named_modules():
        weights = ("in_proj_weight", "q_proj_weight") if isinstance(module, nn.MultiheadAttention) else ("weight",)
        plain = any(module._parameters.get(name) is not None for name in weights)
        if plain or not isinstance(module, SPARSE_LAYERS) or not isinstance(module, types):
            continue
        if not any(by_name(s, path) if isinstance(s, str) else isinstance(module, s) for s in exclude):
            raise InputError(
                f"the weight of layer {path} is computed from other tensors (by a parametrization, weight norm or "
                f"pruning), and cannot be sparse; remove that, or exclude {path}"
            )


def _without_shared(chosen: dict[str, nn.Parameter], candidates: Sequence[Candidate]) -> dict[str, nn.Parameter]:
    """Each weight once, by its first name; it is selected by all of its names or not at all."""
    first: dict[int, str] = {}
    for name, parameter in chosen.items():
        first.setdefault(id(parameter), name)
    for each in candidates:
        if each.name not in chosen and id(each.parameter) in first:
            name = first[id(each.parameter)]
            raise InputError(
                f"weight {name} is shared with {each.name}, which is not selected; include both, or exclude {name}"
            )
    return {name: chosen[name] for name in first.values()}
