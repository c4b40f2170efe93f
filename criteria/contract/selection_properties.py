"""The properties of one selection, as functions of a plugin and a :class:`~criteria.contract.case.Case`.

The first line of each docstring is the promise. A function returns quietly, raises :class:`Broken`, or raises
:class:`Inapplicable` where the case says nothing about its promise. So that one fault is not blamed on every property,
a plugin that gives no usable answer at all breaks ``score_shape`` or ``exact_count``, and is inapplicable to the rest.
"""

import copy
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from criteria.api import Criterion, Growth, Layer
from criteria.contract.asking import (
    Answer,
    Broken,
    Inapplicable,
    NoAnswer,
    Plugin,
    WrongPlace,
    answer,
    answer_still,
    ask,
    call,
    has_score,
    is_random,
    no_answer_is_broken,
    positions,
    prepared,
    score_of,
    select_of,
    selectable,
    some,
)
from criteria.contract.case import Case, copied, has_active, mapped, norms_from
from criteria.contract.chances import lean
from criteria.contract.comparing import alike, all_differ, apart, blamed_if_repeatable, require_agreement, require_same
from criteria.contract.device import NoData, WrongDevice, pretended, pretending, real

cuda = torch.Tensor.cuda

MANY = 20
"""Observed steps, after each of which scores are looked at where there are more."""

DRAWS = ((64, 600), (5_000, 250), (50_000, 60))
"""How many times the positions of a layer of up to so many weights are shuffled; twice where there are more."""

LATE = 1_000_000
"""The step of some of these draws: a plugin may go another way in the end."""


def score_shape(plugin: Plugin, case: Case) -> None:
    """score() gives one real number for each weight, in a tensor like the layer's, and reads what is declared."""
    _require_score(plugin)
    with no_answer_is_broken(in_dtype=case.layer.weight.dtype):
        score_of(prepared(plugin, case), copied(case.layer))


def reads_what_it_declares(plugin: Plugin, case: Case) -> None:
    """What the class does not say that it reads may be there, may be another, or may be missing."""
    shown = dict(_undeclared(plugin, case.layer))
    if not shown:
        raise Inapplicable(f"{type(plugin).__name__} declares all that it could read")
    first = answer(plugin, case)
    with blamed_if_repeatable(plugin, case, first):
        for what, layer in shown.items():
            require_same(first, answer_still(plugin, replace(case, layer=layer), what), what)


def no_nan(plugin: Plugin, case: Case) -> None:
    """Finite weights and gradients never give a score that is NaN."""
    _require_score(plugin)
    if isinstance(plugin, Criterion) and case.observed > MANY:
        # a counter that runs over does so at one step
        asked = copy.deepcopy(plugin)
        for number, layer in enumerate(case.past(), 1):
            call(asked.observe, layer)
            _require_numbers(score_of(asked, layer)[layer.mask], f"after {number} observed steps, ")
    _require_numbers(score_of(prepared(plugin, case), copied(case.layer))[selectable(plugin, case)])


def exact_count(plugin: Plugin, case: Case) -> None:
    """select() gives exactly as many positions as it was asked for, from none to all."""
    with no_answer_is_broken(in_dtype=case.layer.weight.dtype):
        selected = _selected(plugin, case)
    count, of = int(selected.sum()), int(selectable(plugin, case).sum())
    if count != case.n:
        raise Broken(f"asked for {case.n} of {of} positions, select() gave {count}")


def active_only(plugin: Criterion, case: Case) -> None:
    """Only active weights are pruned."""
    _only_selectable(plugin, case, "inactive")


def candidates_only(plugin: Growth, case: Case) -> None:
    """Only candidates are grown."""
    _only_selectable(plugin, case, "other")


def blind_to_inactive(plugin: Criterion, case: Case) -> None:
    """Gradients, momenta, products and norms of what is inactive change no selection and no score, ever after."""
    what = "with other values at inactive positions"
    first = answer(plugin, case)
    filler = torch.linspace(-3, 1e4, case.layer.mask.numel(), dtype=torch.float64).view_as(case.layer.mask)
    for values in (filler, -filler, torch.zeros_like(filler)):
        asked = copy.deepcopy(plugin)
        with blamed_if_repeatable(plugin, case, first), no_answer_is_broken(what):
            for layer in case.past() if case.observed else ():
                call(asked.observe, _filled(layer, values))
            require_same(first, ask(asked, replace(case, layer=_filled(case.layer, values))), what)


