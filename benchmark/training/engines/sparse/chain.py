"""A network as the sparse engine sees it: a chain of operations, read off a torch module."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from torch import nn

from benchmark.models.dropout import Dropout
from benchmark.models.linear import Linear
from benchmark.training.engines.sparse.table import Kind

Pair = tuple[int, int]
Shape = tuple[int, int, int]
"""Channels, height and width; features are channels with one pixel."""


KNOWN = (
    *(Linear, nn.Linear, nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d),
    *(nn.BatchNorm1d, nn.BatchNorm2d, Dropout),
)
"""Layers that have kernels; what is derived from one may compute something else."""
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
"""Where torch keeps what somebody has hung on a module to change what it computes."""
MOST_PIXELS = 256
"""Of a window of max-pooling, since a byte remembers which one it was."""


class UnsupportedError(Exception):
    """Why a network does not run on the sparse engine, in words."""


@dataclass(frozen=True)
class Node:
    """One operation, with the ReLU that follows it."""

    kind: Kind
    name: str
    """Of the module, such as ``conv1``."""
    inputs: Shape
    outputs: Shape
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    bias: bool = False
    relu: bool = False
    probability: float = 0.0
    """Of dropout."""
    momentum: float = 0.0
    """Of batch-norm's running statistics, in torch's sense."""
    epsilon: float = 0.0

    @property
    def is_product(self) -> bool:
        """Whether it has sparse weights."""
        return self.kind in (Kind.LINEAR, Kind.CONVOLUTION)

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Of a product's weights, as torch has them."""
        if self.kind == Kind.LINEAR:
            return self.outputs[0], self.inputs[0]
        return self.outputs[0], self.inputs[0], *self.kernel

    def tensor(self, name: str) -> str:
        """The name that a parameter or buffer of the module, such as ``weight``, has in the network."""
        return f"{self.name}.{name}".removeprefix(".")  # a network may be a layer itself


def nodes(module: nn.Module, inputs: tuple[int, ...]) -> list[Node]:
    """The operations of ``module``, in order; raises :class:`UnsupportedError` where it has others."""
    _require_own_arithmetic(module)
    found: list[Node] = []
    used: set[int] = set()
    shape, flat = _first_shape(inputs)
    for name, layer in _layers(module, ""):
        if id(layer) in used:
            raise UnsupportedError(f"it has {name} twice")
        if layer.state_dict():
            used.add(id(layer))
        if type(layer) is nn.Flatten:
            if (layer.start_dim, layer.end_dim) != (1, -1):
                raise UnsupportedError(f"{name} flattens only some dimensions")
            if found and found[-1].kind == Kind.CONVOLUTION:
                # the gradient of a convolution's outputs is stored with a border, which has no flat form
                found.append(Node(Kind.DROPOUT, name, shape, shape))
            shape, flat = (math.prod(shape), 1, 1), True
        elif type(layer) is nn.ReLU:
            if not found:
                raise UnsupportedError(f"{name} follows no other layer")
            found[-1] = replace(found[-1], relu=True)
        else:
            found.append(_node(name, layer, shape, flat))
            shape = found[-1].outputs
    if not found or not found[-1].is_product or found[-1].relu or not flat:
        raise UnsupportedError("its last layer is not a linear one that gives the logits")
    return found


def _require_own_arithmetic(module: nn.Module) -> None:
    """Raise :class:`UnsupportedError` where something else than its class decides what a part of it computes."""
    for name, part in module.named_modules():
        if "forward" in vars(part) or any(getattr(part, hooks) for hooks in HOOKS):
            raise UnsupportedError(f"{name or 'the network'} has a hook, or a forward() of its own")


def _first_shape(inputs: tuple[int, ...]) -> tuple[Shape, bool]:
    match inputs:
        case (features,):
            return (features, 1, 1), True
        case (channels, height, width):
            return (channels, height, width), False
    raise UnsupportedError(f"its inputs have {len(inputs)} dimensions")


