"""What breaks no promise but is seldom meant is noted."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from criteria import Criterion, Layer, load, lowest
from criteria.contract import notes_on
from criteria.pruning.magnitude import Magnitude


@dataclass
class Idle(Criterion):
    """A parameter that scales all scores alike also changes them; one that is not read changes nothing."""

    scale: float = 2.0
    power: int = 2

    def score(self, layer: Layer) -> Tensor:
        return self.scale * layer.weight.abs()


class Constant(Criterion):
    def score(self, layer: Layer) -> Tensor:
        return torch.ones_like(layer.weight)


class Quadratic(Magnitude):
    def select(self, layer: Layer, n: int) -> Tensor:
        size = layer.weight[layer.mask].abs()
        ranks = sum((each[None] < size[:, None]).sum(1) for each in size.split(64))
        pruned = torch.zeros_like(layer.mask)
        pruned[layer.mask] = lowest(ranks, torch.ones_like(size, dtype=torch.bool), n, layer.generator)
        return pruned


class RemembersAll(Magnitude):
    def __init__(self) -> None:
        self.seen: list[Tensor] = []

    def score(self, layer: Layer) -> Tensor:
        self.seen.append(layer.weight.abs())
        return self.seen[-1]


@pytest.mark.parametrize(
    ("plugin", "said"),
    [
        (Idle(), ["the parameter power changes neither"]),
        (Constant(), ["all scores of a layer are equal"]),
        (RemembersAll(), ["it holds more after each question"]),
        (load("mest"), []),
        (load("running_snip"), []),
        (load("set"), []),
    ],
    ids=lambda each: type(each).__name__,
)
def test_notes_say_what_an_author_may_want_to_look_at(plugin: Criterion, said: list[str]) -> None:
    notes = notes_on(plugin)
    assert len(notes) == len(said), notes
    assert all(note.startswith(beginning) for note, beginning in zip(notes, said, strict=True))


def test_a_selection_whose_cost_grows_as_the_square_is_noted() -> None:
    assert any("the cost is not linear" in note for note in notes_on(Quadratic()))
