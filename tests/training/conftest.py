"""What tests of training share."""

from dataclasses import replace

import pytest
import torch

from benchmark.training.engines import ENGINES
from tests.training.naive_engine import NAIVE


@pytest.fixture
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture(params=["dense", "naive", "sparse"])
def engine(request, monkeypatch):
    """The name of every engine that the tests of the seam are run with; a naive one is registered for them."""
    monkeypatch.setitem(ENGINES, NAIVE.name, NAIVE)
    return request.param


@pytest.fixture
def kept_engines(monkeypatch):
    """Every engine that trains from now on, as its last step left it: the best checkpoint is not put back."""
    engines = []

    def kept(kind):
        def make(*arguments):
            made = kind.make(*arguments)
            made.restore_best = lambda: None
            engines.append(made)
            return made

        return replace(kind, make=make)

    plain = dict(ENGINES)
    monkeypatch.setattr("benchmark.training.fleet_training.engine_named", lambda name: kept({**plain, **ENGINES}[name]))
    return engines