def _layers(module: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    if type(module) is nn.Sequential:
        for part, child in module._modules.items():  # a layer that is in two places is named twice here
            if child is not None:
                yield from _layers(child, f"{name}.{part}" if name else part)
    elif type(module) is not nn.Identity:
        yield name, module


def _node(name: str, layer: nn.Module, shape: Shape, flat: bool) -> Node:
    if type(layer) in KNOWN:
        match layer:
            case nn.Linear():
                return _linear(name, layer, shape, flat)
            case nn.Conv2d() if not flat:
                return _convolution(name, layer, shape)
            case nn.MaxPool2d() if not flat:
                return _max_pooling(name, layer, shape)
            case nn.AvgPool2d() if not flat:
                return _mean_pooling(name, layer, shape)
            case nn.AdaptiveAvgPool2d() if not flat:
                return _adaptive_pooling(name, layer, shape)
            case nn.BatchNorm1d() | nn.BatchNorm2d() if isinstance(layer, nn.BatchNorm1d) == flat:
                return _batch_norm(name, layer, shape)
            case Dropout() if not layer.whole_examples:
                return Node(Kind.DROPOUT, name, shape, shape, probability=layer.p)
    if not name:
        raise UnsupportedError(f"{type(layer).__name__} is no nn.Sequential, so the order of its layers is unknown")
    raise UnsupportedError(f"it has no kernel for {name}, {type(layer).__name__}")


def _linear(name: str, layer: nn.Linear, shape: Shape, flat: bool) -> Node:
    if not flat or layer.in_features != shape[0]:
        raise UnsupportedError(f"{name} is applied to more than one dimension")
    return Node(Kind.LINEAR, name, shape, (layer.out_features, 1, 1), bias=layer.bias is not None)


def _convolution(name: str, layer: nn.Conv2d, shape: Shape) -> Node:
    if layer.groups != 1 or layer.dilation != (1, 1) or layer.padding_mode != "zeros":
        raise UnsupportedError(f"{name} has groups, a dilation or a padding that is not of zeros")
    kernel, stride = _pair(layer.kernel_size), _pair(layer.stride)
    padding = (0, 0)
    if layer.padding == "same":
        if kernel[0] % 2 == 0 or kernel[1] % 2 == 0:
            raise UnsupportedError(f"{name} pads its sides differently")
        padding = (kernel[0] // 2, kernel[1] // 2)
    elif layer.padding != "valid":
        padding = _pair(layer.padding)
    outputs = (layer.out_channels, *_windows(name, shape, kernel, stride, padding))
    bias = layer.bias is not None
    return Node(Kind.CONVOLUTION, name, shape, outputs, kernel, stride, padding, bias)


def _max_pooling(name: str, layer: nn.MaxPool2d, shape: Shape) -> Node:
    if _pair(layer.padding) != (0, 0) or _pair(layer.dilation) != (1, 1) or layer.ceil_mode or layer.return_indices:
        raise UnsupportedError(f"{name} has padding, a dilation or another special setting")
    kernel, stride = _pair(layer.kernel_size), _pair(layer.stride)
    if math.prod(kernel) > MOST_PIXELS:
        raise UnsupportedError(f"{name} has windows of more than {MOST_PIXELS} pixels")
    return Node(
        Kind.MAX_POOLING, name, shape, (shape[0], *_windows(name, shape, kernel, stride, (0, 0))), kernel, stride
    )


def _mean_pooling(name: str, layer: nn.AvgPool2d, shape: Shape) -> Node:
    if _pair(layer.padding) != (0, 0) or layer.ceil_mode or layer.divisor_override:
        raise UnsupportedError(f"{name} has padding or another special setting")
    kernel, stride = _pair(layer.kernel_size), _pair(layer.stride)
    return Node(
        Kind.MEAN_POOLING, name, shape, (shape[0], *_windows(name, shape, kernel, stride, (0, 0))), kernel, stride
    )


def _adaptive_pooling(name: str, layer: nn.AdaptiveAvgPool2d, shape: Shape) -> Node:
    height, width = _pair(layer.output_size)
    wanted = height or shape[1], width or shape[2]  # torch's None leaves a side as it is
    if shape[1] % wanted[0] or shape[2] % wanted[1]:
        raise UnsupportedError(f"{name} pools windows of different sizes")
    kernel = (shape[1] // wanted[0], shape[2] // wanted[1])
    return Node(Kind.MEAN_POOLING, name, shape, (shape[0], *wanted), kernel, kernel)


def _batch_norm(name: str, layer: nn.BatchNorm1d | nn.BatchNorm2d, shape: Shape) -> Node:
    if not layer.affine or not layer.track_running_stats or layer.momentum is None:
        raise UnsupportedError(f"{name} has no scale, no running statistics or no momentum")
    return Node(Kind.BATCH_NORM, name, shape, shape, momentum=layer.momentum, epsilon=layer.eps)


def _windows(name: str, shape: Shape, kernel: Pair, stride: Pair, padding: Pair) -> Pair:
    """Height and width of what windows over an image give."""
    sizes = [
        (size + 2 * pad - window) // step + 1
        for size, window, step, pad in zip(shape[1:], kernel, stride, padding, strict=True)
    ]
    if min(sizes) < 1:
        raise UnsupportedError(f"{name} has windows that are larger than its inputs")
    return sizes[0], sizes[1]


def _pair(value: object) -> Pair:
    if isinstance(value, tuple):
        return value
    return value, value  # type: ignore[return-value]
