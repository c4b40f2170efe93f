"""The properties of one selection, as functions of a plugin and a :class:`~criteria.contract.case.Case`.

The first line of each docstring is the promise. A function returns quietly, raises :class:`Broken`, or raises
:class:`Inapplicable` where the case says nothing about its promise. So that one fault is not blamed on every property,
a plugin that gives no usable answer at all breaks ``score_shape`` or ``exact_count``, and is inapplicable to the rest.
"""

import contextlib
import copy
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import torch
from scipy.special import bdtr, bdtrc
from torch import Tensor

from criteria.api import Criterion, Growth, Layer
from criteria.contract.asking import (
    Answer,
    Broken,
    Inapplicable,
    NoAnswer,
    P,
    Plugin,
    answer,
    answer_still,
    ask,
    call,
    has_score,
    no_answer_is_broken,
    observes,
    positions,
    prepared,
    saved_and_loaded,
    score_of,
    select_of,
    selectable,
    some,
)
from criteria.contract.case import Case, copied, mapped
from criteria.contract.process import another_time, changed, contained, seed_all, settings_now

TIE_SEEDS = 100
TIE_ALARM = 1e-12
"""Probability that a fair choice between equal scores is called biased on one case."""


def score_shape(plugin: Plugin, case: Case) -> None:
    """score() gives one real number for each weight: a tensor of the layer's shape, on its device."""
    _require_score(plugin)
    with no_answer_is_broken(in_dtype=case.layer.weight.dtype):
        score_of(prepared(plugin, case), copied(case.layer))


def no_nan(plugin: Plugin, case: Case) -> None:
    """Finite weights and gradients never give a score that is NaN."""
    _require_score(plugin)
    scores = score_of(prepared(plugin, case), copied(case.layer))[selectable(plugin, case.layer)]
    if bool(scores.isnan().any()):
        raise Broken(f"the scores of the selectable positions are {some(scores)}")


def exact_count(plugin: Plugin, case: Case) -> None:
    """select() gives exactly as many positions as it was asked for, from none to all."""
    with no_answer_is_broken(in_dtype=case.layer.weight.dtype):
        selected = select_of(prepared(plugin, case), copied(case.layer), case.n)
    count, of = int(selected.sum()), int(selectable(plugin, case.layer).sum())
    if count != case.n:
        raise Broken(f"asked for {case.n} of {of} positions, select() gave {count}")


def active_only(plugin: Criterion, case: Case) -> None:
    """Only active weights are pruned."""
    _only_selectable(plugin, case, "inactive")


def candidates_only(plugin: Growth, case: Case) -> None:
    """Only candidates are grown."""
    _only_selectable(plugin, case, "other")


def pure(plugin: Plugin, case: Case) -> None:
    """A plugin changes neither the layer nor settings of the process (random states, grad mode, default dtype, …)."""
    # two rounds that start from different settings: setting something to what it is already would not be seen
    for recording, dtype in ((True, torch.float32), (False, torch.float64)):
        asked = prepared(plugin, case)
        calls: dict[str, Callable[[Layer], object]] = {"select()": partial(select_of, asked, n=case.n)}
        if has_score(asked):
            calls["score()"] = partial(score_of, asked)
        if isinstance(asked, Criterion):
            calls["observe()"] = partial(call, asked.observe)
        for what, method in calls.items():
            with contained():
                torch.set_grad_enabled(recording)
                torch.set_default_dtype(dtype)
                layer, before = copied(case.layer), settings_now()
                with contextlib.suppress(NoAnswer):  # other properties blame what gives no answer
                    method(layer)
                touched = [*_tensors_changed(layer, case.layer), *changed(before)]
            if touched:
                raise Broken(f"{what} changed {' and '.join(touched)}")


def deterministic(plugin: Plugin, case: Case) -> None:
    """The same layer and generator state give the same answer, whatever else is set, stored or was asked before."""
    with contained():
        seed_all(1)
        first = answer(plugin, case)
    for what, surroundings in SURROUNDINGS.items():
        with contained(), surroundings():
            _require_same(first, answer_still(plugin, case, what), what)
    for what, layout in LAYOUTS.items():
        _require_agreement(first, answer_still(plugin, case, what, layout), case, 1e-3, what)
    what = "after questions about other layers"
    asked, case = _asked_before(plugin, case)
    # an odd number of calls between two answers, so that one that alternates is seen
    for _ in range(2):
        with no_answer_is_broken(what):
            _require_same(first, ask(asked, case.layer, case.n), what)
            select_of(asked, copied(case.layer), case.n)


def blind_to_inactive(plugin: Criterion, case: Case) -> None:
    """Weights, gradients and momenta at inactive positions change neither the selection nor the scores."""
    what = "with other values at inactive positions"
    first = answer(plugin, case)
    filler = torch.linspace(-3, 1e4, case.layer.mask.numel(), dtype=torch.float64).view_as(case.layer.mask)
    for values in (filler, -filler):

        def filled(tensor: Tensor, values: Tensor = values) -> Tensor:
            return torch.where(case.layer.mask, tensor, values.to(tensor))

        other = replace(case, layer=mapped(case.layer, filled, torch.clone))
        _require_same(first, answer_still(plugin, other, what), what)


