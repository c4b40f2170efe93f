"""Processes that train one network have the same masks, also where their seeds differ."""

import os
import subprocess
import sys

import torch

from criteria.training.masks import digest


def two(folder, *arguments):
    """What two gloo processes leave behind."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.own_loop.gloo", str(folder), *arguments]
    started = [subprocess.Popen(command, env={**os.environ, "RANK": str(rank)}) for rank in range(2)]
    try:
        assert [process.wait(timeout=600) for process in started] == [0, 0]
    finally:
        for process in started:
            process.kill()
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


def test_two_processes_with_different_seeds_have_equal_masks(tmp_path):
    one, other = two(tmp_path, "running_snip", "agree")
    assert one["updates"] == other["updates"] == 3
    assert all(torch.equal(mask, other["masks"][name]) for name, mask in one["masks"].items())
    assert all(torch.equal(weight, other["weights"][name]) for name, weight in one["weights"].items())


def test_processes_whose_masks_differ_end_with_one_line_each(tmp_path):
    one, other = two(tmp_path, "magnitude", "disagree")
    assert one == other == "at step 3 the processes have different masks; load the same state in all"


def test_masks_that_differ_anywhere_have_another_digest():
    masks = {"a": torch.rand(7, 5) < 0.5, "b": torch.rand(30) < 0.1}
    seen = {digest(masks)}
    for name, mask in masks.items():
        for position in range(mask.numel()):
            changed = mask.clone()
            changed.view(-1)[position] = ~changed.view(-1)[position]
            seen.add(digest({**masks, name: changed}))
    assert len(seen) == 1 + 35 + 30
