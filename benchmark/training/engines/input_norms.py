"""Norms of what the layers of a network take in, for criteria and growths that weigh weights by their inputs."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call

from benchmark.models import layer_of
from criteria.errors import PluginError


@torch.no_grad()
def input_norms(
    network: nn.Module,
    weights: Mapping[str, Tensor],
    buffers: Mapping[str, Tensor],
    inputs: Tensor,
    names: Sequence[str],
) -> dict[str, Tensor]:
    """The norm of the input that each weight multiplies, [*shape of the weight], for the layers of these weights.

    It is the Euclidean norm over all examples of ``inputs`` [batch, *shape], of a convolution over all places too, in
    evaluation mode: nothing is drawn, and buffers stay as they are. Of a layer that is called several times the norm is
    over all calls. Raises :class:`PluginError` for a layer whose module is never called.
    """
    found: dict[str, Tensor] = {}
    network.eval()
    handles = [
        network.get_submodule(layer_of(name)).register_forward_pre_hook(_noting(name, weights[name], found))
        for name in names
    ]
    try:
        functional_call(network, (dict(weights), dict(buffers)), (inputs,))
    finally:
        for handle in handles:
            handle.remove()
    for name in names:
        if name not in found:
            raise PluginError(
                f"the norms of what {name} takes in are not known, because its module is not called (torch's attention "
                "takes the weight of its out_proj); leave that layer dense by topology.exclude"
            )
    return found


def _noting(name: str, weight: Tensor, found: dict[str, Tensor]) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    def note(module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        norm = _of_weights(module, arguments[0], weight)
        found[name] = torch.hypot(found[name], norm) if name in found else norm

    return note


def _of_weights(module: nn.Module, taken: Tensor, weight: Tensor) -> Tensor:
    """The norms of one input of a layer, as the weights [outputs, inputs of a group, *kernel] see them."""
    if isinstance(module, nn.Linear):
        of_inputs: Tensor = torch.linalg.vector_norm(taken.flatten(0, -2), dim=0)
        return of_inputs.to(weight.dtype).expand(weight.shape)
    kernel = weight.dim() - 2
    channels = taken.movedim(-kernel - 1, 0).flatten(1)  # an example may come without the dimension of the batch
    of_channels: Tensor = torch.linalg.vector_norm(channels, dim=1)
    norms = of_channels.to(weight.dtype)
    groups = norms.numel() // weight.shape[1]
    each = norms.view(groups, weight.shape[1]).repeat_interleave(weight.shape[0] // groups, 0)
    return each.view(*each.shape, *(1,) * kernel).expand(weight.shape)
