"""The device that trains, and what is recorded about it. Torch is imported by whoever asks for a device."""

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from benchmark.system import communication
from criteria.errors import InputError

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda")
"""What can be asked for."""


def choose_device(wanted: str) -> "torch.device":
    """``auto`` takes CUDA where there is one; raises :class:`InputError` for ``cuda`` where there is none."""
    import torch

    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: torch finds no CUDA device here; use --device cpu or auto")
    # by number, because what a bare "cuda" means is another GPU in each process and thread
    return torch.device(wanted, torch.cuda.current_device()) if wanted == "cuda" else torch.device(wanted)


def environment(device: "torch.device") -> dict[str, Any]:
    """Versions and device of a result."""
    import torch

    return {
        "dst-bench": version("dst-bench"),
        "torch": str(torch.__version__),  # it is of a class of its own, which checkpoints do not load
        "python": platform.python_version(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else _cpu(),
        "threads": torch.get_num_threads(),
        "cpu": _model(),
        **({"processes": communication.size()} if communication.size() > 1 else {}),
    }


def installed() -> dict[str, str]:
    """Versions and processor as far as they are known without importing torch, which takes seconds."""
    return {
        "dst-bench": version("dst-bench"),
        "torch": version("torch"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": _processor(),
    }


def _cpu() -> str:
    import torch

    return f"{platform.machine()} CPU ({torch.backends.cpu.get_cpu_capability()})"


def is_of_cpu(device: str) -> bool:
    """Whether a result's ``device`` is a processor, of this machine or another one."""
    return " CPU (" in device


def _processor() -> str:
    """The processor's name and its number of cores."""
    import os

    return f"{_model()}, {os.cpu_count()} cores"


def _model() -> str:
    """The processor's name, which decides how sums are rounded where its instructions leave that open."""
    return processor_says("model name") or platform.processor() or platform.machine()


def processor_says(what: str) -> str:
    """What Linux says of the first processor, such as its ``vendor_id``; empty where it says nothing."""
    from pathlib import Path

    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:  # there is none on other systems
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(what)), "")
