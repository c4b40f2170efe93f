"""Tiny-ImageNet is read from the published layout and from one folder for each class."""

import pytest
import torch
from PIL import Image
from torchvision.transforms.v2.functional import normalize

from benchmark.data import load_dataset, tinyimagenet
from criteria import InputError

CPU = torch.device("cpu")
NAMES = [f"n{number:08}" for number in range(200)]
"""Of the folders of the classes; a class is the place of its name in this order."""


def shade(number, part):
    """One colour for each class and part, so that an image shows what it should be."""
    return (number, 255 - number, 10 if part == "train" else 200)


def save(path, colour, size=(64, 64), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)


def write(folder, published_layout):
    lines = []
    for number, name in reversed(list(enumerate(NAMES))):
        save(folder / "train" / name / "images" / f"{name}_0.png", shade(number, "train"))
        if published_layout:
            save(folder / "val" / "images" / f"val_{number}.png", shade(number, "val"))
            lines.append(f"val_{number}.png\t{name}\t0\t0\t9\t9\n")
        else:
            save(folder / "val" / name / f"val_{number}.png", shade(number, "val"))
    if published_layout:
        (folder / "val" / "val_annotations.txt").write_text("".join(lines))


@pytest.fixture(autouse=True)
def one_image_for_each_class(monkeypatch):
    monkeypatch.setattr(tinyimagenet, "TRAIN_EXAMPLES", 200)
    monkeypatch.setattr(tinyimagenet, "VALIDATION_EXAMPLES", 200)


@pytest.mark.parametrize("published_layout", [True, False])
@pytest.mark.parametrize("place", ["tiny-imagenet-200", "."])
def test_every_image_is_read_with_its_class_and_normalised(tmp_path, published_layout, place):
    write(tmp_path / place, published_layout)
    dataset = load_dataset("tinyimagenet", tmp_path)
    assert dataset.classes == 200
    assert dataset.validation is dataset.test
    for split, part in ((dataset.train, "train"), (dataset.test, "val")):
        assert sorted(split.targets.tolist()) == list(range(200))
        for image, target in zip(dataset.seen(split.inputs, CPU), split.targets, strict=True):
            colour = torch.tensor(shade(int(target), part)).view(3, 1, 1).expand(3, 64, 64) / 255
            torch.testing.assert_close(image, normalize(colour, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))


def test_training_images_are_only_mirrored(tmp_path):
    write(tmp_path, published_layout=True)
    augment = load_dataset("tinyimagenet", tmp_path).augment
    images = torch.arange(32 * 3 * 8 * 8).view(32, 3, 8, 8).to(torch.uint8)
    augmented = augment(images, torch.Generator().manual_seed(0))
    mirrored = [torch.equal(a, i.flip(-1)) for a, i in zip(augmented, images, strict=True)]
    same = [torch.equal(a, i) for a, i in zip(augmented, images, strict=True)]
    assert [m != s for m, s in zip(mirrored, same, strict=True)] == [True] * 32
    assert any(mirrored)
    assert any(same)


def test_grey_images_are_read_as_colour(tmp_path):
    write(tmp_path, published_layout=False)
    save(tmp_path / "train" / NAMES[7] / "images" / f"{NAMES[7]}_0.png", 128, mode="L")
    dataset = load_dataset("tinyimagenet", tmp_path)
    assert dataset.train.inputs.shape == (200, 3, 64, 64)
    assert dataset.shape == (3, 64, 64)


def lose_a_class(folder):
    for path in sorted((folder / "train" / NAMES[3]).rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (folder / "train" / NAMES[3]).rmdir()


def lose_an_image(folder):
    (folder / "train" / NAMES[3] / "images" / f"{NAMES[3]}_0.png").unlink()


def lose_a_line(folder):
    path = folder / "val" / "val_annotations.txt"
    path.write_text(path.read_text().partition("\n")[2])


def misname_a_class(folder):
    path = folder / "val" / "val_annotations.txt"
    path.write_text(path.read_text().replace(NAMES[199], "n99999999"))


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lose_a_class, "{folder}/train has 199 folders of classes, and should have 200"),
        (lose_an_image, "{folder}/train has 199 images of the classes, and should have 200"),
        (lose_a_line, "{folder}/val has 199 images of the classes, and should have 200"),
        (misname_a_class, "{folder}/val/val_annotations.txt line 1: 'n99999999' is not one of the classes in train"),
        (
            lambda folder: save(folder / "val" / "images" / "val_9.png", (1, 2, 3), (64, 65)),
            "{folder}/val/images/val_9.png has 64×65 pixels, and should have 64×64",
        ),
        (
            lambda folder: (folder / "val" / "images" / "val_9.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish"),
            "{folder}/val/images/val_9.png cannot be read as an image",
        ),
        (
            lambda folder: (folder / "val" / "images" / "val_9.png").unlink(),
            "{folder}/val/images/val_9.png: cannot be read: No such file",
        ),
    ],
)
def test_what_is_missing_or_broken_is_one_line_with_its_place(tmp_path, break_it, message, one_line):
    write(tmp_path, published_layout=True)
    break_it(tmp_path)
    with pytest.raises(InputError) as raised:
        load_dataset("tinyimagenet", tmp_path)
    assert message.format(folder=tmp_path) in one_line(raised)


def test_a_folder_without_the_data_is_one_line_with_the_places_and_what_to_do(tmp_path, one_line):
    with pytest.raises(InputError) as raised:
        load_dataset("tinyimagenet", tmp_path)
    message = one_line(raised)
    assert message.startswith(f"Tiny-ImageNet is not in {tmp_path}/tiny-imagenet-200 or {tmp_path};")
    assert "--data-dir" in message
