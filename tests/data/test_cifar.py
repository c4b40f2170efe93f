"""CIFAR's archives are read record by record, downloaded where they are missing, and refused where they differ."""

import errno
import functools
import hashlib
import tarfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from torchvision.transforms.v2.functional import normalize

from benchmark.data import cifar10, cifar100, load_dataset
from criteria import InputError
from tests.small_data import cifar_archive

STATISTICS = {
    "cifar10": ([0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010]),
    "cifar100": ([0.5071, 0.4865, 0.4409], [0.2673, 0.2564, 0.2762]),
}
MODULES = {"cifar10": cifar10, "cifar100": cifar100}
MEMBERS = {
    "cifar10": [f"cifar-10-batches-bin/{name}.bin" for name in ("data_batch_1", "data_batch_2", "test_batch",
                "data_batch_3", "data_batch_4", "data_batch_5")],
    "cifar100": ["cifar-100-binary/test.bin", "cifar-100-binary/train.bin"],
}  # fmt: skip


@pytest.fixture(params=["cifar10", "cifar100"])
def published(request, monkeypatch):
    """Name of a data set, a small archive in its format, and the images and labels that are in it by member."""
    name = request.param
    generator = torch.Generator().manual_seed(0)
    examples = {}
    for member in MEMBERS[name]:
        pixels = torch.randint(256, (4, 3, 32, 32), generator=generator).to(torch.uint8)
        examples[member.rpartition("/")[2]] = (pixels, torch.randint(10, (4,), generator=generator))
    coarse = bytes([99]) if name == "cifar100" else b""
    content = cifar_archive({member: (coarse, *examples[member.rpartition("/")[2]]) for member in MEMBERS[name]})
    monkeypatch.setattr(MODULES[name], "MD5", hashlib.md5(content, usedforsecurity=False).hexdigest())
    monkeypatch.setattr(MODULES[name], "TRAIN_EXAMPLES", 18 if name == "cifar10" else 4)
    return name, content, examples


def archive_path(name, root):
    return root / MODULES[name].URL.rpartition("/")[2]


def test_every_image_and_label_is_read_and_normalised(published, tmp_path):
    name, content, examples = published
    archive_path(name, tmp_path).write_bytes(content)
    dataset = load_dataset(name, tmp_path)
    if name == "cifar10":
        parts = [torch.cat(both) for both in zip(*(examples[f"data_batch_{n}.bin"] for n in range(1, 6)), strict=True)]
        expected = [(parts[0][:18], parts[1][:18]), (parts[0][18:], parts[1][18:]), examples["test_batch.bin"]]
    else:
        expected = [examples["train.bin"], examples["test.bin"], examples["test.bin"]]
    for split, (pixels, labels) in zip((dataset.train, dataset.validation, dataset.test), expected, strict=True):
        assert torch.equal(split.targets, labels)
        for image, raw in zip(split.inputs, pixels, strict=True):
            torch.testing.assert_close(image, normalize(raw / 255, *STATISTICS[name]))


def test_cifar10_reflects_at_the_border_and_cifar100_is_black_there(published, tmp_path):
    name, content, _ = published
    archive_path(name, tmp_path).write_bytes(content)
    augment = load_dataset(name, tmp_path).augment
    assert augment.padding == 4
    if name == "cifar10":
        assert augment.border == "reflect"
    else:
        black = normalize(torch.zeros(3, 1, 1), *STATISTICS[name]).flatten()
        torch.testing.assert_close(torch.tensor(augment.border), black)


def test_a_missing_archive_is_downloaded_once(published, tmp_path, monkeypatch):
    name, content, _ = published
    site = tmp_path / "site"
    site.mkdir()
    archive_path(name, site).write_bytes(content)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    requests = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            requests.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        file = archive_path(name, site).name
        monkeypatch.setattr(MODULES[name], "URL", f"http://127.0.0.1:{server.server_port}/{file}")
        load_dataset(name, tmp_path / "root")
        asked = len(requests)
        load_dataset(name, tmp_path / "root")
    finally:
        server.shutdown()
        server.server_close()
    assert asked > 0
    assert len(requests) == asked
    assert archive_path(name, tmp_path / "root").read_bytes() == content


def test_no_archive_and_no_network_are_one_line(published, tmp_path, one_line):
    name, _, _ = published
    with pytest.raises(InputError) as raised:
        load_dataset(name, tmp_path)
    message = one_line(raised)
    assert message.startswith(f"CIFAR-{name[5:]} is not in {archive_path(name, tmp_path)}; downloading it failed (")


def test_an_archive_that_differs_in_one_byte_is_never_opened(published, tmp_path, monkeypatch, one_line):
    name, content, _ = published
    archive_path(name, tmp_path).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    monkeypatch.setattr(tarfile, "open", lambda *_, **__: pytest.fail("opened"))
    with pytest.raises(InputError) as raised:
        load_dataset(name, tmp_path)
    assert f"{archive_path(name, tmp_path)} is not the published file" in one_line(raised)


def test_a_folder_that_may_not_be_read_is_named_in_one_line(published, tmp_path, monkeypatch, one_line):
    name, _, _ = published

    def refused(*_arguments, **_options):
        raise PermissionError(errno.EACCES, "Permission denied", "/locked")

    monkeypatch.setattr("pathlib.Path.exists", refused)
    monkeypatch.setattr("pathlib.Path.is_file", refused)
    with pytest.raises(InputError) as raised:
        load_dataset(name, tmp_path)
    assert one_line(raised) == f"data set '{name}': /locked: Permission denied"
