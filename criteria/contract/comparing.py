"""Comparing two answers: where they have to be alike, and where rounding may decide."""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor

from criteria.api import Growth
from criteria.contract.asking import Answer, Broken, Inapplicable, Plugin, answer, positions, some
from criteria.contract.case import Case


def require_same(first: Answer, second: Answer, what: str) -> None:
    """The same positions, and the same scores but for the last digits; else :class:`Broken`."""
    if not torch.equal(first.selected, second.selected):
        raise Broken(f"{what}, {positions(second.selected)} were selected instead of {positions(first.selected)}")
    if first.scores is not None and second.scores is not None and not alike(first.scores, second.scores):
        raise Broken(f"{what}, the scores were {some(second.scores)} instead of {some(first.scores)}")


def require_same_in_float32(first: Answer, second: Answer, what: str) -> None:
    """As :func:`require_same`, but scores may differ by what float32 rounds, and positions where they do.

    What is made of a bool and a Python number is rounded to the default dtype.
    """
    if first.scores is None or second.scores is None or torch.equal(first.scores, second.scores):
        require_same(first, second, what)
    elif not alike(first.scores, second.scores, eps=torch.finfo(torch.float32).eps):
        raise Broken(f"{what}, the scores were {some(second.scores)} instead of {some(first.scores)}")


def require_agreement(first: Answer, second: Answer, case: Case, tolerance: float, what: str) -> None:
    """The same number, and the same positions where rounding does not decide; else :class:`Broken`."""
    other = second.selected.cpu()
    if int(other.sum()) != int(first.selected.sum()):
        raise Broken(f"{what}, {int(other.sum())} positions were selected instead of {int(first.selected.sum())}")
    if apart(first, case, tolerance) and not first.drew and not torch.equal(first.selected, other):
        raise Broken(f"{what}, {positions(other)} were selected instead of {positions(first.selected)}")


@contextlib.contextmanager
def blamed_if_repeatable(plugin: Plugin, case: Case, first: Answer) -> Iterator[None]:
    """What is found broken inside is blamed only where the plugin answers alike twice: else it is not deterministic."""
    try:
        yield
    except Broken as broken:
        try:
            require_same(first, answer(plugin, case), "asked again")
        except Broken as different:
            raise Inapplicable(str(different)) from broken
        raise


def alike(left: Tensor, right: Tensor, roundings: float = 64, eps: float = 0.0) -> bool:
    """Whether scores differ by no more than rounding: how a sum is divided among threads decides its last digits.

    Rounding is that of their dtype, or ``eps`` where that is more.
    """
    if torch.equal(left, right):
        return True
    rounding = roundings * max(torch.finfo(left.dtype).eps, eps) if left.is_floating_point() else 0.0
    one, other = left.double(), right.double()
    largest = float(one[one.isfinite()].abs().max()) if bool(one.isfinite().any()) else 0.0
    return torch.allclose(one, other, rtol=rounding, atol=rounding * largest, equal_nan=True)


def apart(answer: Answer, case: Case, tolerance: float) -> bool:
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


def all_differ(plugin: Plugin, case: Case) -> bool:
    """Whether no two numbers that decide between two positions are equal in magnitude.

    They are the active weights for a criterion, and the gradients for whoever declares them; to a criterion, all
    gradients may be equal.
    """
    weights, grad = case.layer.weight[case.layer.mask], case.layer.grad
    decide = [] if isinstance(plugin, Growth) else [weights]
    if plugin.requires_grad and grad is not None and (isinstance(plugin, Growth) or _different(grad) > 1):
        decide.append(grad)
    return bool(decide) and all(_different(each) == each.numel() for each in decide)


def _different(numbers: Tensor) -> int:
    """How many there are, apart from their signs."""
    return 1 + int(numbers.abs().flatten().sort().values.diff().count_nonzero())
