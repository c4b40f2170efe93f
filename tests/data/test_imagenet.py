"""ImageNet is decoded batch by batch, and what networks see is what torchvision's own pipeline gives."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import (
    CenterCrop,
    Compose,
    Normalize,
    RandomHorizontalFlip,
    RandomResizedCrop,
    Resize,
    ToTensor,
)

from benchmark.data import imagenet, load_dataset, photographs
from benchmark.data.photographs import random_part
from benchmark.experiments.setup import TrainingSettings
from benchmark.training.batches import Batches
from benchmark.training.engines import engine_named
from benchmark.training.evaluation import evaluate
from benchmark.training.fleet_training import train_fleet
from benchmark.training.members import Member
from criteria import InputError
from tests.training.small_fleets import setup

CPU = torch.device("cpu")
NAMES = [f"n{number:08}" for number in range(10)]
MODEL = {"name": "mlp", "widths": [4]}
TO_INPUT = [ToTensor(), Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three training images and one validation image of each of ten classes, of various sizes."""
    generator = np.random.default_rng(0)
    for part, count in (("train", 3), ("val", 1)):
        for name in NAMES:
            (tmp_path / part / name).mkdir(parents=True)
            for number in range(count):
                height, width = generator.integers(20, 90, 2)
                pixels = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / part / name / f"{number}.png")
    monkeypatch.setattr(imagenet, "CLASSES", 10)
    monkeypatch.setattr(imagenet, "TRAIN_EXAMPLES", 30)
    monkeypatch.setattr(imagenet, "VALIDATION_EXAMPLES", 10)
    return tmp_path


def image(folder, part, number, count):
    return Image.open(folder / part / NAMES[number // count] / f"{number % count}.png")


def test_an_evaluated_image_is_the_centre_that_torchvision_gives(folder):
    dataset = load_dataset("imagenet", folder)
    assert dataset.validation is dataset.test
    assert dataset.shape == (3, 224, 224)
    assert dataset.test.targets.tolist() == list(range(10))
    pipeline = Compose([Resize(256), CenterCrop(224), *TO_INPUT])
    expected = torch.stack([pipeline(image(folder, "val", number, 1)) for number in range(10)])
    torch.testing.assert_close(dataset.seen(dataset.test.inputs, CPU), expected)


def test_a_training_image_is_the_crop_that_torchvision_gives_from_the_same_seed(folder):
    dataset = load_dataset("imagenet", folder)
    assert dataset.train.targets.tolist() == [number // 3 for number in range(30)]
    crops = dataset.augment(dataset.train.inputs, torch.Generator().manual_seed(5))
    assert crops[:, 0].tolist() == list(range(30))
    assert len(set(crops[:, 1].tolist())) == 30
    pipeline = Compose([RandomResizedCrop(224), RandomHorizontalFlip(), *TO_INPUT])
    expected = []
    for number, seed in crops.tolist():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            expected.append(pipeline(image(folder, "train", number, 3)))
    torch.testing.assert_close(dataset.seen(crops, CPU), torch.stack(expected))


@settings(deadline=None)
@given(width=st.integers(1, 3000), height=st.integers(1, 3000), seed=st.integers(0, 2**63 - 1))
def test_parts_of_images_of_any_size_are_those_of_torchvision(width, height, seed):
    part = random_part(width, height, torch.Generator().manual_seed(seed))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        size_only = torch.empty(1, height, width, device="meta")
        assert part == RandomResizedCrop.get_params(size_only, [0.08, 1.0], [3 / 4, 4 / 3])


def batches(dataset, seeds):
    drawn = Batches(seeds, dataset, 8, CPU)
    return [batch.inputs for epoch in range(2) for batch in drawn.epoch(epoch)]


def test_the_number_of_threads_and_the_global_generator_decide_nothing(folder, monkeypatch):
    dataset = load_dataset("imagenet", folder)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = batches(dataset, [1, 2])
    assert len(first) == 2 * 4
    assert not torch.equal(first[0], first[4])
    for threads in (1, 7):
        pool = ThreadPoolExecutor(threads)
        monkeypatch.setattr(photographs, "_threads", lambda pool=pool: pool)
        torch.manual_seed(threads + 1)
        state = torch.get_rng_state()
        again = batches(dataset, [1, 2])
        assert torch.equal(torch.get_rng_state(), state)
        assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
        pool.shutdown()


def test_a_member_sees_the_same_crops_whoever_else_is_in_the_fleet(folder):
    dataset = load_dataset("imagenet", folder)
    for together, alone in zip(batches(dataset, [1, 2]), batches(dataset, [2]), strict=True):
        assert torch.equal(together[1], alone[0])
        assert not torch.equal(together[0], together[1])


def test_a_fleet_trains_and_is_evaluated_on_it(folder):
    dataset = load_dataset("imagenet", folder)
    members = [Member(seed=1, density=0.5), Member(seed=2, density=1.0)]
    how = setup(MODEL, TrainingSettings(epochs=2, batch_size=16, learning_rate=1e-4))
    outcomes = train_fleet(members, how, dataset, CPU)
    assert [len(outcome.validation_accuracy) for outcome in outcomes] == [2, 2]
    assert not any(outcome.diverged for outcome in outcomes)
    fleet = engine_named("dense").make(members, how, dataset, CPU)
    right = fleet.logits(dataset.seen(dataset.train.inputs, CPU)).argmax(-1) == dataset.train.targets
    assert evaluate(fleet, dataset, dataset.train, CPU).tolist() == pytest.approx(
        (100 * right.double().mean(1)).tolist()
    )


def test_a_broken_image_is_named_when_it_is_needed(folder, one_line):
    path = folder / "train" / NAMES[2] / "1.png"
    path.write_bytes(path.read_bytes()[:60])
    dataset = load_dataset("imagenet", folder)
    with pytest.raises(InputError) as raised:
        batches(dataset, [1])
    assert one_line(raised).startswith(f"{path} cannot be read as an image")


@pytest.mark.parametrize(
    ("remove", "message"),
    [
        ("train/n00000004", "train has 9 folders of classes, and should have 10"),
        ("val/n00000004", "val/n00000004 cannot be read"),
    ],
)
def test_a_missing_class_is_one_line_with_its_place(folder, remove, message, one_line):
    for path in (folder / remove).iterdir():
        path.unlink()
    (folder / remove).rmdir()
    with pytest.raises(InputError) as raised:
        load_dataset("imagenet", folder)
    assert f"{folder}/{message}" in one_line(raised)
