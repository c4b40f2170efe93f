"""Faults that show in a single answer: numbers, places, NaN, what is read, positions and dtypes."""

import copy
import math
from dataclasses import replace

import torch
from scipy.special import bdtr, bdtrc
from torch import Tensor

from criteria import Criterion, Growth
from tests.contract.demonstrations.layers import (
    SHAPES,
    Make,
    Question,
    answer,
    mapped,
    of_layer,
    plain,
    practised,
    question,
    questions,
    scores,
    select,
)

LARGE = ((70, 60), (300, 250), (64, 16, 3, 3))


def _sized() -> list[Question]:
    """Questions about layers of all sizes, dtypes and shares, from none to all."""
    small = [
        question(shape, 1, kind, share=share) for shape in SHAPES for kind in ("few", "normal") for share in (0, 0.5, 1)
    ]
    large = [question(shape, 2, "few", dtype, share) for shape in LARGE for dtype in _DTYPES for share in (0.01, 0.6)]
    return small + large


_DTYPES = (torch.float32, torch.bfloat16)


def fails_or_miscounts(make: Make) -> bool:
    """Whether some selection fails or has another number than was asked for, at any size, step, shape or dtype."""
    asked = [*_sized(), *(question(step=step) for step in (1, 2, 100, 1001, 10_007, 100_003, 1_000_003))]
    without = [replace(each, layer=replace(each.layer, momentum=None)) for each in asked[:4]]
    all_candidates = torch.ones((6, 5), dtype=torch.bool)
    base = question()
    # where what was just pruned may come back, more may be asked for than there are inactive positions
    revived = replace(base, n=int((~base.layer.mask).sum()) + 3, candidates=all_candidates)
    sparse = _one_active()
    growth = isinstance(make(), Growth)
    for each in [*asked, *without, *([revived, sparse] if growth else [])]:
        selected = select(practised(make, each.layer), _trimmed(make, each))
        if isinstance(selected, str) or int(selected.sum()) != each.n:
            return True
    return False


def _one_active() -> Question:
    """A layer with one active weight, of which most are to be grown."""
    base = question()
    first = torch.zeros_like(base.layer.mask)
    first[0, 0] = True
    layer = replace(base.layer, mask=first, weight=base.layer.weight * first)
    return Question(layer, 20, ~first)


def _trimmed(make: Make, asked: Question) -> Question:
    """The question with only what the plugin declares: a gradient that it did not ask for is not there."""
    plugin, layer = make(), asked.layer
    wants_product = isinstance(plugin, Criterion) and plugin.requires_hessian_gradient
    layer = replace(
        layer,
        grad=layer.grad if plugin.requires_grad else None,
        input_norm=layer.input_norm if plugin.requires_input_norms else None,
        hessian_gradient=layer.hessian_gradient if wants_product else None,
    )
    return replace(asked, layer=layer)


def selects_elsewhere(make: Make) -> bool:
    """Whether it ever prunes an inactive position, or grows what is no candidate."""
    for each in [*questions(), *([_one_active()] if isinstance(make(), Growth) else [])]:
        selected = select(practised(make, each.layer), each)
        where = each.candidates if isinstance(make(), Growth) else each.layer.mask
        if not isinstance(selected, str) and bool((selected & ~where).any()):
            return True
    return False


def gives_nan(make: Make) -> bool:
    """Whether a score of finite numbers is NaN: of awkward ones, near the largest, and after hundreds of steps."""
    cases = [(each, 3) for each in questions(("few", "wide", "largest", "flat"), 1)]
    cases += [(question(dtype=dtype, kind="few"), 3) for dtype in (torch.float64, torch.bfloat16)]
    cases += [(question((side,), kind="alike"), 3) for side in range(5, 60)]
    cases += [(question(kind="few", step=1_000_000), 3), (question(), 900)]
    cases += [(question(), 256), (question(kind="flat"), 255), (question((1, 40), kind="equal and large"), 1300)]
    for each, steps in cases:
        given = scores(practised(make, each.layer, steps), each)
        if given is not None and bool(given.isnan().any()):
            return True
    return False


