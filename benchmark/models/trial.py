"""A trial of somebody's model: one step on zeros, as the benchmark trains, before anything is trained."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from benchmark.models import sparse_layer_names
from benchmark.models.shapes import logits
from benchmark.system.interruption import is_interruption
from benchmark.system.plugin_failures import reason
from benchmark.system.quantity import quantity
from criteria.errors import InputError, PluginError, where_raised
from criteria.plugins import registered

EXAMPLES = 2
"""Batch-norm needs two."""
_DRAWS = (
    "draws from torch's own generator, as torch's dropout does, so its training would depend on what else is trained; "
    "use Dropout of benchmark.models.dropout, whose draws belong to the network"
)


def require_trainable(name: str, network: nn.Module, inputs: Sequence[int], classes: int) -> None:
    """Raise :class:`PluginError` for a network of somebody's model ``name`` that :func:`problem_of` finds fault with.

    Models that we ship are tried by our tests.
    """
    if name not in (known := registered("model")) or known[name].module.startswith("benchmark."):
        return
    if (problem := problem_of(network, inputs, classes)) is not None:
        raise PluginError(f"model {name!r} {problem}")


def require_trains_on_one(name: str, network: nn.Module, inputs: Sequence[int], classes: int) -> None:
    """Raise :class:`InputError` for a network of the model ``name`` that fails on a batch of one example.

    Batch-norm does, where its input has one place: it needs two values to normalise by.
    """
    if (problem := problem_of(network, inputs, classes, examples=1)) is not None:
        raise InputError(
            f"a batch of an epoch, most often the last one, has one example, and model {name!r} {problem}; "
            "choose another batch_size"
        )


def problem_of(network: nn.Module, inputs: Sequence[int], classes: int, examples: int = EXAMPLES) -> str | None:
    """Why ``network`` (on the meta device) cannot be trained sparsely among others, in words; None where it can.

    ``inputs`` is the shape of one example; it is tried on a batch of so many ``examples``.
    """
    try:
        return _problem_of_weights(network) or _problem_of_step(network, tuple(inputs), logits(classes), examples)
    except InputError:
        raise
    except BaseException as error:  # a plugin may fail in any way, and end the program too
        if is_interruption(error):
            raise
        where = f" ({at})" if (at := where_raised(error)) else ""
        why = f"{reason(error)}{where}"
        return (
            f"fails on a batch of zeros, {quantity(examples, 'example')} of shape {'×'.join(map(str, inputs))}: {why}"
        )


def _problem_of_weights(network: nn.Module) -> str | None:
    weights, seen = dict(network.named_parameters(remove_duplicate=False)), dict[int, str]()
    if not (sparse := sparse_layer_names(network)):
        return "has no Linear or Conv layer, so nothing in it can be sparse"
    if computed := [name for name in sparse if name not in weights]:
        return f"computes {computed[0]} of other tensors; a mask is of a parameter, so leave parametrisations out"
    for path, module in network.named_modules():
        if loose := [name for name, each in vars(module).items() if isinstance(each, Tensor)]:
            name = f"{path}.{loose[0]}".removeprefix(".")
            return f"has a tensor {name} that is neither a parameter nor a buffer; register it as a buffer"
    for name, weight in weights.items():
        if (first := seen.setdefault(id(weight), name)) != name:
            return f"has one tensor for {first} and {name}; a mask is of one layer, so give each its own"
        if weight.dtype != torch.get_default_dtype():
            return f"has {name} in {_kind(weight.dtype)}; leave it in {_kind(torch.get_default_dtype())}"
        if not weight.requires_grad:
            return f"has {name} with requires_grad=False; keep what is not trained as a buffer"
    return None


def _problem_of_step(network: nn.Module, inputs: tuple[int, ...], outputs: int, examples: int) -> str | None:
    """What is wrong with the logits and the gradients of the network as the only one of a fleet."""

    def zeros(of: Tensor) -> Tensor:
        return torch.zeros((), dtype=of.dtype).expand(1, *of.shape)

    weights = {name: zeros(weight).requires_grad_() for name, weight in network.named_parameters()}
    buffers = {name: torch.zeros(1, *buffer.shape, dtype=buffer.dtype) for name, buffer in network.named_buffers()}

    def forward(weights: dict[str, Tensor], buffers: dict[str, Tensor], batch: Tensor) -> Tensor:
        found: Tensor = functional_call(network, (weights, buffers), (batch,))
        return found

    network = copy.deepcopy(network).train()  # it may keep what it computes
    batch = torch.zeros(1, examples, *inputs)
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        before = torch.get_rng_state()
        (found,) = vmap(forward, randomness="different")(weights, buffers, batch)
        if not torch.equal(before, torch.get_rng_state()):
            return _DRAWS
        if (problem := _problem_of_logits(found, outputs, examples)) is not None:
            return problem
        gradients = torch.autograd.grad(found.sum(), list(weights.values()), allow_unused=True)
    unused = [name for name, gradient in zip(weights, gradients, strict=True) if gradient is None]
    if unused:
        return f"has {unused[0]}, which no logit depends on; leave it out"
    network.eval()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        (found,) = vmap(forward, randomness="different")(weights, buffers, batch)
    return _problem_of_logits(found, outputs, examples, " in evaluation mode")


def _problem_of_logits(found: Tensor, outputs: int, examples: int, when: str = "") -> str | None:
    if found.shape != (examples, outputs):
        shapes = f"{list(found.shape)} for a batch of {quantity(examples, 'example')}{when}, and should give logits"
        return f"gives {shapes} [{examples}, {outputs}]"
    if found.dtype != torch.get_default_dtype():
        return f"gives logits in {_kind(found.dtype)}{when}; leave them in {_kind(torch.get_default_dtype())}"
    return None


def _kind(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
