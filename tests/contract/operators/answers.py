"""Faults in the answers: numbers, places, positions, what is read and what is written."""

from dataclasses import replace
from functools import partial

import torch

from criteria import Growth, lowest
from tests.contract.demonstrations.answers import (
    fails_or_miscounts,
    gives_nan,
    minds_positions,
    prefers_positions,
    reads_inactive,
    reads_undeclared,
    selects_elsewhere,
)
from tests.contract.demonstrations.settings import changes_a_setting, changes_the_layer
from tests.contract.operators.base import (
    any_plugin,
    criterion,
    folded,
    growth,
    in_order,
    operator,
    scored,
    scored_criterion,
    wanted,
    with_gradient,
    with_score,
    without_gradient,
)

NUMBER = ("exact_count", "density_preserved")
PLACE = ("active_only", "candidates_only", "permutation_equivariant", "exact_count", "density_preserved")
tied = partial(prefers_positions, draws=1000)


def where_of(plugin, layer, candidates):
    """The positions that a selection chooses from."""
    return candidates[0] if isinstance(plugin, Growth) else layer.mask


@operator(any_plugin, fails_or_miscounts, *NUMBER)
class OneFewerWhenLarge:
    """In layers of more than four thousand positions one is left out."""

    def select(self, layer, n, *candidates):
        fewer = n > 0 and layer.mask.numel() > 4000
        return super().select(layer, n - fewer, *candidates)


@operator(with_score, fails_or_miscounts, "score_shape", *NUMBER)
class FailsLate:
    """After five thousand steps a schedule has run out."""

    def score(self, layer):
        if layer.step > 5000:
            raise IndexError("tuple index out of range")
        return super().score(layer)


@operator(scored, tied, "unbiased_ties")
class InOrderWhenLarge:
    """In layers of more than two thousand positions the first of equal ones are taken."""

    def select(self, layer, n, *candidates):
        if layer.mask.numel() <= 2000:
            return super().select(layer, n, *candidates)
        return in_order(wanted(self, layer), where_of(self, layer, candidates), n)


@operator(with_score, changes_the_layer, "pure", "inactive_stay_zero")
class WritesWhenLarge:
    """In layers of more than two hundred thousand positions the weights are made absolute in place."""

    def score(self, layer):
        given = super().score(layer)
        if layer.weight.numel() > 200_000:
            layer.weight.abs_()
        return given


@operator(any_plugin, changes_a_setting, "pure")
class DrawsGloballyWhenLarge:
    """In layers of more than five thousand positions it draws from torch's global generator."""

    def select(self, layer, *arguments):
        if layer.weight.numel() > 5000:
            torch.rand(())
        return super().select(layer, *arguments)


@operator(scored_criterion, gives_nan, "no_nan")
class OverflowsNearTheLargest:
    """Adds and takes away four times the weight, which is ∞ − ∞ for the largest numbers."""

    def score(self, layer):
        given, four = super().score(layer), 4 * layer.weight
        return given.double() + (four - four).double()


@operator(scored, tied, "unbiased_ties")
class LeansToTheFront:
    """Draws that decide between equal ones are a few hundredths smaller at the front."""

    def select(self, layer, n, *candidates):
        where = where_of(self, layer, candidates)
        positions = where.flatten().nonzero().squeeze(1)
        draws = torch.rand(len(positions), generator=layer.generator, dtype=torch.float64)
        order = (draws + torch.linspace(0, 0.1, len(positions), dtype=torch.float64)).argsort()
        ranked = positions[order]
        chosen = torch.zeros(where.numel(), dtype=torch.bool)
        chosen[ranked[wanted(self, layer).flatten()[ranked].argsort(stable=True)[:n]]] = True
        return chosen.view(where.shape)


@operator(scored, tied, "unbiased_ties")
class SometimesInOrder:
    """Once in ten times the first of equal ones are taken."""

    def select(self, layer, n, *candidates):
        if torch.rand(1, generator=layer.generator, dtype=torch.float32) > 0.1:
            return super().select(layer, n, *candidates)
        return in_order(wanted(self, layer), where_of(self, layer, candidates), n)


@operator(scored, tied, "unbiased_ties")
class TheSameOfEquals:
    """Equal ones are decided by a generator with a fixed seed."""

    def select(self, layer, n, *candidates):
        generator = torch.Generator().manual_seed(0)
        return lowest(wanted(self, layer), where_of(self, layer, candidates), n, generator)


@operator(scored, tied, "unbiased_ties", "permutation_equivariant")
class AddsItsPosition:
    """Adds a tiny amount by position to the score."""

    def score(self, layer):
        position = torch.arange(layer.weight.numel(), dtype=torch.float64, device=layer.weight.device)
        return super().score(layer).double() + 1e-9 * position.view(layer.weight.shape)


@operator(scored, tied, "unbiased_ties")
class DrawsOnlyWhereAllAreEqual:
    """Draws where all are equal; where some are, the first of them are taken."""

    def select(self, layer, n, *candidates):
        where, score = where_of(self, layer, candidates), wanted(self, layer)
        found = score[where]
        if bool((found == found[:1]).all()):
            return lowest(score, where, n, layer.generator)
        return in_order(score, where, n)


