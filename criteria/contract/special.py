"""Cases and trainings that are tried beside those that are drawn: large layers, late steps, long trainings, ties."""

from collections.abc import Iterator

from criteria.api import Growth
from criteria.contract.asking import Plugin, has_select, keeps_state, observes
from criteria.contract.case import Case, Place, drawn_case, enormous_case, steady_case
from criteria.contract.episodes import Episode, Load, Save, Start, Step, Train, Update
from criteria.contract.names import NAMES

Shape = tuple[int, ...]

WIDE, LARGE, MILLION = (192, 192), (260, 270), (1030, 1040)
"""Shapes that are large enough for PyTorch to divide its work among threads, for 16 bits, and for 20 bits (2**20 is
1,048,576) and most shortcuts."""

FLAT, TALL = (3, 4_700), (4_700, 3)
"""Shapes with as many inputs, or outputs, as layers of common networks have (VGG-16: 4,608)."""

WIDEST = (2, 65_536)
"""A shape with more inputs than half precision and 16 bits count (65,504 and 65,535); in 8 or 16 bits they are 0.

One with as many outputs would need 39 GB of a plugin that compares each output with every other, as a right one may.
"""


def none(_plugin: Plugin) -> Iterator[Case]:
    """No cases beside those that are drawn."""
    yield from ()


def large(plugin: Plugin) -> Iterator[Case]:
    """Layers of thousands of weights, with kernels of several forms."""
    observed = 2 if observes(plugin) else 0
    for shape in ((40, 30, 3, 5), WIDE, LARGE):
        yield _half(shape, observed)


def huge(plugin: Plugin) -> Iterator[Case]:
    """Layers of thousands and of a million weights."""
    yield from large(plugin)
    yield _half(MILLION, int(observes(plugin)))


def watched(plugin: Plugin) -> Iterator[Case]:
    """Layers in other numbers than float32, and layers of thousands and of a million weights."""
    observed = 2 if observes(plugin) else 0
    for dtype in ("bfloat16", "float64"):
        yield drawn_case((6, 5), 15, 5, observed=observed, place=Place(dtype=dtype))
    yield from huge(plugin)


def enormous(plugin: Plugin) -> Iterator[Case]:
    """Layers of thousands, of a million and, for a selection of its own, of more than 2**20 and 2**24 weights."""
    yield from huge(plugin)
    if has_select(plugin):
        few = 15_000
        active = few if isinstance(plugin, Growth) else MILLION[0] * MILLION[1] - few
        yield drawn_case(MILLION, active, 300_000, observed=int(observes(plugin)))
        yield enormous_case(5000, 1000, plugin.requires_grad, isinstance(plugin, Growth))


def late_steps(_plugin: Plugin) -> Iterator[Case]:
    """Late steps."""
    for step in (300, 33_000, 70_000, 1_000_000):
        yield drawn_case((6, 5), 15, 5, step=step)
    yield drawn_case((6, 5), 15, 5, step=1_000_000, values="dead")  # zeros, divided by what has become zero


def late(plugin: Plugin) -> Iterator[Case]:
    """Late steps, and hundreds of steps that were observed."""
    yield from late_steps(plugin)
    if observes(plugin):
        yield drawn_case((12, 10), 60, 20, observed=300, values="dead")  # a sum of zeros, divided by a count
        yield drawn_case((2, 3, 3, 5), 40, 11, observed=70, step=2_000)


def late_and_large(plugin: Plugin) -> Iterator[Case]:
    """Late steps, and layers of thousands of weights."""
    yield from late(plugin)
    if observes(plugin):
        yield steady_case(observed=1000)  # a factor of 0.9 more often than float32 has room for
    yield from rounded(plugin)
    yield from large(plugin)
    yield from beyond_counting(plugin)


def beyond_counting(plugin: Plugin) -> Iterator[Case]:
    """Layers with very many inputs, some of whose weights are zero: a count may not hold so many.

    A growth is not asked about them: a right one may compare each input with every other, which takes it minutes.
    """
    for active in () if isinstance(plugin, Growth) else (130_000, 131_072):
        yield drawn_case(WIDEST, active, 1_000, values="dead", observed=int(observes(plugin)))


