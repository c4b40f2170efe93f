"""What tests of training share."""

import pytest

from benchmark.training.fleet import Fleet


@pytest.fixture
def kept_fleets(monkeypatch):
    """Every fleet that trains from now on, as its last step left it: the best checkpoint is not put back."""
    fleets = []

    class Kept(Fleet):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            fleets.append(self)

    monkeypatch.setattr("benchmark.training.fleet_training.Fleet", Kept)
    monkeypatch.setattr("benchmark.training.fleet_training._restore", lambda fleet, best: None)
    return fleets
