"""The trainings that an implementation is tried on: a small network, an optimizer, and what its loop does."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BATCH, INPUTS, CLASSES = 6, 8, 3
SCALE = 1024.0
"""What the gradients of a fused optimizer are multiplied by under a scaler."""

OPTIMIZERS: dict[str, Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]] = {
    "momentum": lambda weights: torch.optim.SGD(weights, lr=0.1, momentum=0.9, weight_decay=0.01),
    "adamw": lambda weights: torch.optim.AdamW(weights, lr=0.01, weight_decay=0.1),
    "sgd": lambda weights: torch.optim.SGD(weights, lr=0.1),
    "adam": lambda weights: torch.optim.Adam(weights, lr=0.01, weight_decay=0.01),
    "rmsprop": lambda weights: torch.optim.RMSprop(weights, lr=0.01, momentum=0.5),
    # not SGD: where torch's fused one skips its first step, it leaves its momentum uninitialised
    "fused": lambda weights: torch.optim.AdamW(weights, lr=0.01, weight_decay=0.1, fused=True),
}


def scaled_by(optimizer: torch.optim.Optimizer, overflows: bool) -> None:
    """Tell a fused optimizer what torch's GradScaler would: the scale of its gradients, and whether any is infinite."""
    attributes: dict[str, Tensor] = vars(optimizer)
    attributes |= {"grad_scale": torch.tensor(SCALE), "found_inf": torch.tensor(float(overflows))}


@dataclass(frozen=True, repr=False)
class Step:
    """One turn of the loop: the gradients of some batches, and the optimizer's step or none."""

    batches: int = 1
    """How many have their gradients accumulated."""
    overflows: bool = False
    """Whether gradients are infinite, so that a scaler skips the step."""
    scale: Literal[0, 1, 1000] = 1
    """What the loss is multiplied by; with 0 all gradients are zero."""

    def __repr__(self) -> str:
        named = [(field.name, getattr(self, field.name), field.default) for field in fields(self)]
        changed = [f"{name}={value!r}" for name, value, default in named if value != default]
        return f"Step({', '.join(changed)})"


@dataclass(frozen=True)
class TrainingCase:
    """One training; all that happens in it follows from this."""

    network: str
    widths: tuple[int, ...]
    """Units, or channels, of each hidden layer."""
    optimizer: str
    steps: tuple[Step, ...]
    seed: int = 0
    saved_after: int = 0
    """Steps after which a checkpoint is written; another training goes on from there."""

    def model(self, start: int = 0) -> nn.Module:
        """The network, with initial weights of its own for each ``start``."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(1000 * start + self.seed)
            return NETWORKS[self.network](self.widths)

    def optimizer_of(self, model: nn.Module) -> torch.optim.Optimizer:
        """The optimizer of the network."""
        return OPTIMIZERS[self.optimizer](model.parameters())

    def backward(self, model: nn.Module, number: int, share: int = 0) -> None:
        """Leave the gradients of step ``number`` in the network; processes have a ``share`` of their own."""
        step = self.steps[number]
        for batch in range(step.batches):
            generator = torch.Generator().manual_seed(hash((self.seed, number, batch, share)) % 2**63)
            inputs = torch.randn(BATCH, INPUTS, generator=generator)
            targets = torch.randint(CLASSES, (BATCH,), generator=generator)
            loss: Tensor = step.scale * F.cross_entropy(model(inputs), targets)
            torch.autograd.backward(loss)
        if step.overflows:
            for parameter in model.parameters():
                if parameter.grad is not None:
                    parameter.grad.fill_(torch.inf)


class Attention(nn.Module):
    """One layer of attention over two tokens."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        width = 2 * widths[0]
        self.embed = nn.Linear(INPUTS // 2, width)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.head = nn.Linear(width, CLASSES)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits [batch, classes]."""
        tokens = self.embed(inputs.view(len(inputs), 2, -1))
        mixed, _ = self.attention(tokens, tokens, tokens, need_weights=False)
        logits: Tensor = self.head(mixed.mean(1))
        return logits


def perceptron(widths: tuple[int, ...]) -> nn.Module:
    """Linear layers."""
    sizes = (INPUTS, *widths, CLASSES)
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def convolutional(widths: tuple[int, ...]) -> nn.Module:
    """Convolutions of images of 2 × 4 pixels, and a linear layer."""
    layers: list[nn.Module] = [nn.Unflatten(1, (1, 2, 4))]
    channels = (1, *widths)
    for inputs, outputs in itertools.pairwise(channels):
        layers += [nn.Conv2d(inputs, outputs, (1, 2), padding=(0, 1)), nn.Tanh()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * 2 * (4 + len(widths)), CLASSES))


NETWORKS: dict[str, Callable[[tuple[int, ...]], nn.Module]] = {
    "perceptron": perceptron,
    "convolutional": convolutional,
    "attention": Attention,
}
