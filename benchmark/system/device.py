"""The device that trains, and what is recorded about it."""

import platform
from importlib.metadata import version
from typing import Any

import torch

from benchmark.system import communication
from criteria.errors import InputError


def choose_device(wanted: str) -> torch.device:
    """``auto`` takes CUDA where there is one; raises :class:`InputError` for ``cuda`` where there is none."""
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: torch finds no CUDA device here; use --device cpu or auto")
    # by number, because what a bare "cuda" means is another GPU in each process and thread
    return torch.device(wanted, torch.cuda.current_device()) if wanted == "cuda" else torch.device(wanted)


def environment(device: torch.device) -> dict[str, Any]:
    """Versions and device of a result."""
    return {
        "dst-bench": version("dst-bench"),
        "torch": str(torch.__version__),  # it is of a class of its own, which checkpoints do not load
        "python": platform.python_version(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else _processor(),
        "threads": torch.get_num_threads(),
        **({"processes": communication.size()} if communication.size() > 1 else {}),
    }


def _processor() -> str:
    return f"{platform.machine()} CPU ({torch.backends.cpu.get_cpu_capability()})"
