"""Fashion-MNIST: 28×28 grey images of ten kinds of clothing (Xiao et al., 2017)."""

from pathlib import Path

import torch
from torch import Tensor
from torchvision.datasets import FashionMNIST

from benchmark.data.dataset import Dataset, Split, hold_out_last
from benchmark.data.published import download, read_published

DIGESTS = {
    "train-images-idx3-ubyte": "sha256:c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "sha256:bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "sha256:5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "sha256:0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
"""Of the unpacked files, which are IDX: a header, then one unsigned byte per pixel or label."""

DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")


def load(root: Path) -> Dataset:
    """Inputs [N, 1, 28, 28] normalised with mean 0.5 and standard deviation 0.5, no augmentation.

    54,000 training examples, 6,000 validation examples (the last 10% of the training files) and 10,000 test examples.
    The files are those in ``root``, else those of the Debian package dataset-fashion-mnist, else downloaded to
    ``root`` by torchvision.
    """
    folder = _find(root)
    train, validation = hold_out_last(_read(folder, "train"))
    return Dataset("fashion_mnist", train, validation, _read(folder, "t10k"), classes=10)


def _find(root: Path) -> Path:
    downloaded = root / "FashionMNIST" / "raw"
    places = (root / "fashion-mnist", downloaded, DEBIAN_FOLDER)
    for folder in places:
        if all(_path(folder, name).exists() for name in DIGESTS):
            return folder
    download("Fashion-MNIST", root, places, lambda: FashionMNIST(str(root), download=True))
    return downloaded


def _path(folder: Path, name: str) -> Path:
    unpacked = folder / name
    return unpacked if unpacked.exists() else unpacked.with_name(f"{name}.gz")


def _read(folder: Path, part: str) -> Split:
    pixels = _idx(folder, f"{part}-images-idx3-ubyte", header=16).view(-1, 1, 28, 28)
    labels = _idx(folder, f"{part}-labels-idx1-ubyte", header=8)
    return Split((pixels / 255 - 0.5) / 0.5, labels.long())


def _idx(folder: Path, name: str, header: int) -> Tensor:
    content = read_published(_path(folder, name), DIGESTS[name], unpack=True)
    return torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=header)