def permutation_equivariant(plugin: Plugin, case: Case) -> None:
    """Reordering the rows, columns, … of a layer reorders the answer alike, where no two scores are close."""
    given = answer(plugin, case)
    if given.drew or not _apart(given, case, tolerance=1e-3):
        raise Inapplicable("scores are equal, close or random")
    generator = torch.Generator().manual_seed(case.layer.generator.initial_seed())
    orders = [torch.randperm(size, generator=generator) for size in case.layer.mask.shape]

    def reordered(tensor: Tensor) -> Tensor:
        for dim, order in enumerate(orders):
            tensor = tensor.index_select(dim, order)
        return tensor

    what = f"with its dimensions reordered by {[order.tolist() for order in orders]}"
    other = answer_still(plugin, replace(case, layer=mapped(case.layer, reordered, reordered)), what)
    if not other.drew and not torch.equal(reordered(given.selected), other.selected):
        raise Broken(f"{what}, other weights were selected: {positions(other.selected)} in the new order")


def unbiased_ties(plugin: Plugin, case: Case) -> None:
    """Where all scores are equal the generator decides: each position is as likely as any other."""
    where = selectable(plugin, case.layer)
    of = int(where.sum())
    if not 0 < case.n < of or not _tied(plugin, case):
        raise Inapplicable("there is no choice between equal scores")
    asked = prepared(plugin, case)
    counts = torch.zeros(case.layer.mask.shape, dtype=torch.int64)
    for seed in range(TIE_SEEDS):
        layer = replace(copied(case.layer), generator=torch.Generator().manual_seed(seed))
        counts += select_of(copy.deepcopy(asked), layer, case.n)
    often, fair = counts[where].numpy(), case.n / of
    # binomial tails; every position is a test of its own in either direction (Bonferroni)
    tail = min(bdtrc(often.max() - 1, TIE_SEEDS, fair), bdtr(often.min(), TIE_SEEDS, fair))
    if tail * 2 * of < TIE_ALARM:
        raise Broken(
            f"asked for {case.n} of {of} equal scores with {TIE_SEEDS} generator seeds, "
            f"select() took the positions {some(counts[where])} times"
        )


def dtype_stable(plugin: Plugin, case: Case) -> None:
    """float32, float64 and bfloat16 weights give the same selection, where no two scores are close."""
    first = answer(plugin, case)
    for dtype, tolerance in ((torch.float64, 1e-3), (torch.bfloat16, 0.125)):
        what = f"with {str(dtype).removeprefix('torch.')} weights"
        other = replace(case, layer=mapped(case.layer, partial(torch.Tensor.to, dtype=dtype), torch.clone))
        _require_agreement(first, answer_still(plugin, other, what), case, tolerance, what)


def device_stable(plugin: Plugin, case: Case) -> None:
    """A layer on a CUDA device gives the same selection, there, where no two scores are close."""
    if not torch.cuda.is_available():
        raise Inapplicable("there is no CUDA device here")
    first = answer(plugin, case)
    what = "on a CUDA device"
    other = replace(case, layer=mapped(case.layer, torch.Tensor.cuda, torch.Tensor.cuda))
    _require_agreement(first, answer_still(plugin, other, what), case, 1e-3, what)


def state_roundtrip(plugin: Criterion, case: Case) -> None:
    """A fresh criterion that loads a saved state answers as the one that saved it, now and at later steps."""
    original, fresh = prepared(plugin, case), copy.deepcopy(plugin)
    first = ask(original, case.layer, case.n)
    with no_answer_is_broken():
        call(fresh.load_state_dict, saved_and_loaded(original))
    what = "after loading the saved state into a fresh criterion"
    with no_answer_is_broken(what):
        _require_same(first, ask(fresh, case.layer, case.n), what)
    call(original.observe, copied(case.layer))
    first = ask(original, case.layer, case.n)
    with no_answer_is_broken(what):
        call(fresh.observe, copied(case.layer))
        _require_same(first, ask(fresh, case.layer, case.n), f"{what}, one step later")


@contextlib.contextmanager
def _seeded_otherwise() -> Iterator[None]:
    seed_all(2)
    yield


@contextlib.contextmanager
def _other_thread_count() -> Iterator[None]:
    torch.set_num_threads(1 if torch.get_num_threads() > 1 else 2)
    yield


@contextlib.contextmanager
def _float64_by_default() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield


SURROUNDINGS: dict[str, Callable[[], contextlib.AbstractContextManager[object]]] = {
    "with other global random states": _seeded_otherwise,
    "with another number of threads": _other_thread_count,
    "with float64 as the default dtype": _float64_by_default,
    "while gradients are recorded": torch.enable_grad,
    "at another time": another_time,
}
"""What must not matter to an answer; whatever they set is set back by :func:`contained`."""


def _column_major(tensor: Tensor) -> Tensor:
    order = tuple(range(tensor.dim()))[::-1]
    return tensor.permute(order).clone(memory_format=torch.contiguous_format).permute(order)


