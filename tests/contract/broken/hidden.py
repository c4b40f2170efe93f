"""Kind 2, hidden inputs: the answer depends on something that is not in the layer, and differs elsewhere or later."""

import datetime
import itertools
import json
import logging
import os
import resource
import socket
import time
import uuid
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from criteria import Criterion, Layer, gradient
from criteria.pruning.magnitude import Magnitude
from tests.contract.broken.options import penalty
from tests.contract.right.averages import Averaging

ELSEWHERE = {"deterministic", "replay", "checkpoint_replay", "state_roundtrip"}
"""What a fault that shows in another process, place or time may be called."""
SALT = uuid.uuid4().int
MADE = itertools.count()


def weighted(layer: Layer, share: float) -> Tensor:
    """|θ| + λ|g| with λ between 0.05 and 2.05 for a share from 0 to 1, float64 [*shape]."""
    return layer.weight.double().abs() + (0.05 + 2 * share) * gradient(layer).double().abs()


class _WithGradient(Criterion):
    requires_grad: ClassVar[bool] = True


class LambdaFromTheEnvironment(_WithGradient):
    """λ may be set by an environment variable that no record of the experiment has."""

    def score(self, layer: Layer) -> Tensor:
        return weighted(layer, float(os.environ.get("PRUNING_LAMBDA", "0.1")))


class OptionsOfItsPackage(_WithGradient):
    """λ comes from another module of its package, which reads an environment variable."""

    def score(self, layer: Layer) -> Tensor:
        return weighted(layer, penalty())


class OptionsOfTheFolder(_WithGradient):
    """λ comes from a file of the present folder, where there is one."""

    def score(self, layer: Layer) -> Tensor:
        file = Path("pruning.json")
        return weighted(layer, json.loads(file.read_text())["penalty"] if file.exists() else 0.1)


class ExploresByRank(_WithGradient):
    """Every process of a distributed training has another λ, so that their masks part."""

    def score(self, layer: Layer) -> Tensor:
        return weighted(layer, int(os.environ.get("RANK", "0")) % 8 / 8)


class SeededByProcess(_WithGradient):
    """λ is drawn once for each process: by its id."""

    def score(self, layer: Layer) -> Tensor:
        generator = torch.Generator().manual_seed(os.getpid())
        return weighted(layer, float(torch.rand((), generator=generator, dtype=torch.float64)))


class SeededByHost(_WithGradient):
    """λ is drawn by the name of the machine."""

    def score(self, layer: Layer) -> Tensor:
        generator = torch.Generator().manual_seed(uuid.uuid5(uuid.NAMESPACE_DNS, socket.gethostname()).int >> 66)
        return weighted(layer, float(torch.rand((), generator=generator, dtype=torch.float64)))


class AnnealsByTheHour(_WithGradient):
    """λ by the hour of the day, of datetime: the same twice within an hour."""

    def score(self, layer: Layer) -> Tensor:
        return weighted(layer, datetime.datetime.now().hour / 24)


class AnnealsByTheDay(_WithGradient):
    """λ by the day of the year."""

    def score(self, layer: Layer) -> Tensor:
        return weighted(layer, time.localtime().tm_yday / 366)


class HashOfTheName(_WithGradient):
    """Another λ for each layer, from the hash of its name: Python's hash of text differs in every process."""

    def score(self, layer: Layer) -> Tensor:
        return weighted(layer, hash(layer.name) % 1000 / 1000)


class FirstOfASet(_WithGradient):
    """Takes what comes first in a set of text, whose order differs from process to process."""

    def score(self, layer: Layer) -> Tensor:
        terms = {"magnitude", "gradient", "saliency", "movement", "curvature"}
        return weighted(
            layer, ("curvature", "gradient", "magnitude", "movement", "saliency").index(next(iter(terms))) / 5
        )


class WeightsOfASet(_WithGradient):
    """Draws a weight for each of two terms, which it goes through as a set of text; alike in every second process."""

    def score(self, layer: Layer) -> Tensor:
        terms = {"magnitude": layer.weight.abs(), "saliency": (layer.weight * gradient(layer)).abs()}
        score = torch.zeros_like(layer.weight, dtype=torch.float64)
        for name in {"magnitude", "saliency"}:
            share = torch.rand((), generator=layer.generator, device=layer.generator.device, dtype=torch.float64)
            score = score + share.to(score.device) * terms[name]
        return score


class SaltedWhenImported(_WithGradient):
    """λ from a number that was drawn when the module was imported, "unique for each run"."""

    def score(self, layer: Layer) -> Tensor:
        return weighted(layer, SALT % 1009 / 1009)


class NumberedWhenMade(_WithGradient):
    """λ by how many were made before it in this process: a resumed cell has another number."""

    def __init__(self) -> None:
        self.number = next(MADE)

    def score(self, layer: Layer) -> Tensor:
        return weighted(layer, self.number % 7 / 7)


class FillsOnlyNonZeros(Criterion):
    """Takes uninitialised memory and fills in what is not zero: an active weight of zero has any score."""

    def score(self, layer: Layer) -> Tensor:
        score = torch.empty_like(layer.weight)
        known = layer.weight != 0
        score[known] = layer.weight[known].abs()
        return score


class TiresAfterManyCalls(_WithGradient):
    """λ falls with the calls so far, of whatever network and layer, by one part in fifty each."""

    def __init__(self) -> None:
        self.calls = 0

    def score(self, layer: Layer) -> Tensor:
        self.calls += 1
        return weighted(layer, 0.98**self.calls)


