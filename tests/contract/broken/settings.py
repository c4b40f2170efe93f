"""Kind 1, settings of the process: each plugin leaves one of them other than it was."""

import gc
import logging
import os
import random
import signal
import warnings
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from criteria import Criterion, Layer, gradient
from criteria.pruning.magnitude import Magnitude
from tests.contract.right.averages import Averaging


class SeedsPythonWhileObserving(Averaging):
    """Seeds Python's generator at every step, for a helper that is long gone."""

    def observe(self, layer: Layer) -> None:
        random.seed(layer.step)
        super().observe(layer)


class RestoresOnlyTorch(Criterion):
    """``seed_everything`` inside of fork_rng: torch's state is put back, NumPy's and Python's are not."""

    def score(self, layer: Layer) -> Tensor:
        seed = int(torch.randint(2**31, (), generator=layer.generator, dtype=torch.int64))
        with torch.random.fork_rng(devices=[]):
            random.seed(seed)
            np.random.seed(seed)
            torch.default_generator.manual_seed(seed)
            return torch.rand(layer.weight.shape, dtype=torch.float32)


class DeterministicWhenMade(Magnitude):
    """Switches the whole process to deterministic algorithms when it is made."""

    def __init__(self) -> None:
        torch.use_deterministic_algorithms(True)


class OneThreadOnceLoaded(Averaging):
    """Resuming on a shared node: loading a checkpoint leaves the process with one thread."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        torch.set_num_threads(1)
        super().load_state_dict(state)


class FlushesDenormals(Magnitude):
    """Tiny weights made it slow, so denormal numbers are zero from the first call on, everywhere."""

    def score(self, layer: Layer) -> Tensor:
        torch.set_flush_denormal(True)
        return super().score(layer)


class LowersMatmulPrecision(Averaging):
    """Quicker products, for the whole training."""

    def observe(self, layer: Layer) -> None:
        torch.set_float32_matmul_precision("medium")
        super().observe(layer)


class MovesTheDefaultDevice(Criterion):
    """New tensors shall be where the layer is: that of the whole process are there from then on."""

    def score(self, layer: Layer) -> Tensor:
        torch.set_default_device(layer.weight.device)
        return layer.weight.abs() + torch.ones(())


class NoGradientsOnceSaved(Averaging):
    """Saving needs no gradients; nobody switches them on again."""

    def state_dict(self) -> dict[str, Any]:
        torch.set_grad_enabled(False)
        return super().state_dict()


class IgnoresWarnings(Magnitude):
    """A warning of its own was a nuisance: now nobody's are heard."""

    def score(self, layer: Layer) -> Tensor:
        warnings.filterwarnings("ignore")
        return super().score(layer)


class SetsCublasWorkspace(Magnitude):
    """Sets an environment variable that every later process inherits."""

    def select(self, layer: Layer, n: int) -> Tensor:
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
        return super().select(layer, n)


class TunesKernelsWhenMade(Magnitude):
    """cudnn.benchmark picks kernels by their time: the whole training is no longer the same twice."""

    def __init__(self) -> None:
        torch.backends.cudnn.benchmark = True


class DetectsAnomalies(Magnitude):
    """A debugging aid that was left in: every backward pass of the process is checked from then on."""

    def score(self, layer: Layer) -> Tensor:
        torch.autograd.set_detect_anomaly(True)
        return super().score(layer)