def _view(tensor: Tensor) -> Tensor:
    return torch.stack((tensor, tensor), dim=-1)[..., 1]


LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "with tensors stored in column-major order": _column_major,
    "with tensors that are views into larger ones": _view,
}
"""Copies with the same values in another order in memory."""


def _asked_before(plugin: P, case: Case) -> tuple[P, Case]:
    """A plugin that has been asked about other layers, and the case.

    Unless the plugin observes the training, one of the others is an earlier state of the layer in the case; the layer
    gets a new name, under which a plugin that remembers layers by name meets that state first.
    """

    def otherwise(tensor: Tensor) -> Tensor:
        other = tensor.flip(tuple(range(tensor.dim())))
        return other if tensor.dtype == torch.bool else 3 * other

    def flat(tensor: Tensor) -> Tensor:
        return otherwise(tensor).flatten()

    others = [replace(mapped(case.layer, flat, flat), name="another layer")]
    if not observes(plugin):
        case = replace(case, layer=replace(case.layer, name=f"layer {next(_name_numbers)}"))
        others.append(mapped(case.layer, otherwise, otherwise))
    asked = prepared(plugin, case)
    for other in others:
        with contextlib.suppress(NoAnswer):
            if isinstance(asked, Criterion):
                call(asked.observe, copied(other))
            ask(asked, other, case.n)
    return asked, case


_name_numbers = itertools.count()


def _only_selectable(plugin: Plugin, case: Case, others: str) -> None:
    selected = select_of(prepared(plugin, case), copied(case.layer), case.n)
    stray = selected & ~selectable(plugin, case.layer)
    if bool(stray.any()):
        raise Broken(f"select() gave the {others} positions {positions(stray)}")


def _require_score(plugin: Plugin) -> None:
    if not has_score(plugin):
        raise Inapplicable(f"{type(plugin).__name__} has no score()")


def _require_same(first: Answer, second: Answer, what: str) -> None:
    if not torch.equal(first.selected, second.selected):
        raise Broken(f"{what}, {positions(second.selected)} were selected instead of {positions(first.selected)}")
    if first.scores is None or second.scores is None:
        return
    left, right = first.scores.double(), second.scores.double()
    # how a sum is divided among threads may decide the last digits of a score, but no more
    rounding = 64 * torch.finfo(first.scores.dtype).eps if first.scores.is_floating_point() else 0.0
    largest = float(left[left.isfinite()].abs().max()) if bool(left.isfinite().any()) else 0.0
    if not torch.allclose(left, right, rtol=rounding, atol=rounding * largest, equal_nan=True):
        raise Broken(f"{what}, the scores were {some(right)} instead of {some(left)}")


def _require_agreement(first: Answer, second: Answer, case: Case, tolerance: float, what: str) -> None:
    """The same number, and the same positions where rounding does not decide."""
    other = second.selected.cpu()
    if int(other.sum()) != int(first.selected.sum()):
        raise Broken(f"{what}, {int(other.sum())} positions were selected instead of {int(first.selected.sum())}")
    if _apart(first, case, tolerance) and not first.drew and not torch.equal(first.selected, other):
        raise Broken(f"{what}, {positions(other)} were selected instead of {positions(first.selected)}")


def _apart(answer: Answer, case: Case, tolerance: float) -> bool:
    """Whether all scores differ by more than ``tolerance`` times the largest, so that rounding cannot swap two.

    A plugin without scores is judged by the weights and gradients that it sees.
    """
    if answer.scores is not None:
        values = [answer.scores]
    else:
        values = [seen.abs().flatten() for seen in (case.layer.weight, case.layer.grad) if seen is not None]
    for each in values:
        ordered = each.double().sort().values
        close = ordered.diff() <= tolerance * ordered.abs().max() if ordered.numel() else ordered
        if not bool(ordered.isfinite().all()) or bool(close.any()):
            return False
    return True


def _tied(plugin: Plugin, case: Case) -> bool:
    """Whether the plugin has no reason to prefer any selectable position."""
    layer, where = case.layer, selectable(plugin, case.layer)
    values = [layer.weight, layer.grad, layer.momentum, layer.hessian_gradient and layer.hessian_gradient(1.0)]
    all_equal = all(_constant(each[where]) for each in values if each is not None)
    scores = answer(plugin, case).scores
    if scores is None or _constant(scores):
        # a selection of its own may look at more than the scores
        return all_equal or (scores is not None and type(plugin).select in (Criterion.select, Growth.select))
    other = replace(case, layer=replace(layer, generator=torch.Generator().manual_seed(TIE_SEEDS)))
    drawn = answer(plugin, other).scores
    return all_equal and drawn is not None and not torch.equal(scores, drawn)


def _constant(values: Tensor) -> bool:
    return bool((values == values[:1]).all())


def _tensors_changed(layer: Layer, before: Layer) -> list[str]:
    """Fields whose tensors were changed in place."""
    fields = ("weight", "grad", "mask", "momentum")
    pairs = [(name, getattr(layer, name), getattr(before, name)) for name in fields]
    return [f"layer.{name}" for name, now, then in pairs if now is not None and not torch.equal(now, then)]
