"""A batch of augmented images is what augmenting each image alone would give."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from benchmark.data.augment import CropAndFlip
from benchmark.data.images import Normalisation


def one_by_one(images, padding, border, generator):
    """The same draws, applied to one image after the other with numpy's own padding, slices and flips."""
    batch, channels, height, width = images.shape
    places = torch.randint(0, 2 * padding + 1, (2, batch, 1), generator=generator)
    flips = torch.rand(batch, 1, generator=generator)
    results = []
    for number, image in enumerate(images.numpy()):
        frame = ((padding, padding), (padding, padding))
        if border == "reflect":
            padded = np.pad(image, ((0, 0), *frame), mode="reflect")
        else:
            padded = np.stack([np.pad(image[c], frame, constant_values=border[c]) for c in range(channels)])
        top, left = int(places[0, number]), int(places[1, number])
        crop = padded[:, top : top + height, left : left + width]
        results.append(crop[:, :, ::-1] if flips[number] < 0.5 else crop)
    return torch.from_numpy(np.stack(results))


@given(
    seed=st.integers(0, 2**32),
    batch=st.integers(1, 6),
    channels=st.integers(1, 3),
    height=st.integers(5, 9),
    width=st.integers(5, 9),
    padding=st.integers(0, 4),
    reflect=st.booleans(),
)
def test_a_batch_is_augmented_as_its_images_are_one_by_one(seed, batch, channels, height, width, padding, reflect):
    images = torch.randn(batch, channels, height, width, generator=torch.Generator().manual_seed(seed))
    border = "reflect" if reflect else (-2.5, 0.25, 1.0)[:channels]
    augmented = CropAndFlip(padding, border)(images, torch.Generator().manual_seed(seed))
    assert torch.equal(augmented, one_by_one(images, padding, border, torch.Generator().manual_seed(seed)))


def test_every_crop_and_both_orientations_are_equally_likely():
    place = torch.arange(8 * 8, dtype=torch.float32).view(1, 1, 8, 8).expand(20_000, 1, 8, 8)
    augmented = CropAndFlip(2, (-1.0,))(place, torch.Generator().manual_seed(1))
    centre = augmented[:, 0, 3:5, 3:5]  # the padding never gets that far, so each crop and flip shows other numbers
    _, counts = torch.unique(centre.flatten(1), dim=0, return_counts=True)
    assert len(counts) == 5 * 5 * 2
    assert chisquare(counts.tolist()).pvalue > 1e-6


def test_padding_with_black_after_normalising_is_normalising_after_padding_with_black():
    normalisation = Normalisation((0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
    pixels = torch.randint(0, 256, (5, 3, 6, 6), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    after = CropAndFlip(4, normalisation.black)(normalisation(pixels), torch.Generator().manual_seed(3))
    before = one_by_one(pixels, 4, (0, 0, 0), torch.Generator().manual_seed(3))
    assert torch.equal(after, normalisation(before))


@pytest.mark.parametrize("border", ["reflect", (0.0, 0.0, 0.0)])
def test_augmenting_leaves_the_images_and_torchs_global_generator_alone(border):
    images = torch.randn(4, 3, 8, 8)
    before, state = images.clone(), torch.get_rng_state()
    CropAndFlip(2, border)(images, torch.Generator().manual_seed(0))
    assert torch.equal(images, before)
    assert torch.equal(torch.get_rng_state(), state)
