"""What is left of a sparse training: its masks in a file, and a copy of the model for inference."""

import copy
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from criteria.errors import InputError, one_line

READ_WHOLE = (nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)
"""Modules whose fast path reads the weights of the layers in them."""


def save_masks(masks: Mapping[str, Tensor], path: str | Path) -> None:
    """Write masks, bool tensors by the name of their weight, to a safetensors file.

    Raises :class:`InputError` where it cannot be written.
    """
    library = _safetensors()
    try:
        library.save_file({name: mask.cpu().contiguous() for name, mask in masks.items()}, path)
    except Exception as error:  # the library has errors of its own for what the system refuses
        raise InputError(f"{path}: the masks cannot be written: {one_line(error)}") from error


def load_masks(path: str | Path) -> dict[str, Tensor]:
    """Read masks from a safetensors file; raises :class:`InputError` where it is none."""
    library = _safetensors()
    try:
        masks: dict[str, Tensor] = library.load_file(path)
    except Exception as error:  # the library has errors of its own for damaged files
        raise InputError(f"{path} is not a safetensors file of masks: {one_line(error)}") from error
    return masks


def csr_copy(model: nn.Module) -> nn.Module:
    """A copy of ``model`` for inference in which the weight of every Linear layer is a sparse CSR matrix.

    Torch multiplies CSR matrices in Linear layers only, so convolutions stay dense, and so do the layers inside torch's
    own attention and transformer layers, which read their weights in another way, and layers whose weight is computed
    from other tensors (by a parametrization, or spectral norm). The copy computes what the model
    does, beyond rounding, and needs no gradient. Raises :class:`InputError` for a Linear layer in a dtype that torch
    does not multiply CSR matrices in.
    """
    copied = copy.deepcopy(model).requires_grad_(False).eval()
    kept = {id(part) for module in copied.modules() if isinstance(module, READ_WHOLE) for part in module.modules()}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support")  # torch calls it beta
        for name, module in copied.named_modules():
            plain = isinstance(module, nn.Linear) and isinstance(module._parameters.get("weight"), nn.Parameter)
            if plain and id(module) not in kept:
                if module.weight.dtype not in (torch.float32, torch.float64):
                    kind = str(module.weight.dtype).removeprefix("torch.")
                    raise InputError(f"layer {name} is in {kind}; csr_copy multiplies in float32 and float64")
                module.weight = nn.Parameter(module.weight.to_sparse_csr(), requires_grad=False)
                module.register_forward_pre_hook(_contiguous)
    return copied


def _contiguous(_module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Torch multiplies CSR matrices with no batch of sequences whose numbers are in another order in memory."""
    return tuple(each.contiguous() for each in inputs)


def _safetensors() -> Any:
    try:
        from safetensors import torch as library
    except ImportError as error:
        raise InputError("masks are kept in safetensors files; pip install safetensors") from error
    return library
