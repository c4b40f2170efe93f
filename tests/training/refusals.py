"""What the sparse engine refuses."""

from torch import nn

from benchmark.training.engines.sparse.chain import UnsupportedError, nodes


def unsupported(network: nn.Module, inputs: tuple[int, ...]) -> str | None:
    """Why a network cannot train on it, in words; None if it can."""
    try:
        nodes(network, inputs)
    except UnsupportedError as error:
        return str(error)
    return None
