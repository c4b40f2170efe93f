"""Fashion-MNIST is found where users have it, and read only where it is the published data."""

import gzip
import hashlib

import pytest
import torch

from benchmark.data import fashion_mnist, load_dataset
from criteria import InputError
from tests.small_data import idx

EXAMPLES = {"train": 20, "t10k": 5}


@pytest.fixture
def files(monkeypatch):
    """Contents of four small files, taken for the published ones."""
    generator = torch.Generator().manual_seed(0)
    contents = {}
    for part, count in EXAMPLES.items():
        pixels = torch.randint(256, (count, 28, 28), generator=generator).to(torch.uint8)
        contents[f"{part}-images-idx3-ubyte"] = idx(pixels)
        contents[f"{part}-labels-idx1-ubyte"] = idx((torch.arange(count) % 10).to(torch.uint8))
    digests = {name: f"sha256:{hashlib.sha256(content).hexdigest()}" for name, content in contents.items()}
    monkeypatch.setattr(fashion_mnist, "DIGESTS", digests)
    monkeypatch.setattr(fashion_mnist, "TRAIN_EXAMPLES", 18)
    return contents


@pytest.fixture(autouse=True)
def no_debian_package(monkeypatch, tmp_path):
    monkeypatch.setattr(fashion_mnist, "DEBIAN_FOLDER", tmp_path / "debian")


def write(folder, files, packed):
    folder.mkdir(parents=True)
    for name, content in files.items():
        path = folder / (f"{name}.gz" if packed else name)
        path.write_bytes(gzip.compress(content) if packed else content)


def is_these(dataset, files):
    pixels = b"".join(
        (((part.inputs * 0.5 + 0.5) * 255).round().to(torch.uint8)).numpy().tobytes()
        for part in (dataset.train, dataset.validation)
    )
    return pixels == files["train-images-idx3-ubyte"][16:]


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("place", ["fashion-mnist", "FashionMNIST/raw", "debian"])
def test_files_are_found_in_every_place_packed_or_not(tmp_path, files, place, packed):
    root = tmp_path if place == "debian" else tmp_path / "root"
    write((tmp_path if place == "debian" else root) / place, files, packed)
    assert is_these(load_dataset("fashion_mnist", root), files)


def test_pixels_are_normalised_and_the_last_tenth_is_validation(tmp_path, files):
    write(tmp_path / "fashion-mnist", files, packed=True)
    dataset = load_dataset("fashion_mnist", tmp_path)
    assert [tuple(part.inputs.shape) for part in (dataset.train, dataset.validation, dataset.test)] == [
        (18, 1, 28, 28),
        (2, 1, 28, 28),
        (5, 1, 28, 28),
    ]
    last = torch.tensor(list(files["train-images-idx3-ubyte"][-28 * 28 :])).view(28, 28)
    torch.testing.assert_close(dataset.validation.inputs[-1, 0], last / 127.5 - 1)
    assert dataset.train.targets.tolist() == [n % 10 for n in range(18)]
    assert dataset.validation.targets.tolist() == [8, 9]
    assert dataset.augment is None


def test_missing_files_are_one_line_with_the_places_and_what_to_do(tmp_path, one_line):
    with pytest.raises(InputError) as raised:
        load_dataset("fashion_mnist", tmp_path / "root")
    message = one_line(raised)
    assert message.startswith("Fashion-MNIST is not in ")
    for place in ("root/fashion-mnist", "root/FashionMNIST/raw", "debian"):
        assert str(tmp_path / place) in message
    assert "downloading it failed" in message
    assert message.endswith("so put its files there")


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(
    "break_it",
    [
        pytest.param(lambda content: content[:-1], id="truncated"),
        pytest.param(lambda content: content + b"\0", id="too long"),
        pytest.param(lambda content: b"\0\0\x0d" + content[3:], id="another type"),
        pytest.param(lambda content: content[:-1] + b"\x0a", id="a label that does not exist"),
        pytest.param(lambda content: b"", id="empty"),
    ],
)
def test_another_file_than_the_published_one_is_refused_by_name(tmp_path, files, break_it, packed, one_line):
    broken = "train-labels-idx1-ubyte"
    write(tmp_path / "fashion-mnist", {**files, broken: break_it(files[broken])}, packed)
    with pytest.raises(InputError) as raised:
        load_dataset("fashion_mnist", tmp_path)
    message = one_line(raised)
    assert f"{tmp_path}/fashion-mnist/{broken}" in message
    assert "is not the published file" in message
    assert "remove it and get it again" in message


def test_a_damaged_gzip_file_is_refused_by_name(tmp_path, files, one_line):
    write(tmp_path / "fashion-mnist", files, packed=True)
    path = tmp_path / "fashion-mnist" / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"t10k-labels-idx1-ubyte\.gz cannot be read"):
        load_dataset("fashion_mnist", tmp_path)


PUBLISHED = fashion_mnist.DEBIAN_FOLDER


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the Debian package dataset-fashion-mnist is not installed")
def test_the_debian_package_has_the_published_data(tmp_path, monkeypatch):
    monkeypatch.setattr(fashion_mnist, "DEBIAN_FOLDER", PUBLISHED)
    dataset = load_dataset("fashion_mnist", tmp_path)
    counts = [len(part.targets) for part in (dataset.train, dataset.validation, dataset.test)]
    assert counts == [54_000, 6_000, 10_000]
    assert dataset.test.targets.bincount().tolist() == [1000] * 10
    whole = torch.cat([dataset.train.targets, dataset.validation.targets])
    assert whole.bincount().tolist() == [6000] * 10