def permutation_equivariant(plugin: Plugin, case: Case) -> None:
    """Reordering the rows, columns, … of a layer reorders the answer alike, where no two scores are close."""
    given = answer(plugin, case)
    generator = torch.Generator().manual_seed(case.layer.generator.initial_seed())
    orders = [torch.randperm(size, generator=generator) for size in case.layer.mask.shape]

    def reordered(tensor: Tensor) -> Tensor:
        for dim, order in enumerate(orders):
            tensor = tensor.index_select(dim, order)
        return tensor

    what = f"with its dimensions reordered by {', '.join(map(some, orders))}"
    moved = case.mapped(reordered, reordered)
    with blamed_if_repeatable(plugin, case, given):
        other = answer_still(plugin, moved, what)
    found = ""
    if given.scores is not None and other.scores is not None:
        expected = torch.zeros(case.layer.mask.shape, dtype=given.scores.dtype)
        expected[selectable(plugin, case)] = given.scores
        expected = reordered(expected)[selectable(plugin, moved)]
        if not alike(expected, other.scores, roundings=1e4):
            found = f"{what}, the scores were {some(other.scores)} instead of {some(expected)}"
    clear = apart(given, case, tolerance=min(1e-3, 0.2 / case.layer.mask.numel()))
    # whoever has no scores compares the same numbers in both orders
    clear = clear or (given.scores is None and all_differ(plugin, case))
    if not found and clear and not torch.equal(reordered(given.selected), other.selected):
        found = f"{what}, other weights were selected: {positions(other.selected)} in the new order"
    if found and not is_random(plugin, case) and not is_random(plugin, moved):
        with blamed_if_repeatable(plugin, case, given):
            raise Broken(found)


def draws_without_preference(plugin: Plugin, case: Case) -> None:
    """A plugin that draws prefers no position, where no two weights are alike."""
    if not is_random(plugin, case):
        raise Inapplicable("it draws nothing")
    _require_no_lean(plugin, case, "of a layer whose weights all differ")


def unbiased_ties(plugin: Plugin, case: Case) -> None:
    """Between equal scores the generator decides: each position is as likely as any other."""
    _require_no_lean(plugin, case, "of a layer in which many weights are alike")


def dtype_stable(plugin: Plugin, case: Case) -> None:
    """float32, float64 and bfloat16 weights give the same selection, where no two scores are close."""
    first = answer(plugin, case)
    for dtype, tolerance in ((torch.float64, 1e-3), (torch.bfloat16, 0.125)):
        what = f"with {str(dtype).removeprefix('torch.')} weights"
        other = case.mapped(partial(torch.Tensor.to, dtype=dtype), torch.clone)
        with blamed_if_repeatable(plugin, case, first):
            require_agreement(first, answer_still(plugin, other, what), case, tolerance, what)


def device_stable(plugin: Plugin, case: Case) -> None:
    """A layer on a CUDA device gives the same selection, there, where no two scores are close."""
    first = answer(plugin, case)
    if torch.cuda.is_available():
        what, other = "on a CUDA device", answer_still(plugin, case.mapped(cuda, cuda), "on a CUDA device")
    else:
        what, other = "on a device other than the CPU (a pretended one)", _answer_on_pretended_device(plugin, case)
    require_agreement(first, other, case, 1e-3, what)


def _answer_on_pretended_device(plugin: Plugin, case: Case) -> Answer:
    try:
        with pretending():
            given = answer(plugin, case.mapped(pretended, pretended))
        return Answer(real(given.selected), None if given.scores is None else real(given.scores), given.drew)
    except WrongPlace as error:
        raise Broken(f"on a device other than the CPU (a pretended one), {error}") from error
    except NoAnswer as error:
        if isinstance(error.__cause__, WrongDevice):
            raise Broken(f"on a device other than the CPU (a pretended one), {error}") from error
        raise  # what is only pretended cannot do everything
    except NoData as error:
        raise Inapplicable(str(error)) from error


