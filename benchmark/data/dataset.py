"""A data set: three splits of tensors, and how a batch of them becomes what networks see."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from benchmark.system.plugin_failures import failures_of

Augment = Callable[[Tensor, torch.Generator], Tensor]
"""Changes a batch of stored inputs [B, …] at random into one of the same shape, type and device; it draws from a CPU
generator, and from nothing else."""
Decode = Callable[[Tensor, torch.device], Tensor]
"""Makes a batch of stored inputs [B, …] into what networks see, float32 [B, *shape] on the device."""


@dataclass(frozen=True)
class Split:
    """Examples and their classes, in a fixed order."""

    inputs: Tensor
    """[N, …] in the form that they are stored in: where the data set has no ``decode``, float32 and normalised."""
    targets: Tensor
    """int64 [N], each from 0 to classes - 1."""


@dataclass(frozen=True)
class Dataset:
    """A data set as training and evaluation use it."""

    name: str
    train: Split
    validation: Split
    test: Split
    classes: int
    augment: Augment | None = None
    """Applied to training batches only, as they are stored; None where the input pipeline has no randomness."""
    decode: Decode | None = None
    """Applied to every batch, after ``augment``; None where inputs are stored as networks see them."""
    from_files: bool = False
    """Whether ``decode`` reads files. Then the splits stay on the CPU, and batches are decoded ahead of their step."""

    @property
    def is_plain(self) -> bool:
        """Whether networks see examples just as they are stored."""
        return self.augment is None and self.decode is None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one input as networks see it."""
        return tuple(self.seen(self.train.inputs[:1], torch.device("cpu")).shape[1:])

    def seen(self, stored: Tensor, device: torch.device) -> Tensor:
        """A batch of stored inputs as networks see it, float32 [B, *shape] on ``device``.

        Raises :class:`criteria.errors.PluginError` where decoding fails or gives anything else.
        """
        if self.decode is None:
            return stored.to(device)
        with failures_of(f"data set {self.name!r} failed in decode()", memory=False):
            return _as_seen(self.decode(stored, device), len(stored))

    def augmented(self, stored: Tensor, generator: torch.Generator) -> Tensor:
        """A batch of stored inputs changed at random, with draws from the CPU ``generator``.

        Raises :class:`criteria.errors.PluginError` where that fails or gives another shape, type or device.
        """
        if self.augment is None:
            return stored
        with failures_of(f"data set {self.name!r} failed in augment()", memory=False):
            return _as_stored(self.augment(stored, generator), stored)

    def on(self, device: torch.device) -> "Dataset":
        """The data set with its tensors where batches for ``device`` are gathered from."""
        if self.from_files:
            return self
        train, validation, test = (
            Split(split.inputs.to(device), split.targets.to(device))
            for split in (self.train, self.validation, self.test)
        )
        return replace(self, train=train, validation=validation, test=test)


def hold_out_last(split: Split, fraction: float = 0.1) -> tuple[Split, Split]:
    """The first examples for training and the last ``fraction`` for validation, unshuffled as in the released code."""
    first = split.targets.numel() - int(fraction * split.targets.numel())
    return (
        Split(split.inputs[:first], split.targets[:first]),
        Split(split.inputs[first:], split.targets[first:]),
    )


def _as_seen(found: object, examples: int) -> Tensor:
    tensor = _tensor(found)
    computed = torch.get_default_dtype()  # that of networks: float32, but where a program has set another
    if tensor.dtype != computed or tensor.shape[:1] != (examples,):
        raise ValueError(f"it gives {_kind(tensor)}, and should give {_name(computed)} [{examples}, …]")
    return tensor


def _as_stored(found: object, stored: Tensor) -> Tensor:
    tensor = _tensor(found)
    if (tensor.shape, tensor.dtype, tensor.device) != (stored.shape, stored.dtype, stored.device):
        other, given = (f"{_kind(each)} on {each.device}" for each in (tensor, stored))
        raise ValueError(f"it gives {other} for {given}, and should keep shape, type and device")
    return tensor


def _tensor(found: object) -> Tensor:
    if not isinstance(found, Tensor):
        raise ValueError(f"it gives a {type(found).__name__}, and should give a tensor")  # noqa: TRY004  (said as it is)
    return found


def _kind(tensor: Tensor) -> str:
    return f"{_name(tensor.dtype)} {list(tensor.shape)}"


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
