"""Models by name; each takes images or rows [B, *shape] and gives logits [B, classes].

A model is a function ``name(inputs, classes, **parameters)`` that builds a network, registered in the entry-point group
``dst_bench.models``. ``inputs`` is the shape of one input without the batch, ``classes`` is the number of classes; both
come from the data set. A data set of two classes needs one logit, [B, 1]: positive means class 1.

Models are trained many at a time by ``torch.func.vmap`` over stacked parameters and buffers, so none of them lets its
control flow depend on data, and none draws from torch's generator: dropout is that of :mod:`benchmark.models.dropout`.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchmark.models.shapes import logits, require_inputs
from benchmark.system.plugin_failures import blaming
from benchmark.system.seeding import seed_numpy_and_python
from criteria.errors import InputError, PluginError, one_line
from criteria.plugins import Spec, load, names

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "build_model",
    "build_network",
    "layer_of",
    "logits",
    "model_names",
    "model_spec",
    "require_inputs",
    "sparse_layer_names",
]


def model_names() -> list[str]:
    """Names of the models, sorted."""
    return names("model")


def model_spec(settings: Mapping[str, Any]) -> Spec:
    """The spec of a model from its settings in an experiment, which are its ``name`` and its parameters."""
    return Spec(str(settings["name"]), tuple((key, value) for key, value in settings.items() if key != "name"))


def build_model(spec: str | Spec, inputs: Sequence[int], classes: int, **parameters: Any) -> "nn.Module":
    """A new network with initial weights drawn from torch's global generator.

    What a model draws from those of numpy and of Python follows from torch's seed, so that it is the run's own.

    Raises :class:`InputError` for an unknown model or parameter, and for a value, a shape or a number of classes that
    the model does not take; :class:`PluginError` where building it fails in any other way.
    """
    import torch
    from torch import nn

    spec = Spec.parse(spec) if isinstance(spec, str) else spec
    build = load(spec, "model", **parameters)
    with blaming(f"model {spec.name!r} cannot be built"):  # it puts these generators back
        seed_numpy_and_python(torch.initial_seed())
        try:
            network = build(inputs=inputs, classes=classes)
            drawn = torch.get_rng_state()
        except ValueError as error:
            raise InputError(f"model {spec.name!r} {error}") from error
        except (RuntimeError, MemoryError, TypeError, OverflowError) as error:  # torch's, of sizes that no memory has
            raise InputError(f"model {spec.name!r} cannot be built with these parameters: {one_line(error)}") from error
    torch.set_rng_state(drawn)  # blaming() has put it back, and the next network is to have other weights
    if not isinstance(network, nn.Module):
        raise PluginError(f"model {spec.name!r} built a {type(network).__name__}, and should build a torch.nn.Module")
    return network


def build_network(model: Mapping[str, Any], inputs: Sequence[int], classes: int) -> "nn.Module":
    """The network of an experiment's ``model`` settings for examples of shape ``inputs``; see :func:`build_model`."""
    return build_model(model_spec(model), inputs, classes)


def sparse_layer_names(network: "nn.Module") -> list[str]:
    """Parameter names of the weights of every Linear and Conv layer, such as ``fc1.weight``, in the network's order."""
    from torch import nn

    layers = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    named = (name for name, module in network.named_modules() if isinstance(module, layers))
    return [f"{name}.weight".removeprefix(".") for name in named]  # a network may be a layer itself


def layer_of(weight: str) -> str:
    """The name of the module whose weight has this name; empty where that is the network itself."""
    return weight.rpartition(".")[0]
