"""A lean of a few percent is found; selections without a preference are not called leaning, whatever they are like."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from criteria.contract.chances import lean

DRAWS, SIZE, N = 250, 64, 700


def fair(generator: torch.Generator) -> Tensor:
    selected = torch.zeros(SIZE * SIZE, dtype=torch.bool)
    selected[torch.randperm(SIZE * SIZE, generator=generator)[:N]] = True
    return selected.view(SIZE, SIZE)


def whole_rows(generator: torch.Generator) -> Tensor:
    return (torch.randperm(SIZE, generator=generator) < 11)[:, None].expand(SIZE, SIZE)


def balanced_rows(generator: torch.Generator) -> Tensor:
    return torch.rand(SIZE, SIZE, generator=generator).argsort(1) < 11


def leaning(share: float, generator: torch.Generator) -> Iterator[Tensor]:
    """Now and then the first ones instead of a draw."""
    for _ in range(DRAWS):
        if torch.rand(1, generator=generator) < share:
            yield (torch.arange(SIZE * SIZE) < N).view(SIZE, SIZE)
        else:
            yield fair(generator)


@pytest.mark.parametrize("select", [fair, whole_rows, balanced_rows])
@pytest.mark.parametrize("seed", range(5))
def test_a_selection_without_a_preference_does_not_lean(select, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    assert lean(select(generator) for _ in range(DRAWS)) == ""


@pytest.mark.parametrize("seed", range(5))
def test_a_lean_of_four_percent_to_the_front_is_found(seed: int) -> None:
    assert (
        lean(leaning(0.04, torch.Generator().manual_seed(seed)))
        == "the first rows are selected more often than the others"
    )


def test_one_draw_of_a_large_layer_shows_a_lean() -> None:
    assert lean([(torch.arange(1000 * 1000) < 1000 * 200).view(1000, 1000)]) != ""


def test_one_position_that_is_never_selected_is_found() -> None:
    generator = torch.Generator().manual_seed(0)
    draws = (torch.randperm(11, generator=generator) + 1 for _ in range(600))
    assert lean(torch.cat((torch.tensor([99]), order)) <= 4 for order in draws).endswith(
        "less often than its mirror image"
    )


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> float:
    """The bound holds at every level: at one in ten, few sets of draws show whether it does."""
    monkeypatch.setattr("criteria.contract.chances.ALARM", 0.1)
    return 0.1


def most(share: float, of: int) -> float:
    """How many of ``of`` may be called leaning, if each may with probability ``share``, but for three deviations."""
    return share * of + 3 * (of * share * (1 - share)) ** 0.5


def test_fair_draws_are_called_leaning_less_often_than_promised(lenient: float) -> None:
    generator = torch.Generator().manual_seed(1)
    called = sum(lean(torch.randperm(12, generator=generator) < 4 for _ in range(60)) != "" for _ in range(200))
    assert called <= most(lenient, 200)


def test_whole_kernels_are_called_leaning_less_often_than_promised(lenient: float) -> None:
    def whole_kernels(generator: torch.Generator) -> Tensor:
        kernels = torch.randperm(2 * 6, generator=generator) < 3
        return kernels.view(2, 6, 1, 1).expand(2, 6, 3, 3)

    generator = torch.Generator().manual_seed(2)
    called = sum(lean(whole_kernels(generator) for _ in range(30)) != "" for _ in range(100))
    assert called <= most(lenient, 100)


def test_a_lean_along_one_side_of_a_kernel_is_found() -> None:
    generator = torch.Generator().manual_seed(3)
    draws = (torch.rand(5, 4, 2, 3, generator=generator) < torch.tensor([0.6, 0.5, 0.4]) for _ in range(250))
    assert lean(draws) == "the first places along dimension 3 are selected more often than the others"
