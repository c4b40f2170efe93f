"""Kernels for a GPU that compute one layer for all members of a fleet; see :mod:`.layers` for which layers.

Only :func:`available` is here, and imports nothing that a machine may lack: the kernels need triton, which comes with
torch for CUDA, and a C compiler, which may not be there.
"""

from functools import cache

import torch


@cache
def available(device: torch.device) -> bool:
    """Whether the kernels can be compiled for ``device`` and give what torch gives there; found out once."""
    if device.type != "cuda":
        return False
    try:
        from benchmark.training.engines.fleet_kernels.pooling import relu_then_pool

        inputs = torch.linspace(-1, 1, 32, device=device).view(1, 2, 1, 4, 4)
        expected = torch.nn.functional.max_pool2d(inputs[0].relu(), 2)[None]
        return bool(relu_then_pool(inputs).equal(expected))
    except Exception:  # whatever a compiler that is not there, or is of another kind, raises
        return False
