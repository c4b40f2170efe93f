"""How operations divide their work: an image into tiles, and a batch into groups that go through several of them."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.training.engines.sparse.chain import Node, Shape
from benchmark.training.engines.sparse.kernels.tiles import VECTORS
from benchmark.training.engines.sparse.table import Kind

DEEPER = 1.4
"""How much more of a tile must be used, or how much less be computed twice, for it to have more groups."""


def tile_shape(image: Shape, groups: int) -> tuple[int, int, int]:
    """Columns, rows and groups of a tile, powers of two, so that little is computed twice where tiles overlap.

    Of about equals, the one with fewest groups, so that they can be handled one by one; of these the one with most
    columns: its numbers lie side by side, and its part of the image is small.
    """
    best, chosen = 0.0, (1, 1, groups + 1)
    for wide, high, deep in sorted(_tiles(image, groups), key=lambda tile: (tile[2], -tile[0])):
        share = wide * high * deep / VECTORS
        for size, length in ((image[2], wide), (image[1], high)):
            share *= size / (-(-size // length) * length)
        if share > best * (1.1 if deep == chosen[2] else DEEPER):
            best, chosen = share, (wide, high, deep)
    return chosen


def _tiles(image: Shape, groups: int) -> Iterator[tuple[int, int, int]]:
    for wide in (8, 4, 2, 1):
        for high in (8, 4, 2, 1):
            if wide <= image[2] and high <= image[1] and wide * high <= VECTORS:
                yield wide, high, min(groups, VECTORS // (wide * high))


def strides(tile: tuple[int, int, int], steps: tuple[int, int, int]) -> list[int]:
    """The three strides of a tile; the missing ones of a smaller tile are zero."""
    found = []
    for length, step in zip(tile, steps, strict=True):
        size = 1
        while size < length:
            found.append(size * int(step))
            size *= 2
    return found + [0] * (3 - len(found))


def stretches(nodes: Sequence[Node], groups: int) -> NDArray[np.int64]:
    """Which nodes go through a batch together, as in `Tables.stretches`.

    Batch-norm needs a whole batch, and a linear layer divides one by itself.
    """
    found: list[list[int]] = []
    for number, node in enumerate(nodes):
        alone = node.kind == Kind.BATCH_NORM or node.inputs[1:] == (1, 1)
        step = max(tile_shape(node.outputs, groups)[2], tile_shape(node.inputs, groups)[2]) if node.is_product else 1
        if found and not alone and found[-1][2] < groups:
            found[-1][1:] = number + 1, max(found[-1][2], step)
        else:
            found.append([number, number + 1, groups if alone else step])
    return np.array(found, np.int64)


def together(among: NDArray[np.int64], number: int) -> bool:
    """Whether some examples go through a node and the next one before others do."""
    return any(first <= number < end - 1 for first, end, _ in among)


def one_by_one(among: NDArray[np.int64], number: int) -> bool:
    """Whether a node and the next one handle a group before they go on to the next."""
    return any(first <= number < end - 1 and step == 1 for first, end, step in among)