def _undeclared(plugin: Plugin, layer: Layer) -> Iterator[tuple[str, Layer]]:
    """The layer without, and with other values of, what the plugin's class does not declare that it reads."""
    other = layer.weight.flatten().flip(0).view_as(layer.weight) * 0.75 + 0.5
    if not plugin.requires_grad:
        yield "without a gradient, which it does not declare", replace(copied(layer), grad=None)
        yield "with another gradient, which it does not declare", replace(copied(layer), grad=other)
    if isinstance(plugin, Growth) and not plugin.requires_momentum:
        yield "without momentum, which it does not declare", replace(copied(layer), momentum=None)
        yield "with other momentum, which it does not declare", replace(copied(layer), momentum=other)
    # what only some layers of a training have, because another plugin asks for it, makes no difference where it is
    if not plugin.requires_input_norms:
        norms = norms_from(other) if layer.input_norm is None else None
        what = "with" if layer.input_norm is None else "without"
        yield f"{what} norms of its inputs, which it does not declare", replace(copied(layer), input_norm=norms)
    if not (isinstance(plugin, Criterion) and plugin.requires_hessian_gradient):
        product = (lambda _: other) if layer.hessian_gradient is None else None
        what = "with" if layer.hessian_gradient is None else "without"
        yield f"{what} products H·g, which it does not declare", replace(copied(layer), hessian_gradient=product)


def _filled(layer: Layer, values: Tensor) -> Layer:
    """The layer with ``values`` wherever it is inactive, but for the weights, which are zero there in every layer."""

    def filled(tensor: Tensor) -> Tensor:
        return torch.where(layer.mask, tensor, values.to(tensor))

    norm = layer.input_norm
    if norm is not None:
        norm = torch.where(has_active(layer.mask), norm, norms_from(values.to(norm)))
    return replace(mapped(layer, filled, torch.clone), weight=layer.weight.clone(), input_norm=norm)


def _require_numbers(scores: Tensor, when: str = "") -> None:
    if bool(scores.isnan().any()):
        raise Broken(f"{when}the scores of the selectable positions are {some(scores)}")


def _require_no_lean(plugin: Plugin, case: Case, where: str) -> None:
    of = int(selectable(plugin, case).sum())
    if not 0 < case.n < of:
        raise Inapplicable("there is no choice")
    size = case.layer.mask.numel()
    draws = next((draws for most, draws in DRAWS if size <= most), 2)
    generator = torch.Generator().manual_seed(case.layer.generator.initial_seed())
    moved = (_shuffled(case, seed, generator) for seed in range(draws))
    found = lean(select_of(prepared(plugin, each), each) for each in moved)
    if found:
        asked = f"asked for {case.n} of {of} positions {where}, shuffled {draws} times with another generator seed"
        raise Broken(f"{asked} (a third of them at step {LATE:,}), {found}")


def _shuffled(case: Case, seed: int, generator: torch.Generator) -> Case:
    """The case with all positions in another order, and another state of the generator; of three one is late."""
    order = torch.randperm(case.layer.mask.numel(), generator=generator)

    def shuffled(tensor: Tensor) -> Tensor:
        return tensor.flatten().index_select(0, order).view(case.layer.mask.shape)  # quicker than [order]

    moved = case.mapped(shuffled, shuffled)
    step = LATE if seed % 3 == 2 else case.layer.step
    norm = case.layer.input_norm
    if norm is not None:  # it stays that of a unit, wherever weights go
        units = torch.randperm(norm.numel(), generator=generator)
        norm = norms_from(norm.flatten()[units].view(norm.shape))
    own = torch.Generator().manual_seed(seed)
    return replace(moved, layer=replace(moved.layer, input_norm=norm, generator=own, step=step))


def _selected(plugin: Plugin, case: Case) -> Tensor:
    return select_of(prepared(plugin, case), case.mapped(torch.clone, torch.clone))


def _only_selectable(plugin: Plugin, case: Case, others: str) -> None:
    stray = _selected(plugin, case) & ~selectable(plugin, case)
    if bool(stray.any()):
        raise Broken(f"select() gave the {others} positions {positions(stray)}")


def _require_score(plugin: Plugin) -> None:
    if not has_score(plugin):
        raise Inapplicable(f"{type(plugin).__name__} has no score()")
