"""Moving what a checkpoint holds to the device that trains."""

from typing import Any

import torch
from torch import Tensor


def on_device(state: Any, device: torch.device) -> Any:
    """``state`` with every tensor in its dictionaries, lists and tuples, named ones too, on ``device``."""
    match state:
        case Tensor():
            return state.to(device)
        case dict():
            return {key: on_device(value, device) for key, value in state.items()}
        case tuple() if hasattr(state, "_make"):
            return state._make(on_device(value, device) for value in state)
        case list() | tuple():
            return type(state)(on_device(value, device) for value in state)
    return state
