"""Several processes that train the same networks: who there is, and what they tell each other.

``torchrun --nproc-per-node N -m benchmark run …`` starts the processes, each with its own GPU where there are some.
A function whose name speaks of the processes (``broadcast_from_first``, ``sum_over_processes``, ``any_process``, …) is
a collective call: every process has to make it, in the same order, or all of them wait for ever. In a process that was
started alone these functions give back what they were given. :func:`rank`, :func:`size` and :func:`share` ask nobody.

Nothing here knows what is trained. Torch is imported by those who join, so that a command that trains nothing starts
at once.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from threading import Timer
from typing import TYPE_CHECKING, Any, TypeVar

from criteria.errors import InputError, one_line

if TYPE_CHECKING:
    from torch import Tensor
    from torch.distributed.distributed_c10d import Store

HOW = "start it as torchrun --nproc-per-node N -m benchmark run EXPERIMENT"
SILENT_SECONDS = 5.0
"""After which a process that waits for the others says so."""

Value = TypeVar("Value")


class AnotherFailedError(Exception):
    """Another process has failed before this one, and says why; this one has nothing to add."""


def started_together() -> int:
    """How many processes this one was started with, itself included, as the environment says."""
    text = os.environ.get("WORLD_SIZE", "1")
    try:
        return int(text)
    except ValueError:
        raise InputError(f"WORLD_SIZE is {text!r}, which is not a number of processes; {HOW}") from None


@contextmanager
def joined() -> Iterator[None]:
    """Join the processes that were started together with this one, where there are any, for the length of the block.

    Only the first process speaks. Where one fails all end: the first to fail raises what it failed with, the others
    raise :class:`AnotherFailedError`.
    """
    if started_together() == 1:
        yield
        return
    import torch.distributed as dist

    store = _join()
    try:
        with _silent(rank() > 0):
            yield
    except BaseException as error:
        if _has_failed_before(store):
            raise AnotherFailedError from error
        raise
    dist.destroy_process_group()


def rank() -> int:
    """Number of this process, from 0."""
    if not _has_joined():
        return 0
    import torch.distributed as dist

    return dist.get_rank()


def size() -> int:
    """How many processes train together."""
    if not _has_joined():
        return 1
    import torch.distributed as dist

    return dist.get_world_size()


def share(count: int) -> slice:
    """Which of ``count`` things are this process's; every thing is one process's, and shares differ by at most one."""
    return slice(count * rank() // size(), count * (rank() + 1) // size())


def broadcast_from_first(value: Value) -> Value:
    """The ``value`` of the first process, in all of them, for what they could see differently, such as a disk's files.

    Collective.
    """
    if not _has_joined():
        return value
    import torch.distributed as dist

    shared: list[Any] = [value]
    with _lost_processes():
        dist.broadcast_object_list(shared)
    first: Value = shared[0]
    return first


def sum_over_processes(tensor: "Tensor") -> "Tensor":
    """The sum of ``tensor`` over the processes. Collective."""
    return _reduced(tensor, "SUM")


def largest_over_processes(tensor: "Tensor") -> "Tensor":
    """The largest value of each element of ``tensor`` in any process. Collective."""
    return _reduced(tensor, "MAX")


def any_process(here: bool) -> bool:
    """Whether it is so in any of the processes. Collective."""
    if not _has_joined():
        return here
    import torch

    return bool(sum_over_processes(torch.tensor(int(here))))


def mean_over_processes(flat: "Tensor", weight: int) -> "Tensor":
    """The mean of ``flat`` [N] over the processes, in which each counts ``weight`` times. Collective.

    With the number of examples that a process has of a batch as its weight, means over these examples become means over
    the batch. A weight may be 0, but not in all processes. All processes get the same bits.
    """
    if not _has_joined():
        return flat
    import torch

    summed = sum_over_processes(torch.cat([weight * flat, weight * flat.new_ones(1)]))
    return (summed / summed[-1])[:-1]


def same_on_all_processes(tensors: "Iterable[Tensor]") -> bool:
    """Whether ``tensors`` have the same sums in all processes, as they have where they are the same. Collective."""
    if not _has_joined():
        return True
    import torch

    with torch.no_grad():
        sums = torch.stack([tensor.double().sum() for tensor in tensors]).nan_to_num()
    return torch.equal(_reduced(sums, "MIN"), _reduced(sums, "MAX"))


def _has_joined() -> bool:
    """Whether this process trains with others; asking does not import torch."""
    distributed = sys.modules.get("torch.distributed")
    return distributed is not None and bool(distributed.is_available() and distributed.is_initialized())


def _join() -> "Store":
    """Start communicating, by CPU and, where there is CUDA, by GPU; returns what the processes can leave notes in."""
    import torch
    import torch.distributed as dist
    from torch.distributed.distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    cuda = torch.cuda.is_available()
    try:
        if cuda:
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        with _told_while_waiting():
            store, number, processes = next(rendezvous("env://"))
            backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"
            dist.init_process_group(backend, store=store, rank=number, world_size=processes)
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"with this RANK, LOCAL_RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT processes cannot train together "
            f"({one_line(error)}); {HOW}, with N up to the number of GPUs"
        ) from error
    return PrefixStore("dst-bench", store)


@contextmanager
def _told_while_waiting() -> Iterator[None]:
    """Say on stderr what this process waits for, where it waits for more than a moment."""
    environment = os.environ
    place = f"{environment.get('MASTER_ADDR')}:{environment.get('MASTER_PORT')}"
    line = (
        f"dst-bench: process {environment.get('RANK')} of {environment.get('WORLD_SIZE')} waits for the others at "
        f"{place}; unset WORLD_SIZE to train in one process\n"
    )
    timer = Timer(SILENT_SECONDS, lambda: sys.stderr.write(line))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _reduced(tensor: "Tensor", operation: str) -> "Tensor":
    if not _has_joined():
        return tensor
    import torch.distributed as dist

    result = tensor.clone()
    with _lost_processes():
        dist.all_reduce(result, getattr(dist.ReduceOp, operation))
    return result


@contextmanager
def _lost_processes() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise InputError(f"the processes of this training have lost each other ({one_line(error)})") from error


def _has_failed_before(store: "Store") -> bool:
    """Whether another process has failed before this one; notes that this one has."""
    try:
        return int(store.add("failed", 1)) > 1
    except RuntimeError:  # whoever keeps the notes has ended: without torchrun this is the first process
        return False


@contextmanager
def _silent(silent: bool) -> Iterator[None]:
    if not silent:
        yield
        return
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield
