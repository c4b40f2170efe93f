"""Random streams by name: every draw of a run is fixed by what it is for, not by what was drawn before it.

A stream is made anew where it is needed, from its seed and its label. So there is no generator state to save in a
checkpoint, and runs that share a seed share what the label does not tell apart (initial weights, batch order, …).
"""

import hashlib

import torch


def stream(seed: int, *label: object) -> torch.Generator:
    """A CPU generator for one purpose, such as ``stream(seed, "batches", epoch)``.

    CPU draws are the same on every device.
    """
    digest = hashlib.sha256(repr((seed, *label)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