@operator(any_plugin, tied, "unbiased_ties", "deterministic")
class SeededByTheStep:
    """The generator is one that is seeded by the step, for every layer and training."""

    def select(self, layer, *arguments):
        own = torch.Generator().manual_seed(max(layer.step, 0))
        return super().select(replace(layer, generator=own), *arguments)


@operator(any_plugin, (selects_elsewhere, minds_positions), *PLACE)
class TransposesItsAnswer:
    """What it selects in matrices is transposed in memory."""

    def select(self, layer, *arguments):
        selected = super().select(layer, *arguments)
        return selected.t().reshape(selected.shape) if selected.dim() == 2 else selected


@operator(scored, (reads_inactive, minds_positions), *PLACE, "blind_to_inactive")
class UpsideDown:
    """Scores are those of the rows from the last to the first."""

    def score(self, layer):
        return super().score(layer).flip(0)


@operator(lambda kind: with_gradient(kind) and criterion(kind), reads_inactive, "blind_to_inactive")
class BesideTheLargestGradient:
    """Adds the gradient beside the largest of all positions."""

    def score(self, layer):
        grad = layer.grad.double().abs()
        return folded(super().score(layer), layer.mask, 0) + grad / grad.max().clamp(min=1e-300)


@operator(scored_criterion, reads_inactive, "blind_to_inactive")
class MindsAllMomentum:
    """Another order by the mean momentum of all positions."""

    def score(self, layer):
        given = super().score(layer)
        if layer.momentum is None:
            return given
        mean = float(layer.momentum.double().clamp(-1e30, 1e30).mean())
        return folded(given, layer.mask, (mean / (1 + abs(mean)) + 1) / 2)


@operator(without_gradient, reads_undeclared, "score_shape", "deterministic", "blind_to_inactive")
class ReadsAnUndeclaredGradient:
    """Adds the gradient where there is one, without asking for it."""

    def score(self, layer):
        given = super().score(layer)
        if layer.grad is None:
            return given
        grad = torch.where(layer.mask, layer.grad, 0).double().abs().clamp(max=1e30)
        return folded(given, layer.mask, 0) + grad / (1 + grad)


@operator(lambda kind: growth(kind) and not kind.requires_momentum and scored(kind), reads_undeclared, "score_shape")
class ReadsUndeclaredMomentum:
    """Adds the momentum where there is some, without asking for it."""

    def score(self, layer):
        given = super().score(layer)
        if layer.momentum is None:
            return given
        momentum = layer.momentum.double().abs().clamp(max=1e30)
        return folded(given, ~layer.mask, 0) + momentum / (1 + momentum)


@operator(with_gradient, changes_the_layer, "pure")
class ClipsTheGradient:
    """Clips the layer's gradient in place."""

    def score(self, layer):
        return super().score(replace(layer, grad=layer.grad.clamp_(-1, 1)))


@operator(with_score, changes_the_layer, "pure")
class RequiresGradients:
    """Switches requires_grad on for the layer's weights."""

    def score(self, layer):
        layer.weight.requires_grad_()
        return super().score(layer).detach()


@operator(criterion, fails_or_miscounts, *NUMBER, "active_only")
class NonZeroMeansActive:
    """Takes weights that are not zero for the active ones, as far as they reach."""

    def select(self, layer, n):
        active = layer.mask & (layer.weight != 0)
        return super().select(replace(layer, mask=active), min(n, int(active.sum())))


@operator(growth, fails_or_miscounts, *NUMBER, "candidates_only", "degenerate_layers")
class IgnoresCandidates:
    """Chooses among inactive positions instead of the candidates."""

    def select(self, layer, n, candidates):
        return super().select(layer, n, ~layer.mask)


@operator(growth, changes_the_layer, "pure", "density_preserved")
class StrikesCandidates:
    """Strikes what it grows from the candidates that it was given."""

    def select(self, layer, n, candidates):
        grown = super().select(layer, n, candidates)
        candidates.logical_and_(~grown)
        return grown


@operator(growth, changes_the_layer, "pure", "grown_start_at_zero")
class StartsWeights:
    """Gives grown weights a value."""

    def select(self, layer, n, candidates):
        grown = super().select(layer, n, candidates)
        layer.weight[grown] = 0.01
        return grown


OPERATORS = (
    *(OneFewerWhenLarge, FailsLate, InOrderWhenLarge, WritesWhenLarge, DrawsGloballyWhenLarge, OverflowsNearTheLargest),
    *(LeansToTheFront, SometimesInOrder, TheSameOfEquals, AddsItsPosition, DrawsOnlyWhereAllAreEqual, SeededByTheStep),
    *(TransposesItsAnswer, UpsideDown, BesideTheLargestGradient, MindsAllMomentum, ReadsAnUndeclaredGradient),
    *(ReadsUndeclaredMomentum, ClipsTheGradient, RequiresGradients, NonZeroMeansActive, IgnoresCandidates),
    *(StrikesCandidates, StartsWeights),
)