def reads_inactive(make: Make) -> bool:
    """Whether values at inactive positions, now or in the past, change what a criterion answers."""
    if isinstance(make(), Growth):
        return False
    for each in questions(("normal", "close", "few"), 2):
        first = answer(practised(make, each.layer), each)
        for value in (50.0, -0.01):

            def filled(tensor: Tensor, value: float = value, mask: Tensor = each.layer.mask) -> Tensor:
                return torch.where(mask, tensor, value)

            plugin = make()
            for step in range(3):  # the masks of the past differ: what is active now was inactive at some time
                past = replace(each.layer, mask=each.layer.mask.roll(step), step=step + 1)
                outside = torch.where(past.mask, past.grad, value)  # type: ignore[arg-type]
                plugin.observe(mapped(replace(past, grad=outside), torch.clone))  # type: ignore[union-attr]
            other = make()
            for step in range(3):
                past = replace(each.layer, mask=each.layer.mask.roll(step), step=step + 1)
                other.observe(mapped(past, torch.clone))  # type: ignore[union-attr]
            if answer(plugin, each) != answer(other, each):
                return True
            changed = replace(each, layer=mapped(each.layer, filled))
            if answer(practised(make, each.layer), changed) != first:
                return True
    return False


def reads_inactive_of_sparse_layers(make: Make) -> bool:
    """Whether zeros in place of what is inactive change the scores of a layer with few active weights."""
    layer = question((40, 30)).layer
    mask = (torch.arange(layer.mask.numel()) % 40 == 7).view(layer.mask.shape)
    sparse = replace(layer, weight=layer.weight.where(mask, 0), mask=mask)
    zeros = mapped(sparse, lambda tensor: tensor * mask)
    first, other = (scores(make(), of_layer(each, 0.4)) for each in (sparse, zeros))
    return first is not None and other is not None and not torch.equal(first, other)


def reads_undeclared(make: Make) -> bool:
    """Whether it matters that something is there (a gradient, norms, …) that the plugin did not ask for."""
    plugin = make()
    for each in questions(("normal", "close"), 2):
        bare, layer = each.layer, each.layer
        if not plugin.requires_input_norms:
            bare = replace(bare, input_norm=None)
        if isinstance(plugin, Growth) or not plugin.requires_hessian_gradient:
            bare = replace(bare, hessian_gradient=None)
        if not plugin.requires_grad:
            bare = replace(bare, grad=None)
        if isinstance(plugin, Growth) and not plugin.requires_momentum:
            bare = replace(bare, momentum=None)
        without = answer(practised(make, bare), replace(each, layer=bare))
        if answer(practised(make, layer), replace(each, layer=layer)) != without:
            return True
    return False


def minds_positions(make: Make) -> bool:
    """Whether reordering rows, columns and kernels selects other weights, where scores differ by 2⁻²⁰ or more."""
    for each in (
        *(*questions(("normal", "close"), 3), question((2, 1500), 0, "close"), question((7, 7), 0, "close")),
        question((3, 5, 4371), 0, "close"),
    ):
        plugin = practised(make, each.layer, 0)
        first, given = select(copy.deepcopy(plugin), each), scores(copy.deepcopy(plugin), each)
        if any(plain(select(copy.deepcopy(plugin), _drawing(each, seed))) != plain(first) for seed in range(5)):
            continue  # what is drawn may be drawn otherwise
        if given is None:
            given = each.layer.weight[each.layer.mask].double().abs()
        if isinstance(first, str) or given.numel() < 2 or bool(given.sort().values.diff().min() < 1e-6):
            continue
        generator = torch.Generator().manual_seed(3)
        orders = [torch.randperm(size, generator=generator) for size in each.layer.mask.shape]

        def reordered(tensor: Tensor, orders: list[Tensor] = orders) -> Tensor:
            for dim, order in enumerate(orders):
                tensor = tensor.index_select(dim, order)
            return tensor

        other = replace(each, layer=mapped(each.layer, reordered, reordered), candidates=reordered(each.candidates))
        if plain(select(copy.deepcopy(plugin), other)) != plain(reordered(first)):
            return True
    return False


def _drawing(asked: Question, seed: int) -> Question:
    """The same question with other draws."""
    return replace(asked, layer=replace(asked.layer, generator=torch.Generator().manual_seed(1000 + seed)))


