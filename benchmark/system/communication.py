"""One network on several processes: each trains on its share of every batch, and all keep the same weights and masks.

``torchrun --nproc-per-node N -m benchmark run …`` starts the processes, each with its own GPU where there are some.
Gradients are averaged before anything reads them, and every random draw has a name (`criteria.randomness`), so the
optimizer steps and topology updates of all processes are the same. What differs from one process is batch-norm: each
process normalises by its own share of a batch, and before an evaluation the running statistics are averaged. A process
that was started alone does not communicate: every function here is then the identity.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from criteria.errors import InputError, one_line

HOW = "start it as torchrun --nproc-per-node N -m benchmark run EXPERIMENT"

Value = TypeVar("Value")


@contextmanager
def joined(command: str) -> Iterator[None]:
    """Join the processes that were started together with this one, where there are any, for the length of the block.

    Only the first process speaks. Where one fails all end: the first to fail raises what it failed with, the others
    end with status 1 and say nothing. Raises :class:`InputError` for a command that one process has to do.
    """
    processes = os.environ.get("WORLD_SIZE", "1")
    if processes == "1":
        yield
        return
    if command != "run":
        if os.environ.get("RANK", "0") != "0":
            raise SystemExit(1)
        raise InputError(f"only `run` works on several processes, and WORLD_SIZE is {processes}; unset it")
    store = _join()
    try:
        with _quiet(rank() > 0):
            yield
    except BaseException:
        if _has_failed_before(store):
            raise SystemExit(1) from None
        raise
    dist.destroy_process_group()


def rank() -> int:
    """Number of this process, from 0."""
    return dist.get_rank() if _several() else 0


def size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if _several() else 1


def share(count: int) -> slice:
    """Which of ``count`` things are this process's; every thing is one process's, and shares differ by at most one."""
    return slice(count * rank() // size(), count * (rank() + 1) // size())


def broadcast_from_first(value: Value) -> Value:
    """What ``value`` is in the first process; a collective call: all processes have to make it.

    It is for what processes might see otherwise, such as the files on a disk.
    """
    if not _several():
        return value
    shared: list[Any] = [value]
    with _lost_processes():
        dist.broadcast_object_list(shared)
    first: Value = shared[0]
    return first


def sum_over_processes(tensor: Tensor) -> Tensor:
    """The sum of ``tensor`` over the processes; a collective call."""
    return _reduced(tensor, dist.ReduceOp.SUM) if _several() else tensor


def largest_over_processes(tensor: Tensor) -> Tensor:
    """The largest value over the processes, position by position; a collective call."""
    return _reduced(tensor, dist.ReduceOp.MAX) if _several() else tensor


def mean_over_processes(flat: Tensor, weight: int) -> Tensor:
    """The mean of ``flat`` [numbers] over the processes, each with its ``weight``; a collective call."""
    if not _several():
        return flat
    summed = sum_over_processes(weight * torch.cat([flat, flat.new_ones(1)]))
    return summed[:-1] / summed[-1]


def any_process(flag: bool) -> bool:
    """Whether ``flag`` is true in any of the processes; a collective call."""
    return bool(sum_over_processes(torch.tensor(int(flag))))


def same_on_all_processes(tensors: Sequence[Tensor]) -> bool:
    """Whether the sums of ``tensors`` are the same in all processes; a collective call."""
    if not _several():
        return True
    sums = torch.stack([tensor.double().sum() for tensor in tensors]).nan_to_num()
    return torch.equal(_reduced(sums, dist.ReduceOp.MIN), _reduced(sums, dist.ReduceOp.MAX))


def _several() -> bool:
    return dist.is_initialized()


def _join() -> Store:
    """Start communicating, by CPU and, where there is CUDA, by GPU; returns what the processes can leave notes in."""
    cuda = torch.cuda.is_available()
    try:
        if cuda:
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        store, number, processes = next(rendezvous("env://"))
        backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"
        dist.init_process_group(backend, store=store, rank=number, world_size=processes)
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"with this RANK, LOCAL_RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT processes cannot train together "
            f"({one_line(error)}); {HOW}, with N up to the number of GPUs"
        ) from error
    return PrefixStore("dst-bench", store)


def _reduced(tensor: Tensor, operation: Any) -> Tensor:
    result = tensor.clone()
    with _lost_processes():
        dist.all_reduce(result, operation)
    return result


@contextmanager
def _lost_processes() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise InputError(f"the processes of this training have lost each other ({one_line(error)})") from error


def _has_failed_before(store: Store) -> bool:
    """Whether another process has failed before this one; notes that this one has."""
    try:
        return int(store.add("failed", 1)) > 1
    except RuntimeError:  # who keeps the notes has ended: without torchrun the first process
        return False


@contextmanager
def _quiet(quiet: bool) -> Iterator[None]:
    if not quiet:
        yield
        return
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield
