"""Norms of the inputs of a layer, counted plainly."""

import torch


@torch.no_grad()
def input_norm(network, name, inputs):
    """What each weight of a linear layer or a convolution multiplies: the norm over a batch, [*shape of the weight]."""
    taken, module = [], network.eval().get_submodule(name.removesuffix(".weight"))
    handle = module.register_forward_pre_hook(lambda _, arguments: taken.append(arguments[0]))
    network(inputs)
    handle.remove()
    squares = taken[0].double().pow(2)
    norms = squares.sum((0, *range(2, squares.dim()))).sqrt().float()
    return norms.view(1, -1, *(1,) * (module.weight.dim() - 2)).expand(module.weight.shape)
