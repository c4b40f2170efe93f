"""What the code of a plugin does to the process is undone, and costs next to nothing where it does nothing."""

import os
import random
import sys

import numpy as np
import pytest
import torch

from criteria.isolation import kept_process_state

NORMAL = 2.3e-308
DEEDS = {
    "torch's dtype": lambda: torch.set_default_dtype(torch.float64),
    "torch's random state": lambda: torch.rand(3),
    "torch's seed": lambda: torch.manual_seed(7),
    "grad mode": lambda: torch.set_grad_enabled(not torch.is_grad_enabled()),
    "deterministic mode": lambda: torch.use_deterministic_algorithms(True),
    "threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "precision": lambda: torch.set_float32_matmul_precision("medium"),
    "denormals": lambda: torch.set_flush_denormal(True),
    "numpy's random state": lambda: np.random.rand(),
    "numpy's seed": lambda: np.random.seed(7),
    "numpy's gauss": lambda: np.random.randn(),
    "Python's random state": random.random,
    "the folder": lambda: os.chdir("/"),
}


def state():
    return (
        torch.get_default_dtype(), torch.get_rng_state().tolist(), torch.is_grad_enabled(), torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(), torch.get_float32_matmul_precision(), NORMAL / 4 == 0,
        str(np.random.get_state()), random.getstate(), os.getcwd(),
    )  # fmt: skip


@pytest.mark.parametrize("how", ["ends", "raises", "exits"])
@pytest.mark.parametrize("deed", DEEDS)
def test_each_deed_is_undone_however_the_code_ends(deed, how):
    before = state()
    for _ in range(2):  # what is remembered of the first time must not spoil the second
        try:
            with kept_process_state():
                DEEDS[deed]()
                assert state() != before
                if how != "ends":
                    raise ValueError if how == "raises" else SystemExit
        except (ValueError, SystemExit):
            pass
        assert state() == before


def test_a_precision_that_is_set_for_one_backend_alone_is_kept_too():
    products = torch.backends.cuda.matmul
    before = products.fp32_precision
    try:
        products.fp32_precision = "tf32"
        for deed in (lambda: setattr(products, "fp32_precision", "ieee"), DEEDS["precision"], lambda: None):
            with kept_process_state():
                deed()
            assert products.fp32_precision == "tf32"
    finally:
        torch.set_float32_matmul_precision("highest")
        products.fp32_precision = before


def test_what_others_draw_between_two_plugins_is_not_undone():
    np.random.seed(1)
    plain = np.random.random(4)
    np.random.seed(1)
    drawn = []
    for _ in range(4):
        with kept_process_state():
            np.random.random(9)
        drawn.append(np.random.random())
    assert drawn == plain.tolist()


def test_what_is_printed_goes_to_standard_error(capsys):
    with kept_process_state():
        print("from a plugin")
    assert capsys.readouterr() == ("", "from a plugin\n")


def test_what_a_terminal_would_obey_is_shown_as_escapes(capsys):
    with kept_process_state():
        print("\x1b[2J\tred \x9b1m\r")
        sys.stdout.flush()
    assert capsys.readouterr() == ("", "\\x1b[2J\tred \\x9b1m\\r\n")
