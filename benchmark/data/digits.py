"""Digits: 1,797 handwritten digits of 8×8 pixels that ship inside scikit-learn, so nothing is downloaded."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.data.source import DataSource, Look

if TYPE_CHECKING:
    import numpy as np

    from benchmark.data.dataset import Dataset

SPLIT_SEED = 0


@dataclass(frozen=True)
class Digits(DataSource):
    """Digits: 1,797 handwritten digits of 8×8 pixels that ship inside scikit-learn, so nothing is downloaded."""

    @property
    def look(self) -> Look:
        return Look((64,), 10, 1_212, -0.82, 1.9)

    def load(self, root: Path) -> "Dataset":  # noqa: ARG002
        """The digits, inputs [N, 64], as 1,212 training, 135 validation and 450 test examples.

        Stratified with a fixed seed: 25% are the test set, 10% of the rest validation. Pixels are scaled to 0 … 1, then
        shifted and scaled by the mean and standard deviation of all training pixels.
        """
        import numpy as np
        import torch
        from sklearn.datasets import load_digits

        from benchmark.data.dataset import Dataset, Split

        digits = load_digits()
        targets = digits.target
        rest, test = _stratified(np.arange(len(targets)), targets, 0.25)
        train, validation = _stratified(rest, targets[rest], 0.1)
        pixels = torch.from_numpy(digits.data / 16).float()
        std, mean = torch.std_mean(pixels[train])
        inputs, classes = (pixels - mean) / std, torch.from_numpy(targets).long()
        train_split, validation_split, test_split = (
            Split(inputs[chosen], classes[chosen]) for chosen in (train, validation, test)
        )
        return Dataset("digits", train_split, validation_split, test_split, classes=10)


def _stratified(indices: "np.ndarray", targets: "np.ndarray", fraction: float) -> "tuple[np.ndarray, np.ndarray]":
    from sklearn.model_selection import train_test_split

    kept, held_out = train_test_split(indices, test_size=fraction, stratify=targets, random_state=SPLIT_SEED)
    return kept, held_out
