"""Dynamic sparse training in one's own loop: ten lines of loop, of which two are ours.

A small convolutional network and a small transformer learn scikit-learn's digits at density 0.1, once with a random
mask that stays (static) and once with magnitude pruning and gradient growth. Printed are the accuracies of five seeds
on digits that were not trained on, each the mean of four cross-validations with halves of their own, and the 95%
interval of the difference, paired by seed.

    python examples/own_loop.py
"""

import argparse
import statistics
from collections.abc import Callable
from typing import get_args

import torch
import torch.nn.functional as F
from scipy.stats import t as student
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold
from torch import Tensor, nn

from criteria import Rules, SparseTraining
from criteria.rules import GrownMomentum
from criteria.schedule import PruneFraction

DENSITY, BATCH, EPOCHS, UPDATE_PERIOD, SEEDS, REPEATS = 0.1, 32, 60, 100, 5, 4


class Transformer(nn.Module):
    """Two blocks of attention over the eight rows of a digit."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.embed = nn.Linear(8, width)
        self.place = nn.Parameter(0.1 * torch.randn(8, width))
        block = nn.TransformerEncoderLayer(width, 4, 2 * width, dropout=0.0, batch_first=True, norm_first=True)
        # blocks that normalise first leave their sum as it is; without this norm training is much slower
        self.blocks = nn.TransformerEncoder(block, 2, nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [batch, 10] of images [batch, 1, 8, 8]."""
        logits: Tensor = self.head(self.blocks(self.embed(images.squeeze(1)) + self.place).mean(1))
        return logits


def convolutional() -> nn.Module:
    """Two convolutions and two linear layers."""
    convolutions = nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 12, 3), nn.ReLU(), nn.MaxPool2d(2)
    return nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(12 * 3 * 3, 32), nn.ReLU(), nn.Linear(32, 10))


Updates = tuple[int | None, GrownMomentum]
"""Optimizer steps between topology updates (None: the mask stays), and what a grown weight finds in Adam's moments."""
STATIC: Updates = None, "keep"
MODELS: dict[str, Callable[[], nn.Module]] = {"convolutional": convolutional, "transformer": Transformer}


def digits() -> tuple[Tensor, Tensor]:
    """All 1,797 images [·, 1, 8, 8] and their targets."""
    data = load_digits()
    return torch.from_numpy(data.images / 8 - 1).float().unsqueeze(1), torch.from_numpy(data.target).long()


def trained(name: str, images: Tensor, targets: Tensor, seed: int, epochs: int, updates: Updates) -> nn.Module:
    """A model after a sparse training; without updates its mask stays."""
    update_period, grown_momentum = updates
    torch.manual_seed(seed)
    model = MODELS[name]()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    steps = epochs * -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    sparse = SparseTraining(  # 1: from here on the model is sparse
        model,
        optimizer,
        criterion="magnitude",
        growth="gradient",
        density=DENSITY,
        update_period=update_period,
        total_steps=steps * 3 // 4,  # as in RigL updates rest in the last quarter, and 0.3 falls to 0 by a cosine
        prune_fraction=PruneFraction("cosine", 0.3, 0.0),
        rules=Rules(grown_momentum=grown_momentum),
        seed=seed,
    )
    for _ in range(epochs):
        for chosen in torch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            F.cross_entropy(model(images[chosen]), targets[chosen]).backward()
            optimizer.step()  # masks and topology follow by the optimizer's own hooks
            schedule.step()
    sparse.finalize()  # 2: what is left is a plain model with zeros in place
    return model.eval()


def accuracy(name: str, seed: int, repeats: int, epochs: int, updates: Updates) -> float:
    """Accuracy in percent on all digits, each classified by a model that was trained on the half that it is not in.

    It is the mean of ``repeats`` such cross-validations. Each has halves, weights and masks of its own, which are the
    same whatever the masks do later.
    """
    images, targets = digits()
    right = 0
    for each in range(1000 * seed, 1000 * seed + repeats):
        for train, test in StratifiedKFold(2, shuffle=True, random_state=each).split(images, targets):
            model = trained(name, images[train], targets[train], each, epochs, updates)
            with torch.no_grad():
                right += int((model(images[test]).argmax(1) == targets[test]).sum())
    return 100 * right / len(images) / repeats


def interval(differences: list[float]) -> tuple[float, float]:
    """The mean of paired differences and half of its 95% interval (Student's t)."""
    n = len(differences)
    return statistics.mean(differences), float(student.ppf(0.975, n - 1)) * statistics.stdev(differences) / n**0.5


def at_least(least: int) -> Callable[[str], int]:
    """Reads a whole number that is not below ``least``; an interval needs two seeds."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text} is no whole number from {least}")
        return int(text)

    return number


def main() -> None:
    """Train every model with both kinds of mask on every seed, and print what came out."""
    parser = argparse.ArgumentParser(description="Dynamic against static sparse training in one's own loop.")
    parser.add_argument("models", nargs="*", help=f"of {', '.join(MODELS)}; both by default")
    parser.add_argument("--seeds", type=at_least(2), default=SEEDS)
    parser.add_argument("--repeats", type=at_least(1), default=REPEATS, help="cross-validations of each seed")
    parser.add_argument("--epochs", type=at_least(1), default=EPOCHS)
    parser.add_argument(
        "--update-period", type=at_least(1), default=UPDATE_PERIOD, help="optimizer steps between updates"
    )
    parser.add_argument("--grown-momentum", choices=get_args(GrownMomentum), default="reset", help="docs/own_loop.md")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.models) - set(MODELS)):
        parser.error(f"there is no model {unknown[0]}; there are: {', '.join(MODELS)}")
    updates = arguments.update_period, arguments.grown_momentum
    torch.set_num_threads(1)  # networks as small as these gain nothing by more
    for name in arguments.models or MODELS:
        pairs = []
        for seed in range(1, arguments.seeds + 1):
            static, dynamic = (
                accuracy(name, seed, arguments.repeats, arguments.epochs, each) for each in (STATIC, updates)
            )
            pairs.append((static, dynamic))
            print(f"{name}, seed {seed}: static {static:.2f}, magnitude and gradient {dynamic:.2f}", flush=True)
        mean, half = interval([dynamic - static for static, dynamic in pairs])
        print(f"{name} at density {DENSITY}: {mean:+.2f} ± {half:.2f} points over {len(pairs)} seeds")


if __name__ == "__main__":
    main()
