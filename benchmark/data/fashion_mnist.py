"""Fashion-MNIST: 28×28 grey images of ten kinds of clothing (Xiao et al., 2017)."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.data.published import Remote, download, read_published
from benchmark.data.source import DataSource, Look

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.data.dataset import Dataset, Split

DIGESTS = {
    "train-images-idx3-ubyte": "sha256:c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "sha256:bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "sha256:5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "sha256:0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
"""Of the unpacked files, which are IDX: a header, then one unsigned byte per pixel or label."""

URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
PACKED = {
    "train-images-idx3-ubyte": "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte": "md5:25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte": "md5:bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte": "md5:bb300cfdad3c16e7a12a480ee83cd310",
}
"""Of the packed files at ``URL``, as their authors publish them."""

DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")

TRAIN_EXAMPLES = 54_000


@dataclass(frozen=True)
class FashionMNIST(DataSource):
    """Fashion-MNIST: 28×28 grey images of ten kinds of clothing (Xiao et al., 2017)."""

    @property
    def look(self) -> Look:
        return Look((1, 28, 28), 10, TRAIN_EXAMPLES, -1.0, 1.0)

    def load(self, root: Path) -> "Dataset":
        """Inputs [N, 1, 28, 28] normalised with mean 0.5 and standard deviation 0.5, no augmentation.

        54,000 training examples, 6,000 validation examples (the last 10% of the training files) and 10,000 test
        examples. The files are those in ``root``, else those of the Debian package dataset-fashion-mnist, else
        downloaded to ``root``.
        """
        from benchmark.data.dataset import Dataset, hold_out_last

        folder = files_folder(root)
        train, validation = hold_out_last(_read(folder, "train"))
        return Dataset("fashion_mnist", train, validation, _read(folder, "t10k"), classes=10)


def files_folder(root: Path) -> Path:
    """The folder with the four files, to which they are downloaded where they are nowhere yet."""
    downloaded = root / "FashionMNIST" / "raw"
    places = (root / "fashion-mnist", downloaded, DEBIAN_FOLDER)
    for folder in places:
        if all(_path(folder, name).exists() for name in DIGESTS):
            return folder
    packed = ((f"{name}.gz", digest) for name, digest in PACKED.items())
    download("Fashion-MNIST", places, [Remote(f"{URL}{name}", downloaded / name, digest) for name, digest in packed])
    return downloaded


def _path(folder: Path, name: str) -> Path:
    unpacked = folder / name
    return unpacked if unpacked.exists() else unpacked.with_name(f"{name}.gz")


def _read(folder: Path, part: str) -> "Split":
    from benchmark.data.dataset import Split

    pixels = read_idx(folder, f"{part}-images-idx3-ubyte", header=16).view(-1, 1, 28, 28)
    labels = read_idx(folder, f"{part}-labels-idx1-ubyte", header=8)
    return Split((pixels / 255 - 0.5) / 0.5, labels.long())


def read_idx(folder: Path, name: str, header: int) -> "Tensor":
    """The bytes of one of the published files, uint8 [N], without the header of so many bytes."""
    import torch

    content = read_published(_path(folder, name), DIGESTS[name], unpack=True)
    return torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=header)
