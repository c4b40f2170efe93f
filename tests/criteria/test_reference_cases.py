"""The criteria against what the paper's released code keeps; selection_cases.md says where the cases come from."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

import criteria

CASES = np.load(Path(__file__).with_name("selection_cases.npz"))
CRITERIA = sorted({key.split("/")[2] for key in CASES if "/kept/" in key})


def number_pruned(case):
    return math.ceil(float(CASES[f"{case}/rate"]) * int(CASES[f"{case}/mask"].sum()))


COMPARED = [
    (name, case)
    for name in CRITERIA
    for case in range(19)
    if name != "set" or number_pruned(case) % 2 == 0  # for an odd number the released code's SET prunes one too many
]


def test_nine_criteria_are_compared():
    assert len(CRITERIA) == 9
    assert len(COMPARED) == 9 * 19 - 10


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize(("name", "case"), COMPARED)
def test_a_criterion_keeps_what_the_released_code_keeps(name, case, dtype):
    mask = torch.from_numpy(CASES[f"{case}/mask"])
    weight, grad = (torch.from_numpy(CASES[f"{case}/{which}"]).to(dtype) for which in ("weight", "grad"))
    kept = np.unpackbits(CASES[f"{case}/kept/{name}"], count=mask.numel()).reshape(mask.shape).astype(bool)
    pruned = criteria.load(name).select(criteria.Layer("layer", weight, grad, mask), number_pruned(case))
    assert torch.equal(mask & ~pruned, torch.from_numpy(kept))
