"""Dynamic sparse training in one's own loop: ten lines of loop, of which two are ours.

A small convolutional network and a small transformer learn scikit-learn's digits at density 0.1, once with a random
mask that stays (static) and once with magnitude pruning and gradient growth. Printed are the test accuracies of five
seeds and the 95% interval of the difference, paired by seed.

    python examples/own_loop.py
"""

import argparse
import statistics
from collections.abc import Callable

import torch
import torch.nn.functional as F
from scipy.stats import t as student
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

from criteria import SparseTraining

DENSITY, BATCH, SEEDS = 0.1, 64, 5


class Transformer(nn.Module):
    """Two blocks of attention over the eight rows of a digit."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.embed = nn.Linear(8, width)
        self.place = nn.Parameter(0.1 * torch.randn(8, width))
        block = nn.TransformerEncoderLayer(width, 4, 2 * width, dropout=0.0, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(block, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [batch, 10] of images [batch, 1, 8, 8]."""
        logits: Tensor = self.head(self.blocks(self.embed(images.squeeze(1)) + self.place).mean(1))
        return logits


def convolutional() -> nn.Module:
    """Two convolutions and two linear layers."""
    convolutions = nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 12, 3), nn.ReLU(), nn.MaxPool2d(2)
    return nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(12 * 3 * 3, 32), nn.ReLU(), nn.Linear(32, 10))


def adamw(model: nn.Module) -> torch.optim.Optimizer:
    """AdamW, with which the convolutional network is trained."""
    return torch.optim.AdamW(model.parameters(), lr=3e-3)


def sgd(model: nn.Module) -> torch.optim.Optimizer:
    """SGD with momentum, with which the transformer is trained."""
    return torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)


MODELS: dict[str, tuple[Callable[[], nn.Module], Callable[[nn.Module], torch.optim.Optimizer], int]] = {
    "convolutional": (convolutional, adamw, 40),
    "transformer": (Transformer, sgd, 80),
}
"""Each with its optimizer and its epochs."""


def digits() -> list[Tensor]:
    """Training images and targets, then test images and targets."""
    data = load_digits()
    parts = train_test_split(data.images / 8 - 1, data.target, test_size=0.25, stratify=data.target, random_state=0)
    train, test, targets, test_targets = (torch.from_numpy(part) for part in parts)
    return [train.float().unsqueeze(1), targets.long(), test.float().unsqueeze(1), test_targets.long()]


def accuracy(name: str, seed: int, epochs: int, update_period: int | None) -> float:
    """Test accuracy in percent after a sparse training; without an update period its mask stays."""
    images, targets, test_images, test_targets = digits()
    torch.manual_seed(seed)
    build, optimizer_of, _ = MODELS[name]
    optimizer = optimizer_of(model := build())
    steps = epochs * -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    sparse = SparseTraining(  # 1: from here on the model is sparse
        model,
        optimizer,
        criterion="magnitude",
        growth="gradient",
        density=DENSITY,
        update_period=update_period,
        total_steps=steps * 3 // 4,
        prune_fraction=0.2,
        seed=seed,
    )
    for _ in range(epochs):
        for chosen in torch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            F.cross_entropy(model(images[chosen]), targets[chosen]).backward()
            optimizer.step()  # masks and topology follow by the optimizer's own hooks
            schedule.step()
    sparse.finalize()  # 2: what is left is a plain model with zeros in place
    model.eval()
    with torch.no_grad():
        right = (model(test_images).argmax(1) == test_targets).float().mean()
    return 100 * float(right)


def interval(differences: list[float]) -> tuple[float, float]:
    """The mean of paired differences and half of its 95% interval (Student's t)."""
    n = len(differences)
    return statistics.mean(differences), float(student.ppf(0.975, n - 1)) * statistics.stdev(differences) / n**0.5


def main() -> None:
    """Train every model with both kinds of mask on every seed, and print what came out."""
    parser = argparse.ArgumentParser(description="Dynamic against static sparse training in one's own loop.")
    parser.add_argument("models", nargs="*", help=f"of {', '.join(MODELS)}; both by default")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--epochs", type=int, help="instead of those of each model")
    arguments = parser.parse_args()
    for name in arguments.models or MODELS:
        epochs, pairs = arguments.epochs or MODELS[name][2], []
        for seed in range(1, arguments.seeds + 1):
            static, dynamic = (accuracy(name, seed, epochs, period) for period in (None, 50))
            pairs.append((static, dynamic))
            print(f"{name}, seed {seed}: static {static:.2f}, magnitude and gradient {dynamic:.2f}", flush=True)
        mean, half = interval([dynamic - static for static, dynamic in pairs])
        print(f"{name} at density {DENSITY}: {mean:+.2f} ± {half:.2f} points over {len(pairs)} seeds")


if __name__ == "__main__":
    main()
