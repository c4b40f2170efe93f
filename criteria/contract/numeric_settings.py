"""The settings of the process that decide what is computed: random states, dtypes, threads, precision, modes."""

import random
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from criteria.isolation import matmul_precision, set_matmul_precision

Setting = tuple[Callable[[], Any], Callable[[Any], object]]
"""How a setting is read, and how it is set."""


def flags(owner: Any, *names: str) -> Setting:
    """Attributes of ``owner``, as one setting."""

    def write(values: tuple[object, ...]) -> None:
        for name, value in zip(names, values, strict=True):
            setattr(owner, name, value)

    return lambda: tuple(getattr(owner, name) for name in names), write


def _default_device() -> torch.device | None:
    return None if torch._GLOBAL_DEVICE_CONTEXT.__dict__.get("device_context") is None else torch.get_default_device()


def _denormals() -> bool:
    tiny = sys.float_info.min
    return tiny / 2 == 0.0


def _determinism() -> tuple[bool, bool, bool]:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.utils.deterministic.fill_uninitialized_memory,  # type: ignore[attr-defined]
    )


def _set_determinism(state: tuple[bool, bool, bool]) -> None:
    torch._C._set_deterministic_algorithms(state[0], warn_only=state[1])  # the public function imports a compiler
    torch.utils.deterministic.fill_uninitialized_memory = state[2]  # type: ignore[attr-defined]


def _autocast() -> tuple[object, ...]:
    devices = ("cpu", "cuda")
    each = [(torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)) for device in devices]
    return (*each, torch.is_autocast_cache_enabled())


def _set_autocast(state: tuple[Any, ...]) -> None:
    for device, (enabled, dtype) in zip(("cpu", "cuda"), state, strict=False):
        torch.set_autocast_enabled(device, enabled)
        torch.set_autocast_dtype(device, dtype)
    torch.set_autocast_cache_enabled(state[-1])


def _convolutions() -> bool | str:
    try:
        return bool(torch.backends.cudnn.allow_tf32)
    except RuntimeError:  # convolutions were set apart from what else cuDNN computes
        return str(torch.backends.cudnn.conv.fp32_precision)  # type: ignore[attr-defined]


def _set_convolutions(precision: bool | str) -> None:
    if isinstance(precision, bool):
        torch.backends.cudnn.allow_tf32 = precision
    else:
        torch.backends.cudnn.conv.fp32_precision = precision  # type: ignore[attr-defined]


def _set_inference(mode: bool) -> None:
    # the guard holds as long as it is there, and a plugin has kept one of its own
    _set_inference.guard = torch._C._InferenceMode(mode)  # type: ignore[attr-defined]


REDUCED_SUMS = ("allow_bf16_reduced_precision_reduction", "allow_fp16_reduced_precision_reduction")

RANDOM_STATES: dict[str, Setting] = {
    "torch's global random state": (torch.get_rng_state, torch.set_rng_state),
    "numpy's global random state": (np.random.get_state, np.random.set_state),
    "Python's global random state": (random.getstate, random.setstate),
}

NUMERIC: dict[str, Setting] = {
    **RANDOM_STATES,
    "the default dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "the default device": (_default_device, torch.set_default_device),
    "the grad mode": (torch.is_grad_enabled, torch.set_grad_enabled),
    "the inference mode": (torch.is_inference_mode_enabled, _set_inference),
    "the number of threads": (torch.get_num_threads, torch.set_num_threads),
    "the deterministic mode": (_determinism, _set_determinism),
    "whether denormal numbers are zero": (_denormals, torch.set_flush_denormal),
    "the precision of matrix products": (matmul_precision, set_matmul_precision),
    "autocast": (_autocast, _set_autocast),
    "the sums of matrix products in half precision": flags(torch.backends.cuda.matmul, *REDUCED_SUMS),
    "the flags of cuDNN": flags(torch.backends.cudnn, "enabled", "benchmark", "deterministic"),
    "the flags of oneDNN": flags(torch.backends.mkldnn, "enabled", "deterministic"),
    "the precision of convolutions": (_convolutions, _set_convolutions),
    "the threads of backward passes": (torch.autograd.is_multithreading_enabled, torch._C._set_multithreading_enabled),
    "the detection of anomalies": (torch.is_anomaly_enabled, torch.set_anomaly_enabled),
    "numpy's error state": (np.geterr, lambda state: np.seterr(**state)),
}
"""What decides what is computed."""