class NumPyRaisesOnceLoaded(Averaging):
    """Strict NumPy after loading: someone else's division by zero fails."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        np.seterr(divide="raise", invalid="raise")
        super().load_state_dict(state)


class StopsTheCollector(Averaging):
    """Garbage collection cost time while observing, so it is off for good."""

    def observe(self, layer: Layer) -> None:
        gc.disable()
        super().observe(layer)


class SilencesLogs(Magnitude):
    """A library logs too much: after this no one logs anything below an error."""

    def score(self, layer: Layer) -> Tensor:
        logging.disable(logging.WARNING)
        return super().score(layer)


class SwitchesOneDNNOff(Averaging):
    """ "Bitwise": convolutions of the whole process are computed by other kernels once it observes."""

    def observe(self, layer: Layer) -> None:
        torch.backends.mkldnn.enabled = False
        super().observe(layer)


class NoTF32WhenMade(Magnitude):
    """Convolutions on a GPU in full float32, for all that is trained beside it too."""

    def __init__(self) -> None:
        torch.backends.cudnn.allow_tf32 = False


class HooksAllModules(Magnitude):
    """Counts forward passes with a hook on every module of the process."""

    def __init__(self) -> None:
        nn.modules.module.register_module_forward_hook(lambda *_: None)


class TakesASignal(Averaging):
    """Wants to save when the scheduler warns it, and takes the signal that the runner waits for."""

    def observe(self, layer: Layer) -> None:
        signal.signal(signal.SIGUSR1, lambda *_: None)
        super().observe(layer)


class SeedsEveryHundredthTime(Magnitude):
    """Now and then everything is seeded anew, "so that runs do not drift apart"."""

    def __init__(self) -> None:
        self.calls = 0

    def score(self, layer: Layer) -> Tensor:
        self.calls += 1
        if self.calls % 100 == 0:
            torch.default_generator.manual_seed(self.calls)
        return super().score(layer)


class SeedsAnEmptyStart(Averaging):
    """An empty state is a fresh start, which shall always be the same one: everything is seeded when it is loaded."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if not state:
            torch.default_generator.manual_seed(0)
        super().load_state_dict(state)


class RestoresGlobalChance(Averaging):
    """Saves torch's random state beside its own, "to resume exactly", and sets it when it loads."""

    def state_dict(self) -> dict[str, Any]:
        return {"averages": super().state_dict(), "chance": torch.get_rng_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state["averages"])
        torch.set_rng_state(state["chance"])


class StartsTheCollector(Magnitude):
    """Stops the collector of garbage while it goes through many tuples, and starts it again, whatever it was before."""

    def select(self, layer: Layer, n: int) -> Tensor:
        gc.disable()
        pruned = super().select(layer, n)
        gc.enable()
        return pruned


class LetsLogsSpeakAgain(Magnitude):
    """Silences warnings in the logs while it scores and lets them speak again, whatever was silenced before."""

    def score(self, layer: Layer) -> Tensor:
        logging.disable(logging.WARNING)
        score = super().score(layer)
        logging.disable(logging.NOTSET)
        return score


class LooksForAnomalies(Averaging):
    """Once a gradient is infinite, as in a training with a scaled loss, torch is asked where such numbers come from."""

    requires_grad: ClassVar[bool] = True

    def observe(self, layer: Layer) -> None:
        if not bool(gradient(layer).isfinite().all()):
            torch.autograd.set_detect_anomaly(True)
        super().observe(layer)


class SeedsItsCopies(Averaging):
    """A copy, as a worker gets one, seeds Python's generator, so that all workers draw the same."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        random.seed(len(self.averages))


class FullSumsInBfloat16(Magnitude):
    """Wants sums of a bfloat16 layer to be made in full, from the first such layer on and for everybody."""

    def score(self, layer: Layer) -> Tensor:
        if layer.weight.dtype == torch.bfloat16:
            torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
        return super().score(layer)


_FAULTS: tuple[type, ...] = (
    *(SeedsPythonWhileObserving, RestoresOnlyTorch, DeterministicWhenMade, OneThreadOnceLoaded, FlushesDenormals),
    *(LowersMatmulPrecision, MovesTheDefaultDevice, NoGradientsOnceSaved, IgnoresWarnings, SetsCublasWorkspace),
    *(TunesKernelsWhenMade, DetectsAnomalies, NumPyRaisesOnceLoaded, StopsTheCollector, SilencesLogs),
    *(SwitchesOneDNNOff, NoTF32WhenMade, HooksAllModules, TakesASignal, SeedsEveryHundredthTime),
    *(SeedsAnEmptyStart, RestoresGlobalChance, StartsTheCollector, LetsLogsSpeakAgain, SeedsItsCopies),
    *(FullSumsInBfloat16, LooksForAnomalies),
)

EXPECT: dict[type, set[str]] = {each: {"pure"} for each in _FAULTS}
