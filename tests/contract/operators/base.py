"""What a fault operator is, and what the operators share."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from criteria import Criterion, Growth, Layer
from tests.contract.demonstrations.layers import Make

Kind = type[Criterion] | type[Growth]
Fits = Callable[[Kind], bool]


@dataclass(frozen=True)
class Operator:
    """Puts one fault into a right plugin: ``fault`` becomes the first base class of the mutant."""

    fault: type
    """A mixin whose methods do what is wrong around, or instead of, those of the class behind it."""
    fits: Fits
    """Which classes the fault can be put into."""
    shown_by: tuple[Callable[[Make], bool], ...]
    """Demonstrations that show the fault; a mutant that none of them shows is equal to its original."""
    breaks: frozenset[str]
    """The names of properties that are a right answer."""

    @property
    def name(self) -> str:
        """The name of the fault."""
        return self.fault.__name__


def operator(
    fits: Fits, shown_by: Callable[[Make], bool] | tuple[Callable[[Make], bool], ...], *breaks: str
) -> Callable[[type], Operator]:
    """A decorator that makes an operator of a fault."""
    shows = shown_by if isinstance(shown_by, tuple) else (shown_by,)
    return lambda fault: Operator(fault, fits, shows, frozenset(breaks))


def any_plugin(kind: Kind) -> bool:
    """Every plugin."""
    return True


def criterion(kind: Kind) -> bool:
    """Every criterion."""
    return issubclass(kind, Criterion)


def growth(kind: Kind) -> bool:
    """Every growth."""
    return issubclass(kind, Growth)


def scored(kind: Kind) -> bool:
    """Plugins with a score that their selection is made of."""
    return kind.score not in (Criterion.score, Growth.score) and kind.select in (Criterion.select, Growth.select)


def scored_criterion(kind: Kind) -> bool:
    """Criteria with a score that their selection is made of."""
    return criterion(kind) and scored(kind)


def with_score(kind: Kind) -> bool:
    """Plugins that have a score, used or not."""
    return kind.score not in (Criterion.score, Growth.score)


def observing(kind: Kind) -> bool:
    """Criteria that follow the training."""
    return issubclass(kind, Criterion) and kind.observe is not Criterion.observe


def with_gradient(kind: Kind) -> bool:
    """Plugins with a score that declare the gradient."""
    return scored(kind) and kind.requires_grad


def without_gradient(kind: Kind) -> bool:
    """Criteria with a score that do not declare the gradient."""
    return scored_criterion(kind) and not kind.requires_grad


def selectable(plugin: Criterion | Growth, layer: Layer) -> Tensor:
    """The positions that the plugin chooses from where nothing was pruned, bool [*shape]."""
    return ~layer.mask if isinstance(plugin, Growth) else layer.mask


def folded(score: Tensor, where: Tensor, pivot: float) -> Tensor:
    """The distance of each score from a pivot between the lowest (0) and the highest (1) of ``where``, float64.

    It makes another order of the same scores: finite, blind elsewhere, and equal where scores are equal.
    """
    finite = score.detach().double().nan_to_num(posinf=1e300, neginf=-1e300)
    if not bool(where.any()):
        return finite
    low, high = finite[where].min(), finite[where].max()
    return ((finite - low) / (high - low).clamp(min=1e-300) - pivot).abs()


def parameters(plugin: object) -> dict[str, object]:
    """The fields of a plugin that is a data class."""
    fields = dataclasses.fields(plugin) if dataclasses.is_dataclass(plugin) else ()  # type: ignore[arg-type]
    return {field.name: getattr(plugin, field.name) for field in fields if field.init}


def in_order(score: Tensor, where: Tensor, n: int) -> Tensor:
    """The ``n`` lowest scores among ``where``, of equal ones the first: bool [*shape]."""
    positions = where.flatten().nonzero().squeeze(1)
    chosen = torch.zeros(where.numel(), dtype=torch.bool, device=where.device)
    chosen[positions[score.flatten()[positions].argsort(stable=True)[:n]]] = True
    return chosen.view(where.shape)


def wanted(plugin: Criterion | Growth, layer: Layer) -> Tensor:
    """The score, lower being selected first."""
    score = plugin.score(layer)
    return -score.double() if isinstance(plugin, Growth) else score