def minds_the_dtype(make: Make) -> bool:
    """Whether float64 weights, which hold the same numbers, give another selection where scores are clearly apart."""
    for each in questions(("close", "few"), 3):
        plugin = practised(make, each.layer, 0)
        given = scores(plugin, each)
        if given is None or given.numel() < 2 or bool(given.sort().values.diff().min() < 1e-4):
            continue
        first = select(copy.deepcopy(plugin), each)
        for dtype in (torch.float64,) if bool((given > 2).any()) else (torch.float64, torch.float32):
            other = replace(each, layer=mapped(each.layer, lambda tensor, dtype=dtype: tensor.to(dtype)))
            if plain(select(copy.deepcopy(plugin), other)) != plain(first):
                return True
    return False


def prefers_positions(make: Make, draws: int = 3000) -> bool:
    """Whether positions that nothing tells apart are selected more or less often than they should be.

    All rows have as many candidates, so that a preference for full rows is none here. Three t-tests, on the mean flat
    position, row and column of a selection over many generator seeds, at |t| > 6, and a binomial one for each position
    at 10⁻⁹ together.
    """
    growth = isinstance(make(), Growth)
    for shape, kind, n in (
        *(((6, 5), kind, 7) for kind in ("equal", "equal and large", "flat", "dead", "late", "half")),
        ((5, 5), "two", 9),
        *(((4, 2, 2, 3), "equal", 5), ((1, 13), "equal", 4), ((60, 50), "equal", 5), ((9, 2), "equal", 7)),
    ):
        base = question(shape, 5, "equal" if kind in ("flat", "dead", "late", "half") else kind)
        layer = base.layer if kind != "late" else replace(base.layer, step=100_000)
        if kind == "flat":
            layer = replace(layer, grad=torch.zeros_like(layer.weight), momentum=torch.zeros_like(layer.weight))
        columns = torch.arange(layer.mask.numel()).view(shape).flatten(1) if len(shape) > 1 else None
        mask = torch.ones_like(layer.mask)
        if growth and columns is not None:
            mask = ((columns - columns[:, :1] - torch.arange(len(columns))[:, None]) % columns.shape[1] == 0).view(
                shape
            )
        elif growth:
            mask = torch.zeros_like(layer.mask)
        weight = numbers_of(kind, mask)
        if kind == "half":
            weight, layer = weight.bfloat16(), mapped(layer, torch.Tensor.bfloat16)
        layer = replace(layer, weight=weight * mask, mask=mask, input_norm=torch.ones_like(weight))
        if _uneven(make, replace(of_layer(layer, 0), n=n), draws if mask.numel() < 100 else draws // 3, kind):
            return True
    return False


def numbers_of(kind: str, mask: Tensor) -> Tensor:
    """Equal weights, or ones of which each row and each column has one that is smaller: none should lose more."""
    if kind == "two":
        rows, columns = torch.arange(mask.shape[0])[:, None], torch.arange(mask.shape[1])
        return torch.where(columns == rows % mask.shape[1], 0.25, 1.0)
    return torch.full(mask.shape, {"equal and large": 100.0, "dead": 0.0}.get(kind, 1.0))


def _uneven(make: Make, asked: Question, draws: int, kind: str) -> bool:
    where = (asked.candidates if isinstance(make(), Growth) else asked.layer.mask) & (asked.layer.weight != 0.25)
    plugin = make()
    positions = where.nonzero().double()
    centred = torch.cat((torch.arange(len(positions))[:, None].double(), positions), 1)
    centred = centred - centred.mean(0)
    taken = torch.zeros((draws, len(positions)), dtype=torch.float64)
    for seed in range(draws):
        layer = replace(asked.layer, generator=torch.Generator().manual_seed(seed))
        selected = select(copy.deepcopy(plugin), replace(asked, layer=layer))
        if isinstance(selected, str):
            return False
        taken[seed] = selected[where].double()
    means = taken @ centred
    spread = means.std(0)
    leaning = (means.mean(0).abs() * math.sqrt(draws) > 6 * spread) & (spread > 0)
    share = taken.mean(0)
    fair = float(share.mean())
    counts = taken.sum(0).numpy()
    tail = min(bdtrc(counts.max() - 1, draws, fair), bdtr(counts.min(), draws, fair))
    # positions that are always, or never, taken by every draw have no spread at all
    constant = bool((spread == 0).all()) and 0 < fair < 1
    return bool(leaning.any()) or tail * 2 * len(positions) < 1e-9 or constant
