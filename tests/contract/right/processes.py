"""Criteria that use settings of the process, and leave every one of them as it was."""

import contextlib
import os
import tempfile
import time
import warnings
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from criteria import Criterion, Layer, gradient
from criteria.pruning.magnitude import Magnitude


class InferenceMode(Criterion):
    """Computes in inference mode, whose tensors cannot be changed by those who get them outside of it."""

    @torch.inference_mode()
    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs()


class ForksTheRandomState(Criterion):
    """Draws from torch's global generator inside of ``fork_rng``, seeded by the layer's: afterwards it is as before."""

    def score(self, layer: Layer) -> Tensor:
        seed = int(torch.randint(2**62, (), generator=layer.generator, dtype=torch.int64))
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            return torch.rand(layer.weight.shape, dtype=torch.float32).to(layer.weight.device)


class PutsBackTheDefaultDtype(Magnitude):
    """Makes a constant in float64 by the default dtype, and puts the default back even where something fails."""

    def score(self, layer: Layer) -> Tensor:
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            return super().score(layer) * torch.tensor(2.0)
        finally:
            torch.set_default_dtype(before)


class QuietInside(Criterion):
    """Divides by zero in NumPy with errors and warnings off, inside of their context managers."""

    requires_grad: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        weight, grad = (each.detach().double().cpu().abs().numpy() for each in (layer.weight, gradient(layer)))
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ratio = np.where((weight == 0) & (grad == 0), 0.0, weight / grad)
        return torch.from_numpy(ratio).to(layer.weight.device)


class OneThreadInside(Criterion):
    """Computes with one thread, and puts the number back."""

    def score(self, layer: Layer) -> Tensor:
        with _one_thread():
            return layer.weight.abs()


@contextlib.contextmanager
def _one_thread():  # type: ignore[no-untyped-def]
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class WithoutAutocast(Criterion):
    """The redundancy of output units by a matrix product in float64, with autocast off: experiments in bfloat16 agree.

    Scores are rounded to 2⁻²⁰ of the largest, so that the order of summation decides nothing.
    """

    def score(self, layer: Layer) -> Tensor:
        size = (layer.weight * layer.mask).double().abs()
        rows = size.flatten(1) if size.dim() > 1 else size[None]
        with torch.autocast(layer.weight.device.type, enabled=False):
            similarity = torch.mm(rows.sign(), rows.sign().t()).mean(1)
        return size / (1 + similarity).view(-1, *(1 for _ in range(size.dim() - 1)))


class ReadsTheEnvironmentForItsLog(Magnitude):
    """Says how it is called where ``DEBUG_PRUNING`` is set; the answer does not depend on it."""

    def score(self, layer: Layer) -> Tensor:
        if os.environ.get("DEBUG_PRUNING") == "verbose":
            warnings.warn(f"scoring {layer.name} at step {layer.step}", stacklevel=2)
        return super().score(layer)


class InAnotherFolderMeanwhile(Magnitude):
    """Works in the temporary folder, and comes back."""

    def score(self, layer: Layer) -> Tensor:
        with contextlib.chdir(tempfile.gettempdir()):
            return super().score(layer)


class TimesItself(Magnitude):
    """Counts its calls and their seconds, for its author: neither decides anything, so neither is saved."""

    def __init__(self) -> None:
        self.calls, self.seconds = 0, 0.0

    def score(self, layer: Layer) -> Tensor:
        start = time.perf_counter()
        score = super().score(layer)
        self.calls, self.seconds = self.calls + 1, self.seconds + time.perf_counter() - start
        return score


class OnTheGPUWhereThereIsOne(Criterion):
    """Computes on a GPU where there is one, and answers where the layer is: magnitudes are the same everywhere."""

    def score(self, layer: Layer) -> Tensor:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        return layer.weight.to(device).abs().to(layer.weight.device)


class HooksWhileItScores(Magnitude):
    """Watches modules for a moment: the hook is gone when it answers."""

    def score(self, layer: Layer) -> Tensor:
        handle = torch.nn.modules.module.register_module_forward_hook(lambda *_: None)
        try:
            return super().score(layer)
        finally:
            handle.remove()


RIGHT = (
    *(InferenceMode, ForksTheRandomState, PutsBackTheDefaultDtype, QuietInside, OneThreadInside, WithoutAutocast),
    *(ReadsTheEnvironmentForItsLog, InAnotherFolderMeanwhile, TimesItself, OnTheGPUWhereThereIsOne, HooksWhileItScores),
)
