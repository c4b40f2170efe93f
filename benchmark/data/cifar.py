"""Reading CIFAR's binary archives, which hold plain bytes and, unlike the common Python version, no pickles."""

import gzip
import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmark.data.dataset import Split
from benchmark.data.images import Normalisation
from benchmark.data.published import Remote, download, read_published

_PIXELS = 3 * 32 * 32


def read_archive(name: str, root: Path, url: str, md5: str) -> tarfile.TarFile:
    """The published archive, in memory, downloaded into ``root`` where it is not there yet.

    Raises :class:`criteria.errors.InputError` where it cannot be had or is another file.
    """
    path = root / url.rpartition("/")[2]
    if not path.exists():
        download(name, [path], [Remote(url, path, f"md5:{md5}")])
    return tarfile.open(fileobj=io.BytesIO(gzip.decompress(read_published(path, f"md5:{md5}"))))


def read_split(archive: tarfile.TarFile, members: Sequence[str], labels: int, normalisation: Normalisation) -> Split:
    """Inputs [N, 3, 32, 32] and targets of some members of an archive, in the order that the archive has.

    A record is ``labels`` bytes, of which the last is the target, and the pixels of an image, channel after channel.
    """
    content = b"".join(archive.extractfile(member).read() for member in members)  # type: ignore[union-attr]
    records = torch.frombuffer(bytearray(content), dtype=torch.uint8).view(-1, labels + _PIXELS)
    return Split(normalisation(records[:, labels:].reshape(-1, 3, 32, 32)), records[:, labels - 1].long())