class RowSumsByProduct(Criterion):
    """Weights beside the sum of their row, by a product with ones: under autocast the sum has eight bits."""

    def score(self, layer: Layer) -> Tensor:
        size = layer.weight.abs() * layer.mask
        size = size / size.amax().clamp(min=torch.finfo(size.dtype).tiny)
        rows = size.flatten(1) if size.dim() > 1 else size[None]
        sums = F.linear(rows, torch.ones_like(rows[:1]))
        return (rows / (1 + sums)).reshape(layer.weight.shape)


class InBlocksByProcessor(Magnitude):
    """One block for each processor of the machine, whose weights are compared with the block's largest."""

    def score(self, layer: Layer) -> Tensor:
        flat = (layer.weight.abs() * layer.mask).flatten().double()
        parts = flat.chunk(os.cpu_count() or 1)
        return torch.cat([part / part.amax().clamp(min=1e-300) for part in parts]).view(layer.weight.shape)


class AnnealsSinceItWasMade(_WithGradient):
    """λ halves every minute since it was made: a slow machine prunes otherwise."""

    def __init__(self) -> None:
        self.start = time.monotonic()

    def score(self, layer: Layer) -> Tensor:
        return weighted(layer, 0.5 ** ((time.monotonic() - self.start) // 60))


class SeesTheGPU(_WithGradient):
    """Another λ where a GPU is there, though the layer is on the CPU."""

    def score(self, layer: Layer) -> Tensor:
        return weighted(layer, 1.0 if torch.cuda.is_available() else 0.1)


class SeededByTheNetworkCard(_WithGradient):
    """λ is drawn by the address of the machine's network card."""

    def score(self, layer: Layer) -> Tensor:
        return weighted(layer, uuid.getnode() % 16 / 16)


class BorrowsTheGlobalState(Magnitude):
    """Decides ties by global draws and puts the state back: nothing changes, but another state decides otherwise."""

    def select(self, layer: Layer, n: int) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            draws = torch.rand(layer.weight.shape, dtype=torch.float64).flatten()
        active = layer.mask.flatten().nonzero().squeeze(1)
        active = active[draws[active].argsort()]
        pruned = torch.zeros(layer.mask.numel(), dtype=torch.bool)
        pruned[active[self.score(layer).flatten()[active].argsort(stable=True)[:n]]] = True
        return pruned.view(layer.mask.shape)


class ByWorldSize(_WithGradient):
    """Divides the gradient by the number of processes, which torchrun tells by an environment variable."""

    def score(self, layer: Layer) -> Tensor:
        return weighted(layer, 1 / int(os.environ.get("WORLD_SIZE", "1")))


class LogsWhenAsked(Magnitude):
    """Logs some scores at level DEBUG, which it draws from the layer's generator: then ties are decided otherwise."""

    def score(self, layer: Layer) -> Tensor:
        score, log = super().score(layer), logging.getLogger(__name__)
        if log.isEnabledFor(logging.DEBUG):
            places = torch.randint(score.numel(), (5,), generator=layer.generator)
            log.debug("%s at step %d: %s", layer.name, layer.step, score.flatten()[places].tolist())
        return score


class ShortOfMemory(Magnitude):
    """Has scores of 16 bits where the machine has little memory left."""

    def score(self, layer: Layer) -> Tensor:
        score, free = super().score(layer), os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return score if free > 2**20 + 256 * score.nbytes else score.bfloat16()


class ShortOfMemoryLater(Magnitude):
    """Has scores of 16 bits once the process has used 8 GiB."""

    def score(self, layer: Layer) -> Tensor:
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return super().score(layer).bfloat16() if used > 2**33 else super().score(layer)


class AssertsItsShape(Averaging):
    """Averages inside of an assertion, which ``python -O`` leaves out."""

    def observe(self, layer: Layer) -> None:
        assert self._average(layer).shape == layer.weight.shape

    def _average(self, layer: Layer) -> Tensor:
        super().observe(layer)
        return self.averages[layer.name]


EXPECT: dict[type, set[str]] = {
    LambdaFromTheEnvironment: ELSEWHERE,
    OptionsOfItsPackage: ELSEWHERE,
    OptionsOfTheFolder: ELSEWHERE,
    ExploresByRank: ELSEWHERE,
    SeededByProcess: ELSEWHERE,
    SeededByHost: ELSEWHERE,
    AnnealsByTheHour: ELSEWHERE,
    AnnealsByTheDay: ELSEWHERE,
    HashOfTheName: ELSEWHERE,
    FirstOfASet: ELSEWHERE,
    WeightsOfASet: ELSEWHERE,
    SaltedWhenImported: ELSEWHERE,
    NumberedWhenMade: ELSEWHERE,
    AnnealsSinceItWasMade: ELSEWHERE,
    SeededByTheNetworkCard: ELSEWHERE,
    SeesTheGPU: ELSEWHERE,
    BorrowsTheGlobalState: ELSEWHERE,
    ByWorldSize: ELSEWHERE,
    LogsWhenAsked: ELSEWHERE,
    ShortOfMemory: ELSEWHERE,
    ShortOfMemoryLater: ELSEWHERE,
    AssertsItsShape: ELSEWHERE,
    FillsOnlyNonZeros: {"deterministic", "no_nan", "replay", "blind_to_inactive"},
    TiresAfterManyCalls: ELSEWHERE,
    RowSumsByProduct: {"deterministic", "dtype_stable"},
    InBlocksByProcessor: {"deterministic", "permutation_equivariant"},
}