def rounded(_plugin: Plugin) -> Iterator[Case]:
    """Equal weights whose sums are rounded: their variance may come out below zero."""
    for seed, active in enumerate((6, 9, 14, 26, 30, 34, 50, 60)):
        yield drawn_case((4, 16), active, active // 3, seed, values="inexact")


def late_and_enormous(plugin: Plugin) -> Iterator[Case]:
    """Late steps, and layers of any size."""
    yield from late(plugin)
    yield drawn_case((40, 30, 3, 5), 9_000, 2_000, place=Place(dtype="bfloat16"))
    for n in (20, 2_020):  # of weights that are all equal: a selection that recurses at each of them is too deep
        yield drawn_case((64, 64), 2048, n, values="equal")
    yield from beyond_counting(plugin)
    yield from enormous(plugin)


def saved_at(plugin: Plugin) -> Iterator[Case]:
    """Times at which a state is saved: at once, while averages are warming up, and after hundreds of steps."""
    if keeps_state(plugin):
        for observed in (0, 1, 3, 7, 10, 19, 50, 99, 200, 500) if observes(plugin) else (0,):
            yield drawn_case((3, 4), 7, 3, observed=observed)
        yield drawn_case((130, 140), 9_000, 3_000, observed=2 if observes(plugin) else 0)


def saved_large(plugin: Plugin) -> Iterator[Case]:
    """A layer of a million weights, of which something is remembered."""
    if keeps_state(plugin):
        yield _half(MILLION, int(observes(plugin)))


def saved_soon(plugin: Plugin) -> Iterator[Case]:
    """A state that is saved after a few steps."""
    if keeps_state(plugin):
        yield drawn_case((3, 4), 7, 3, observed=3 if observes(plugin) else 0)


def ranked(plugin: Plugin) -> Iterator[Case]:
    """Layers of thousands and of a million weights no two of which are alike."""
    for shape in ((7, 9, 3, 5), (8, 8, 3, 3), (60, 60), (120, 150), FLAT, TALL, LARGE, MILLION):
        yield _half(shape, int(observes(plugin)), values="ranks")
    yield _half(LARGE, int(observes(plugin)))  # no two gradients are alike either
    if isinstance(plugin, Growth):
        yield _half(LARGE, 0, values="gradient ranks")


def tied(plugin: Plugin) -> Iterator[Case]:
    """Layers in which weights are alike, all of them or many, from a few weights to a million."""
    yield drawn_case((5, 3, 2, 3), 45, 15, values="equal")
    yield from few_tied(plugin)
    yield drawn_case((1, 11), 8, 3, values="levels")
    yield drawn_case((1, 40), 20, 7, values="equal")  # what is scored by other units finds none
    for n in (30, 100):  # fewer and more than are dead
        yield drawn_case((16, 16), 128, n, values="dead")
    yield drawn_case((64, 64), 2048, 700, values="idle")  # no gradient reaches it
    for dtype in ("bfloat16", "float64"):
        yield drawn_case((16, 16), 128, 40, values="levels", place=Place(dtype=dtype))
    yield drawn_case((16, 8, 3, 3), 576, 200, values="levels")
    yield drawn_case((24, 24), 576, 200, values="equal")  # every position is in the list that is drawn from
    yield drawn_case((48, 48), 2304, 800, values="equal")  # so are the sums of all rows and columns
    yield drawn_case((64, 64), 2048, 700, values="equal")
    yield drawn_case((64, 64), 2048, 400, values="levels")
    yield drawn_case((64, 64), 2048, 20, values="equal")
    yield drawn_case((64, 64), 2048, 2_020, values="equal")
    for shape in ((70, 64), LARGE):  # few of many, where blocks of 4,096 or 65,536 leave a short one at the end
        yield drawn_case(shape, shape[0] * shape[1] // 2, 300, values="equal")
    yield drawn_case((160, 170), 14_000, 3_000, values="levels")
    yield drawn_case(MILLION, 600_000, 100_000, values="levels")
    # ranks of more than 2**19, which leave few of their 24 bits for a draw that is added to them
    active = 21_200 if isinstance(plugin, Growth) else 1_050_000
    yield drawn_case(MILLION, active, 790_000, values="levels")


def million_tied(plugin: Plugin) -> Iterator[Case]:
    """A layer of a million weights, many of which are alike."""
    yield drawn_case(MILLION, 640_000, 200_000, values="levels", observed=int(observes(plugin)))


def few_tied(_plugin: Plugin) -> Iterator[Case]:
    """A layer in which many weights are alike, which is quickly tried."""
    yield drawn_case((3, 4), 7, 3, values="levels")


def unlike(_plugin: Plugin) -> Iterator[Case]:
    """Layers no two weights of which are alike, small ones."""
    yield drawn_case((3, 4), 8, 3, values="normal")
    yield drawn_case((64, 64), 2048, 1000, values="normal")


def long_trainings(observing: bool) -> Iterator[Episode]:
    """Trainings of many layers, and of hundreds of steps."""
    crowd = Start(1, tuple(((3, 4), 5) for _ in NAMES))
    yield Episode(crowd, [Train(steps=2), Save(), Train(), Update(0.4), Train(), Load()])
    if observing:
        pair = Start(2, (((3, 4), 5), ((2, 3, 1, 3), 9)))
        some: list[Step] = [
            Train(steps=60),
            Save(),
            Load(),  # what it remembers of the last steps is asked for before there are others
            Train(steps=5),
            Update(0.4),
            Train(steps=60),
            Load(),
            Train(),
            Load(),
        ]
        yield Episode(pair, some)
    yield Episode(Start(3, (((300, 200), 20_000), ((30, 20, 3, 5), 4_000))), [Train(), Save(), Update(0.3), Load()])


def _half(shape: Shape, observed: int, values: str = "normal") -> Case:
    size = 1
    for side in shape:
        size *= side
    return drawn_case(shape, size * 3 // 5, size // 5, values=values, observed=observed)  # type: ignore[arg-type]
