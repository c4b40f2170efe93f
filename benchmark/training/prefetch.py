"""Working ahead: what takes the CPU a while, such as decoding images, is done while something else computes."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def ahead(items: Iterator[Item], count: int) -> Iterator[Item]:
    """The same ``items`` in the same order, of which up to ``count`` are made in a thread before they are asked for.

    What making them raises is raised where the item is asked for.
    """
    end = object()
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        coming = deque(thread.submit(next, items, end) for _ in range(count))
        try:
            while (item := coming.popleft().result()) is not end:
                coming.append(thread.submit(next, items, end))
                yield item  # type: ignore[misc]  # next() gives an item or the end
        finally:
            for future in coming:
                future.cancel()
