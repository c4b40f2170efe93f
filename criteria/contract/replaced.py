"""Functions of torch, NumPy and Python's ``random`` that a plugin has replaced for the whole process."""

import functools
import random
import sys
from typing import Any

import numpy as np
import torch
from torch.nn import functional

_OWNERS: dict[str, Any] = {
    "torch": torch,
    "torch.Tensor": torch.Tensor,
    "torch.nn.functional": functional,
    "numpy": np,
    "numpy.random": np.random,
    "random": random,
}


def functions_now() -> dict[str, dict[str, Any]]:
    """What each of these modules and classes consists of at present."""
    return {name: dict(vars(owner)) for name, owner in _OWNERS.items()}


def replaced(before: dict[str, dict[str, Any]], module: str) -> list[str]:
    """The functions that the code of ``module`` has replaced since then.

    Libraries replace functions too, as torch does when its compiler is imported: these are not meant.
    """
    file = getattr(sys.modules.get(module), "__file__", None)
    return [
        f"{owner}.{name}"
        for owner, functions in before.items()
        for name, then in functions.items()
        if (now := vars(_OWNERS[owner]).get(name)) is not then and _is_of(now, then, file)
    ]


def _is_of(now: Any, then: Any, file: str | None) -> bool:
    if isinstance(now, functools.partial):
        return now.func is then
    code = getattr(now, "__code__", None)
    return code is not None and code.co_filename == file
