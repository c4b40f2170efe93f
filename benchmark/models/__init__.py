"""Models by name; each takes images or rows [B, *shape] and gives logits [B, classes].

A data set of two classes needs one logit, [B, 1]: positive means class 1.

Models are trained many at a time by ``torch.func.vmap`` over stacked parameters and buffers, so none of them lets its
control flow depend on data.
"""

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from criteria.errors import InputError, one_line
from criteria.plugins import unknown

if TYPE_CHECKING:
    from torch import nn

_NAMES = ("efficientnet_b0", "lenet300", "lenet5", "mlp", "resnet50", "resnet56", "small_cnn", "vgg16")
"""Each is a module with a function of the same name that builds the model."""


def model_names() -> list[str]:
    """Names of the models, sorted."""
    return list(_NAMES)


def build_model(name: str, **parameters: Any) -> "nn.Module":
    """A new model with initial weights drawn from torch's global generator.

    ``inputs`` (the shape of one input, without the batch) and ``classes`` come from the data set; what else a model
    takes is in its builder's signature. Raises :class:`InputError` for an unknown model or parameter, and for a value
    that the model does not take.
    """
    if name not in _NAMES:
        raise unknown("model", name, _NAMES)
    from importlib import import_module

    build = getattr(import_module(f"benchmark.models.{name}"), name)
    signature = inspect.signature(build)
    known = [key for key in signature.parameters if key not in ("inputs", "classes")]
    for key in parameters:
        if key not in signature.parameters:
            raise InputError(f"model {name!r} has no parameter {key!r}; it has: {', '.join(known) or 'none'}")
    try:
        arguments = signature.bind(**parameters)
    except TypeError as error:
        raise InputError(f"model {name!r} is {error}") from error
    try:
        model: nn.Module = build(*arguments.args, **arguments.kwargs)
    except ValueError as error:
        raise InputError(f"model {name!r} {error}") from error
    except (RuntimeError, MemoryError, TypeError, OverflowError) as error:  # torch's, of sizes that no memory has
        raise InputError(f"model {name!r} cannot be built with {parameters}: {one_line(error)}") from error
    return model


def build_network(model: Mapping[str, object], inputs: tuple[int, ...], classes: int) -> "nn.Module":
    """The network of an experiment's ``model`` entry for examples of shape ``inputs``."""
    parameters = {key: value for key, value in model.items() if key != "name"}
    return build_model(str(model["name"]), inputs=inputs, classes=classes, **parameters)


def sparse_layer_names(model: "nn.Module") -> list[str]:
    """Parameter names of the weights of every Linear and Conv layer, such as ``fc1.weight``, in the model's order."""
    from torch import nn

    layers = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    return [f"{name}.weight" for name, module in model.named_modules() if isinstance(module, layers)]
