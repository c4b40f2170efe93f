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


class Forgets(Magnitude):
    """Observes, and remembers the weights under a name that no other step has."""

    def __init__(self) -> None:
        self.average: dict[int, Tensor] = {}

    def observe(self, layer: Layer) -> None:
        self.average[layer.step] = layer.weight.abs()

    def score(self, layer: Layer) -> Tensor:
        return self.average.get(layer.step + 1, layer.weight.abs())


@dataclass
class WarmsUp(Criterion):
    """A parameter that counts once a few steps were observed."""

    decay: float = 0.9
    warmup: int = 20

    def __post_init__(self) -> None:
        self.average, self.steps = torch.zeros(()), 0

    def observe(self, layer: Layer) -> None:
        self.average = self.decay * self.average + (1 - self.decay) * layer.weight * (layer.step % 7)
        self.steps += 1

    def score(self, layer: Layer) -> Tensor:
        return self.average.abs() if self.steps >= self.warmup else layer.weight.abs()


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
        (Forgets(), ["no score and no selection depends on what observe()", "it holds more"]),
        (WarmsUp(), []),
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
